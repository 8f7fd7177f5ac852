// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/clock/raw_bridge.hpp>
#include <avrig/monotonic.hpp>

#include <cstdlib>
#include <ctime>

namespace avrig::clock {
namespace {

std::int64_t raw_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

void RawBridge::update() noexcept {
  std::int64_t narrowest = INT64_MAX;
  std::int64_t offset = offset_ns_;
  for (int pair = 0; pair < 8; ++pair) {
    const std::int64_t before = monotonic_ns();
    const std::int64_t raw = raw_ns();
    const std::int64_t after = monotonic_ns();
    if (after - before < narrowest) {
      narrowest = after - before;
      offset = before + (after - before) / 2 - raw;
    }
  }
  sigma_ns_ = narrowest / 2;
  // A step (the first measurement, a suspended machine) is taken at once; slewing is followed.
  const bool step = !measured_ || std::llabs(offset - offset_ns_) > 100'000;
  offset_ns_ = step ? offset : offset_ns_ + (offset - offset_ns_) / 4;
  measured_ = true;
}

}  // namespace avrig::clock
