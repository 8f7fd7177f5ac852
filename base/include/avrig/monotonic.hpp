// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <ctime>

namespace avrig {

/// Nanoseconds of CLOCK_MONOTONIC, the one timeline of a rig.
///
/// Thread: any      RT-safe: yes
[[nodiscard]] inline std::int64_t monotonic_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// The same timeline, but as of the last timer tick: up to 4 ms old, and a quarter of the cost.
///
/// Thread: any      RT-safe: yes
[[nodiscard]] inline std::int64_t monotonic_coarse_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// `ns` of CLOCK_MONOTONIC as the kernel takes it.
[[nodiscard]] inline timespec to_timespec(std::int64_t ns) noexcept {
  return timespec{ns / 1'000'000'000, static_cast<long>(ns % 1'000'000'000)};
}

}  // namespace avrig
