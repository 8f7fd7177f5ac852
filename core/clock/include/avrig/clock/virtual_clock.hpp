// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>

namespace avrig::clock {

/// A clock that moves only when told: the device-free twin of a sound card's.
///
/// Thread: one      RT-safe: yes
class VirtualClock {
 public:
  explicit VirtualClock(std::uint32_t rate_hz) noexcept : rate_hz_(rate_hz) {}

  void advance(std::uint64_t samples) noexcept { samples_ += samples; }
  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
  /// Samples as ns, exactly rounded down.
  [[nodiscard]] std::int64_t now_ns() const noexcept {
    return static_cast<std::int64_t>(samples_ / rate_hz_ * 1'000'000'000 +
                                     samples_ % rate_hz_ * 1'000'000'000 / rate_hz_);
  }

 private:
  std::uint32_t rate_hz_;
  std::uint64_t samples_ = 0;
};

}  // namespace avrig::clock
