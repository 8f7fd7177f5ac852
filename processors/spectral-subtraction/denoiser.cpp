// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "denoiser.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace avrig::spectral {

Denoiser::Denoiser(const DenoiserOptions& options)
    : options_(options),
      hop_(options.window / 4),
      fft_(options.window),
      noise_(options.window / 2 + 1, options.learn_hops),
      hann_(options.window),
      input_(options.window),
      re_(options.window),
      im_(options.window),
      power_(options.window / 2 + 1),
      sum_(options.window) {
  for (std::size_t n = 0; n < hann_.size(); ++n) {
    const double turn = static_cast<double>(n) / static_cast<double>(hann_.size());
    hann_[n] = static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * turn));
  }
}

void Denoiser::set_strength(float over, float floor_gain) noexcept {
  options_.over = over;
  options_.floor_gain = floor_gain;
}

void Denoiser::begin(std::int64_t first) noexcept {
  hop_number_ = static_cast<std::uint64_t>(first) / hop_;
  clean_hops_ = 0;
  noise_.reset();
  std::ranges::fill(input_, 0.0F);
  std::ranges::fill(sum_, 0.0F);
}

void Denoiser::step(std::span<const float> in, std::span<float> out) noexcept {
  std::copy(input_.begin() + static_cast<std::ptrdiff_t>(hop_), input_.end(), input_.begin());
  std::ranges::copy(in, input_.end() - static_cast<std::ptrdiff_t>(hop_));
  analyse();
  // The silence before the stream is no noise of its room.
  clean_hops_ = std::min(clean_hops_ + 1, 5U);
  if (clean_hops_ == 5) {
    noise_.add(hop_number_, power_);
  }
  ++hop_number_;
  if (noise_.known()) {
    subtract();
  }
  synthesise();
  std::copy_n(sum_.begin(), hop_, out.begin());
  std::copy(sum_.begin() + static_cast<std::ptrdiff_t>(hop_), sum_.end(), sum_.begin());
  std::fill(sum_.end() - static_cast<std::ptrdiff_t>(hop_), sum_.end(), 0.0F);
}

void Denoiser::analyse() noexcept {
  for (std::size_t n = 0; n < re_.size(); ++n) {
    re_[n] = input_[n] * hann_[n];
    im_[n] = 0.0F;
  }
  fft_.transform(re_.data(), im_.data());
  for (std::size_t k = 0; k < power_.size(); ++k) {
    power_[k] = re_[k] * re_[k] + im_[k] * im_[k];
  }
}

void Denoiser::subtract() noexcept {
  const std::size_t last = power_.size() - 1;
  const std::size_t n = re_.size();
  const auto floor = noise_.power();
  const float least = options_.floor_gain * options_.floor_gain;
  for (std::size_t k = 0; k <= last; ++k) {
    // Over neighbours, so that single bands do not flicker ("musical noise").
    const float around = 0.5F * power_[k] + 0.25F * (power_[k == 0 ? 1 : k - 1] +
                                                     power_[k == last ? last - 1 : k + 1]);
    const float kept = around > 0.0F ? 1.0F - options_.over * floor[k] / around : 0.0F;
    const float gain = std::sqrt(std::max(kept, least));
    re_[k] *= gain;
    im_[k] *= gain;
    if (k != 0 && k != last) {
      re_[n - k] *= gain;
      im_[n - k] *= gain;
    }
  }
}

void Denoiser::synthesise() noexcept {
  fft_.transform(im_.data(), re_.data());
  // Four overlapped squares of Hann windows add up to 3/2.
  const float scale = 2.0F / 3.0F / static_cast<float>(re_.size());
  for (std::size_t n = 0; n < re_.size(); ++n) {
    sum_[n] += scale * hann_[n] * re_[n];
  }
}

}  // namespace avrig::spectral
