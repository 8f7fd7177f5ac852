// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

namespace avrig::marks {

inline constexpr double kBeepSeconds = 0.005;

/// The beep that goes with a flash, peak 1: a chirp of 5 ms from 1.5 to 7 kHz (0.4 of the sample
/// rate at most), its first and last half millisecond faded by a raised cosine. A chirp's
/// correlation with itself has one sharp peak, so its place can be told to a fraction of a sample.
///
/// `shift`: by how many samples the chirp begins after element 0; for tests between samples.
[[nodiscard]] inline std::vector<float> make_beep(std::uint32_t sample_rate_hz,
                                                  double shift = 0.0) {
  const double rate = sample_rate_hz;
  const double low = std::min(1500.0, 0.1 * rate);
  const double high = std::min(7000.0, 0.4 * rate);
  const double fade = kBeepSeconds / 10;
  std::vector<float> beep(static_cast<std::size_t>(std::ceil(kBeepSeconds * rate + shift)));
  for (std::size_t n = 0; n < beep.size(); ++n) {
    const double t = (static_cast<double>(n) - shift) / rate;
    const double edge = std::min(t, kBeepSeconds - t);
    if (edge < 0) {
      continue;
    }
    const double phase =
        2 * std::numbers::pi * (low * t + (high - low) * t * t / (2 * kBeepSeconds));
    const double level = edge < fade ? 0.5 - 0.5 * std::cos(std::numbers::pi * edge / fade) : 1.0;
    beep[n] = static_cast<float>(level * std::sin(phase));
  }
  return beep;
}

}  // namespace avrig::marks
