// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "fft.hpp"

#include <cmath>
#include <numbers>
#include <utility>

namespace avrig::spectral {

namespace {

/// One stage: butterflies between `half` neighbours.
void stage(float* __restrict re,
           float* __restrict im,
           const float* __restrict cosines,
           const float* __restrict sines,
           std::size_t half) noexcept {
  for (std::size_t k = 0; k < half; ++k) {
    const float turned_re = re[half + k] * cosines[k] - im[half + k] * sines[k];
    const float turned_im = re[half + k] * sines[k] + im[half + k] * cosines[k];
    re[half + k] = re[k] - turned_re;
    im[half + k] = im[k] - turned_im;
    re[k] += turned_re;
    im[k] += turned_im;
  }
}

}  // namespace

Fft::Fft(std::size_t size) : order_(size, 0) {
  for (std::size_t i = 1; i < size; ++i) {
    order_[i] = static_cast<std::uint32_t>(order_[i / 2] / 2 + (i % 2 == 0 ? 0 : size / 2));
  }
  for (std::size_t half = 1; half < size; half *= 2) {
    for (std::size_t k = 0; k < half; ++k) {
      const double angle = -std::numbers::pi * static_cast<double>(k) / static_cast<double>(half);
      cosines_.push_back(static_cast<float>(std::cos(angle)));
      sines_.push_back(static_cast<float>(std::sin(angle)));
    }
  }
}

void Fft::transform(float* re, float* im) const noexcept {
  const std::size_t n = size();
  for (std::size_t i = 0; i < n; ++i) {
    if (order_[i] > i) {
      std::swap(re[i], re[order_[i]]);
      std::swap(im[i], im[order_[i]]);
    }
  }
  for (std::size_t half = 1; half < n; half *= 2) {
    for (std::size_t start = 0; start < n; start += 2 * half) {
      stage(re + start, im + start, &cosines_[half - 1], &sines_[half - 1], half);
    }
  }
}

}  // namespace avrig::spectral
