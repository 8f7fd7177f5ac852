// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace avrig::bench {

/// OpenAL Soft behind its loopback device: looping mono sources with gain and place, HRTF and
/// limiter off. It copies the samples it is given.
class OpenAlPeer {
 public:
  /// Resampler: 1 linear, 2 cubic, 3 sinc of 11th order. Throws std::runtime_error.
  OpenAlPeer(
      const float* samples, std::size_t length, std::uint32_t voices, float pitch, int resampler);
  ~OpenAlPeer();
  void render(float* interleaved, std::size_t samples);
  /// What sources[i] really had to be: how many sources it granted.
  [[nodiscard]] std::uint32_t voices() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::bench
