// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <algorithm>
#include <cstdint>

namespace avrig::jack_writer {

/// Notices that the server does not call any more: stopped, or hanging in its own code.
///
/// Thread: one
class ServerWatch {
 public:
  static constexpr std::int64_t kStillNs = 3'000'000'000;

  /// Look every few milliseconds, at the newest cycle's first frame (0 = none yet). True once for
  /// each time that it has stood for kStillNs. While we are not looking ourselves nothing counts.
  [[nodiscard]] bool stands_still(std::int64_t frame, std::int64_t now_ns) noexcept {
    const std::int64_t passed_ns = std::clamp<std::int64_t>(now_ns - looked_ns_, 0, kMostBetweenNs);
    looked_ns_ = now_ns;
    const std::int64_t before_ns = still_ns_;
    still_ns_ = frame == frame_ ? still_ns_ + passed_ns : 0;
    frame_ = frame;
    return before_ns < kStillNs && still_ns_ >= kStillNs;
  }

 private:
  static constexpr std::int64_t kMostBetweenNs = 100'000'000;
  std::int64_t frame_ = 0;
  std::int64_t looked_ns_ = 0;
  std::int64_t still_ns_ = 0;
};

}  // namespace avrig::jack_writer
