// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>

namespace avrig::clock {

/// A device's 32-bit count of frames, unwrapped: JACK's begins anew after a day at 48 kHz, after
/// six hours at 192 kHz.
///
/// Thread: one      RT-safe: yes
class FrameCounter {
 public:
  /// Go on from an unwrapped frame that is known from before, less than half a wrap ago.
  void go_on_from(std::int64_t frame) noexcept {
    newest_ = frame;
    known_ = true;
  }

  /// The frame that the device counts as `wrapped`: the nearest to the newest one.
  std::int64_t unwrap(std::uint32_t wrapped) noexcept {
    if (!known_) {
      go_on_from(wrapped);
    } else {
      newest_ += static_cast<std::int32_t>(wrapped - static_cast<std::uint32_t>(newest_));
    }
    return newest_;
  }

 private:
  std::int64_t newest_ = 0;
  bool known_ = false;
};

}  // namespace avrig::clock
