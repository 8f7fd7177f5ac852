// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/clock/clock_map.hpp>

#include <cstdint>

namespace avrig::clock {

/// The clock of a device that wakes us once a period: a second-order loop over the wake-up times.
///
/// A wake-up can be late (scheduling), hardly early: an early one, or one late by more than half a
/// period, means that the counting broke (an xrun, a stalled driver, skipped periods). Then a new
/// epoch begins at once, with the period that was known, and the loop is wide again. JACK's own
/// mapping needs seconds after a driver's xrun; this one is right from the next cycle on.
///
/// Loop: w = 2*pi*B*T; time += w*sqrt(2)*e, period += w*w*e (F. Adriaensen, "Using a DLL to filter
/// time", 2005), with B from 1 Hz down to 0.05 Hz as it locks.
///
/// Thread: one      RT-safe: yes
class CycleClock {
 public:
  /// `nominal_ns`: length of one unit (sample) by the nominal rate.
  explicit CycleClock(double nominal_ns) noexcept : nominal_ns_(nominal_ns) {}

  /// A cycle of `count` units that begins with unit `index` woke us at `now_ns`.
  /// True: a new epoch began here.
  bool update(std::int64_t index, std::uint32_t count, std::int64_t now_ns) noexcept;

  /// A cycle that nothing paces (freewheel): its wake-up says nothing, so the map goes on as it
  /// was. A new epoch begins with the first of them, and with the first that is paced again.
  void hold(std::int64_t index, std::uint32_t count, std::int64_t now_ns) noexcept;

  /// The device says that its output broke: a new epoch begins with the next cycle, unless the
  /// counting showed the break itself just now. The map goes on.
  void doubt() noexcept;

  /// The map at the newest cycle. Valid after the first update().
  [[nodiscard]] const ClockMap& map() const noexcept { return map_; }
  /// Wall time, beyond what the count says, that was lost at the newest break, in ns.
  [[nodiscard]] std::int64_t lost_ns() const noexcept { return lost_ns_; }

 private:
  void anchor(std::int64_t index, std::int64_t now_ns) noexcept;
  [[nodiscard]] double pull(double omega, double error_ns) const noexcept;

  double nominal_ns_;
  ClockMap map_;
  std::int64_t next_index_ = 0;
  double next_ns_ = 0.0;  // predicted start of the next cycle, relative to base_ns_
  std::int64_t base_ns_ = 0;
  double ns_per_unit_ = 0.0;
  double variance_ = 0.0;
  std::uint32_t cycles_ = 0;  // since the epoch began
  double elapsed_s_ = 0.0;    // since the epoch began
  std::int64_t lost_ns_ = 0;
  bool held_ = false;
};

}  // namespace avrig::clock
