// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "noise_floor.hpp"

#include <algorithm>
#include <limits>

namespace avrig::spectral {

namespace {

/// The mean of white noise over the least of its averages, measured.
constexpr float kBias = 1.87F;
constexpr float kNever = std::numeric_limits<float>::max();

}  // namespace

NoiseFloor::NoiseFloor(std::size_t bins, std::uint32_t learn_hops)
    : bins_(bins),
      learn_hops_(learn_hops),
      sum_(bins),
      groups_(learn_hops == 0 ? bins * kGroups : 0),
      floor_(bins) {
  reset();
}

void NoiseFloor::reset() noexcept {
  in_group_ = 0;
  learned_ = 0;
  known_ = false;
  std::ranges::fill(sum_, 0.0F);
  std::ranges::fill(groups_, kNever);
}

void NoiseFloor::add(std::uint64_t hop, std::span<const float> power) noexcept {
  if (learn_hops_ != 0) {
    learn(power);
    return;
  }
  if (hop % kGroup == 0) {
    std::ranges::fill(sum_, 0.0F);
    in_group_ = 0;
  }
  std::ranges::transform(sum_, power, sum_.begin(), [](float a, float b) { return a + b; });
  ++in_group_;
  // A group that began before the stream did, or in a gap, is no group.
  if (hop % kGroup == kGroup - 1 && in_group_ == kGroup) {
    close_group(hop / kGroup);
  }
}

void NoiseFloor::learn(std::span<const float> power) noexcept {
  if (known_) {
    return;
  }
  std::ranges::transform(sum_, power, sum_.begin(), [](float a, float b) { return a + b; });
  if (++learned_ == learn_hops_) {
    const float scale = 1.0F / static_cast<float>(learn_hops_);
    std::ranges::transform(sum_, floor_.begin(), [scale](float x) { return scale * x; });
    known_ = true;
  }
}

void NoiseFloor::close_group(std::uint64_t group) noexcept {
  float* const slot = groups_.data() + group % kGroups * bins_;
  for (std::size_t k = 0; k < bins_; ++k) {
    const std::size_t first = k < 2 ? 0 : k - 2;
    const std::size_t last = std::min(k + 2, bins_ - 1);
    float sum = 0.0F;
    for (std::size_t i = first; i <= last; ++i) {
      sum += sum_[i];
    }
    slot[k] = sum * kBias / static_cast<float>(kGroup * (last - first + 1));
  }
  std::copy_n(groups_.begin(), bins_, floor_.begin());
  for (std::size_t g = 1; g < kGroups; ++g) {
    const float* const other = groups_.data() + g * bins_;
    for (std::size_t k = 0; k < bins_; ++k) {
      floor_[k] = std::min(floor_[k], other[k]);
    }
  }
  known_ = true;
}

}  // namespace avrig::spectral
