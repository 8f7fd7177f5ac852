// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "fft.hpp"
#include "noise_floor.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace avrig::spectral {

struct DenoiserOptions {
  std::uint32_t window = 1024;   ///< a power of two; four windows overlap
  std::uint32_t learn_hops = 0;  ///< 0 = track the floor
  float over = 3.0F;             ///< how many times the floor is subtracted
  float floor_gain = 0.125F;     ///< what is left of a band that is all noise
};

/// Spectral subtraction on one channel, hop by hop: Hann windows before and after, 75 % overlap.
///
/// Thread: one at a time      RT-safe: all but the constructor
class Denoiser {
 public:
  explicit Denoiser(const DenoiserOptions& options);

  /// Strength while running.
  void set_strength(float over, float floor_gain) noexcept;

  /// A stream begins at sample `first`: windows lie on multiples of the hop from sample 0.
  void begin(std::int64_t first) noexcept;
  /// `hop` samples make one step; in goes the next one, `out` gets the finished hop that began
  /// `window` samples before the end of `in`.
  void step(std::span<const float> in, std::span<float> out) noexcept;

 private:
  void analyse() noexcept;
  void subtract() noexcept;
  void synthesise() noexcept;

  DenoiserOptions options_;
  std::size_t hop_;
  Fft fft_;
  NoiseFloor noise_;
  std::uint64_t hop_number_ = 0;
  std::uint32_t clean_hops_ = 0;  ///< hops of this stream in the window
  std::vector<float> hann_;
  std::vector<float> input_;
  std::vector<float> re_;
  std::vector<float> im_;
  std::vector<float> power_;
  std::vector<float> sum_;
};

}  // namespace avrig::spectral
