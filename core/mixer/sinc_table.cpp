// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mix.hpp"

#include <cmath>
#include <numbers>

namespace avrig::mixer {

namespace {

double bessel_i0(double x) {
  double sum = 1.0;
  double term = 1.0;
  for (int k = 1; k < 60; ++k) {
    term *= (x / (2.0 * k)) * (x / (2.0 * k));
    sum += term;
  }
  return sum;
}

}  // namespace

std::vector<float> make_sinc_table() {
  constexpr double kBeta = 9.0;
  std::vector<double> rows(static_cast<std::size_t>((kSincPhases + 1) * kSincTaps));
  for (int phase = 0; phase <= kSincPhases; ++phase) {
    double* row = rows.data() + phase * kSincTaps;
    double sum = 0.0;
    for (int tap = 0; tap < kSincTaps; ++tap) {
      const double x = tap - kSincBefore - static_cast<double>(phase) / kSincPhases;
      const double w = 2.0 * x / kSincTaps;
      const double window =
          std::abs(w) >= 1.0 ? 0.0 : bessel_i0(kBeta * std::sqrt(1.0 - w * w)) / bessel_i0(kBeta);
      const double a = std::numbers::pi * x;
      row[tap] = window * (std::abs(x) < 1e-12 ? 1.0 : std::sin(a) / a);
      sum += row[tap];
    }
    for (int tap = 0; tap < kSincTaps; ++tap) {
      row[tap] /= sum;  // a constant stays one
    }
  }
  std::vector<float> table(static_cast<std::size_t>(kSincPhases * 2 * kSincTaps));
  for (int phase = 0; phase < kSincPhases; ++phase) {
    for (int tap = 0; tap < kSincTaps; ++tap) {
      const double c = rows[static_cast<std::size_t>(phase * kSincTaps + tap)];
      const double next = rows[static_cast<std::size_t>((phase + 1) * kSincTaps + tap)];
      table[static_cast<std::size_t>(phase * 2 * kSincTaps + tap)] = static_cast<float>(c);
      table[static_cast<std::size_t>((phase * 2 + 1) * kSincTaps + tap)] =
          static_cast<float>(next - c);
    }
  }
  return table;
}

}  // namespace avrig::mixer
