// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

namespace avrig::probe {

/// Sees a patch go white.
///
/// Thread: one at a time      RT-safe: yes
class FlashDetector {
 public:
  static constexpr int kWhite = 150;  ///< mean brightness of 255 that a flash has at least
  static constexpr int kBlack = 100;  ///< and what ends it

  /// The patch in the next picture. True: a flash begins with it.
  [[nodiscard]] bool add(int brightness) noexcept {
    if (brightness <= kBlack) {
      dark_ = true;
    }
    if (dark_ && brightness >= kWhite) {
      dark_ = false;
      return true;
    }
    return false;
  }

  /// The stream broke: a white patch may have been white before.
  void forget() noexcept { dark_ = false; }

 private:
  bool dark_ = false;
};

}  // namespace avrig::probe
