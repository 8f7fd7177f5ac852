// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cmath>
#include <cstdint>

namespace avrig::clock {

/// How something that counts (device frames, samples, a file's time) lies on CLOCK_MONOTONIC, for
/// one epoch: between two breaks of that counting. Converting is affine, and meaningless beyond.
struct ClockMap {
  std::uint64_t epoch = 0;
  std::int64_t index0 = 0;  ///< a count ...
  std::int64_t t0_ns = 0;   ///< ... and its CLOCK_MONOTONIC time
  double ns_per_unit = 0.0;
  std::int64_t sigma_ns = 0;  ///< standard deviation of t0_ns

  /// Thread: any      RT-safe: yes
  [[nodiscard]] std::int64_t to_ns(std::int64_t index) const noexcept {
    return t0_ns + std::llround(static_cast<double>(index - index0) * ns_per_unit);
  }
  /// The count at that time, rounded to the nearest.
  [[nodiscard]] std::int64_t to_index(std::int64_t ns) const noexcept {
    return index0 + std::llround(static_cast<double>(ns - t0_ns) / ns_per_unit);
  }
};

}  // namespace avrig::clock
