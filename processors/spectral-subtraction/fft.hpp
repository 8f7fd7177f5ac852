// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace avrig::spectral {

/// The discrete Fourier transform of a power of two of complex values, real and imaginary parts
/// apart.
///
/// Thread: any, one at a time      RT-safe: transform()
class Fft {
 public:
  explicit Fft(std::size_t size);
  [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }
  /// In place and not scaled. Swapping the arguments gives the inverse.
  void transform(float* re, float* im) const noexcept;

 private:
  std::vector<std::uint32_t> order_;
  std::vector<float> cosines_;  ///< stage after stage: 1, 2, 4, ... of them
  std::vector<float> sines_;
};

}  // namespace avrig::spectral
