// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <limits>

namespace avrig::probe {

/// A flash and the beep that belongs to it.
struct Pair {
  std::int64_t flash_ns = 0;
  std::int64_t beep_ns = 0;
  std::int32_t number = -1;  ///< of the picture; -1 = not read

  /// Positive: the sound is late.
  [[nodiscard]] std::int64_t offset_ns() const noexcept { return beep_ns - flash_ns; }
};

/// Brings flashes and beeps together: each flash with its nearest beep, 350 ms away at most, which
/// is half of the shortest time between flashes.
///
/// Thread: one at a time
class Pairing {
 public:
  static constexpr std::int64_t kReachNs = 350'000'000;

  void add_flash(std::int64_t at_ns, std::int32_t number) {
    flashes_.push_back({at_ns, 0, number});
  }
  void add_beep(std::int64_t at_ns) { beeps_.push_back(at_ns); }

  /// All beeps before this time are known; pairs that follow from it go to `found(Pair)`.
  template <class Found>
  void settle(std::int64_t beeps_known_to_ns, Found&& found) {
    while (!flashes_.empty() && flashes_.front().flash_ns < beeps_known_to_ns - kReachNs) {
      Pair pair = flashes_.front();
      flashes_.pop_front();
      drop_beeps_before(pair.flash_ns - kReachNs);
      if (beeps_.empty() || beeps_.front() > pair.flash_ns + kReachNs) {
        ++lonely_flashes_;
        continue;
      }
      while (beeps_.size() > 1 &&
             std::abs(beeps_[1] - pair.flash_ns) < std::abs(beeps_[0] - pair.flash_ns)) {
        drop_beeps_before(beeps_[1]);
      }
      pair.beep_ns = beeps_.front();
      beeps_.pop_front();
      found(pair);
    }
  }

  /// Both streams are at their end.
  template <class Found>
  void finish(Found&& found) {
    settle(std::numeric_limits<std::int64_t>::max(), found);
    drop_beeps_before(std::numeric_limits<std::int64_t>::max());
  }

  [[nodiscard]] std::uint64_t lonely_flashes() const noexcept { return lonely_flashes_; }
  [[nodiscard]] std::uint64_t lonely_beeps() const noexcept { return lonely_beeps_; }

 private:
  void drop_beeps_before(std::int64_t at_ns) {
    while (!beeps_.empty() && beeps_.front() < at_ns) {
      beeps_.pop_front();
      ++lonely_beeps_;
    }
  }

  std::deque<Pair> flashes_;
  std::deque<std::int64_t> beeps_;
  std::uint64_t lonely_flashes_ = 0;
  std::uint64_t lonely_beeps_ = 0;
};

}  // namespace avrig::probe
