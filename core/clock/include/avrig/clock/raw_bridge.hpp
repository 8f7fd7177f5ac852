// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>

namespace avrig::clock {

/// CLOCK_MONOTONIC_RAW (JACK's microseconds) to CLOCK_MONOTONIC.
///
/// The two differ by an offset that grows as the system's clock is disciplined; it is measured by
/// paired reads and followed slowly.
///
/// Thread: one (control)
class RawBridge {
 public:
  RawBridge() noexcept { update(); }

  /// Measure again: the narrowest of eight MONOTONIC-RAW-MONOTONIC reads. Once a second will do.
  void update() noexcept;

  [[nodiscard]] std::int64_t to_monotonic_ns(std::int64_t raw_ns) const noexcept {
    return raw_ns + offset_ns_;
  }
  [[nodiscard]] std::int64_t offset_ns() const noexcept { return offset_ns_; }
  /// Half the width of the narrowest pair: the bridge's uncertainty.
  [[nodiscard]] std::int64_t sigma_ns() const noexcept { return sigma_ns_; }

 private:
  std::int64_t offset_ns_ = 0;
  std::int64_t sigma_ns_ = 0;
  bool measured_ = false;
};

}  // namespace avrig::clock
