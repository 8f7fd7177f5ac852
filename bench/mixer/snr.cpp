// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "snr.hpp"

#include "openal_peer.hpp"
#include "rigs.hpp"
#include <avrig/mixer/commands.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

using namespace avrig::mixer;

namespace avrig::bench {

namespace {

constexpr double kRate = 48000;
// From bass to what a loudspeaker's tweeter does; no tone is a multiple of another.
constexpr double kTones[] = {61, 173, 457, 1009, 1999, 3331, 4999, 6779, 8513, 10007, 12007};
constexpr double kPitches[] = {0.7, 0.93, 1.1, 1.37};
constexpr std::size_t kSettle = 4096;
constexpr std::size_t kWindow = 16384;

std::vector<float> tones() {
  std::vector<float> samples(2 * static_cast<std::size_t>(kLength));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < std::size(kTones); ++k) {
      sum += std::sin(2 * std::numbers::pi * kTones[k] / kRate * static_cast<double>(i) +
                      static_cast<double>(k));
    }
    samples[i] = static_cast<float>(sum * 0.05);
  }
  return samples;
}

// Solve a x = b in place, by elimination with pivots.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t most = c;
    for (std::size_t r = c + 1; r < n; ++r) {
      most = std::abs(a[r][c]) > std::abs(a[most][c]) ? r : most;
    }
    std::swap(a[c], a[most]);
    std::swap(b[c], b[most]);
    for (std::size_t r = c + 1; r < n; ++r) {
      const double factor = a[r][c] / a[c][c];
      for (std::size_t k = c; k < n; ++k) {
        a[r][k] -= factor * a[c][k];
      }
      b[r] -= factor * b[c];
    }
  }
  for (std::size_t c = n; c-- > 0;) {
    for (std::size_t k = c + 1; k < n; ++k) {
      b[c] -= a[c][k] * b[k];
    }
    b[c] /= a[c][c];
  }
  return b;
}

// Sine and cosine of each tone at its pitch, and a constant, fitted by least squares: level and
// phase may be the resampler's own; all else is noise.
double snr_db(const std::vector<float>& heard, double pitch) {
  constexpr std::size_t kTerms = 2 * std::size(kTones) + 1;
  std::vector<std::vector<double>> normal(kTerms, std::vector<double>(kTerms));
  std::vector<double> right(kTerms);
  std::vector<double> row(kTerms);
  const auto terms = [&row, pitch](std::size_t i) {
    for (std::size_t k = 0; k < std::size(kTones); ++k) {
      const double a = 2 * std::numbers::pi * kTones[k] * pitch / kRate * static_cast<double>(i);
      row[2 * k] = std::sin(a);
      row[2 * k + 1] = std::cos(a);
    }
    row[kTerms - 1] = 1;
  };
  for (std::size_t i = 0; i < heard.size(); ++i) {
    terms(i);
    for (std::size_t r = 0; r < kTerms; ++r) {
      for (std::size_t c = 0; c < kTerms; ++c) {
        normal[r][c] += row[r] * row[c];
      }
      right[r] += row[r] * static_cast<double>(heard[i]);
    }
  }
  const std::vector<double> fit = solve(normal, right);
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < heard.size(); ++i) {
    terms(i);
    double ideal = 0;
    for (std::size_t k = 0; k < kTerms; ++k) {
      ideal += fit[k] * row[k];
    }
    signal += ideal * ideal;
    noise += (static_cast<double>(heard[i]) - ideal) * (static_cast<double>(heard[i]) - ideal);
  }
  return 10 * std::log10(signal / noise);
}

std::vector<float> through_engine(const std::vector<float>& source, double pitch, Quality quality) {
  EngineConfig config;
  Engine engine(config);
  SampleView view;
  view.data = source.data();
  view.length = static_cast<std::int64_t>(source.size());
  view.channels = 1;
  engine.set_samples(0, view);
  Command add = add_voice(make_voice(0, 1), 0, {0, 1});
  add.as.add.pitch = pitch;
  add.as.add.quality = quality;
  engine.apply(add);
  engine.apply(start(make_voice(0, 1), now(), kLoopForever, 0));
  std::vector<float> rows[2] = {std::vector<float>(256), std::vector<float>(256)};
  float* outputs[2] = {rows[0].data(), rows[1].data()};
  std::vector<float> all;
  while (all.size() < kSettle + kWindow) {
    engine.render(outputs, 256);
    all.insert(all.end(), rows[0].begin(), rows[0].end());
  }
  return {all.begin() + kSettle, all.begin() + kSettle + kWindow};
}

std::vector<float> through_openal(const std::vector<float>& source, double pitch, int resampler) {
  OpenAlPeer peer(source.data(), source.size(), 1, static_cast<float>(pitch), resampler);
  std::vector<float> block(512);
  std::vector<float> all;
  while (all.size() < kSettle + kWindow) {
    peer.render(block.data(), 256);
    for (std::size_t i = 0; i < 256; ++i) {
      all.push_back(block[2 * i]);
    }
  }
  return {all.begin() + kSettle, all.begin() + kSettle + kWindow};
}

}  // namespace

void measure_snr() {
  const std::vector<float> source = tones();
  const char* names[] = {"linear", "cubic", "sinc"};
  for (int way = 0; way < 3; ++way) {
    double ours = 1e9;
    double theirs = 1e9;
    for (const double pitch : kPitches) {
      // OpenAL takes the pitch as float and rounds its step to 1/4096 (2^-12).
      const double taken = std::round(pitch * 4096) / 4096;
      ours =
          std::min(ours, snr_db(through_engine(source, taken, static_cast<Quality>(way)), taken));
      theirs = std::min(theirs, snr_db(through_openal(source, taken, way + 1), taken));
    }
    tell(std::string("snr ") + names[way], "avrig", "db", ours);
    tell(std::string("snr ") + names[way], "OpenAL Soft", "db", theirs);
  }
}

}  // namespace avrig::bench
