// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <optional>

namespace avrig::probe {

/// What became of a sequence of frame numbers.
struct NumberCounts {
  std::uint64_t read = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t missing = 0;       ///< numbers jumped over
  std::uint64_t duplicate = 0;     ///< the number before again
  std::uint64_t out_of_order = 0;  ///< a number below the one before
};

/// Follows frame numbers modulo 65536.
///
/// Thread: one at a time      RT-safe: yes
class NumberCheck {
 public:
  /// The next picture's number; empty = it could not be read. An unreadable picture stands for one
  /// number, so that it does not count as missing as well.
  void add(std::optional<std::uint16_t> number) noexcept {
    if (!number) {
      ++counts_.unreadable;
      unread_ += last_ ? 1U : 0U;
      return;
    }
    ++counts_.read;
    if (last_) {
      compare(*number);
    } else {
      last_ = number;
    }
    unread_ = 0;
  }

  /// The next number may be any.
  void forget() noexcept {
    last_.reset();
    unread_ = 0;
  }

  [[nodiscard]] const NumberCounts& counts() const noexcept { return counts_; }

 private:
  void compare(std::uint16_t number) noexcept {
    const auto step = static_cast<std::uint16_t>(number - *last_);
    if (step == 0) {
      ++counts_.duplicate;
      return;
    }
    if (step >= 0x8000) {
      ++counts_.out_of_order;
      return;
    }
    const std::uint32_t between = step - 1U;
    counts_.missing += between > unread_ ? between - unread_ : 0;
    last_ = number;
  }

  NumberCounts counts_;
  std::optional<std::uint16_t> last_;
  std::uint32_t unread_ = 0;
};

}  // namespace avrig::probe
