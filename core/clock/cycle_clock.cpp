// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/clock/cycle_clock.hpp>

#include <algorithm>
#include <numbers>

namespace avrig::clock {
namespace {

constexpr double kEarlyNs = 300'000.0;
constexpr double kFarNs = 100'000.0;
// A device tells of a break some cycles after the counting has shown it.
constexpr double kToldLateS = 0.02;

double bandwidth_hz(double elapsed_s) noexcept {
  if (elapsed_s < 2.0) {
    return 1.0;
  }
  return elapsed_s < 8.0 ? 0.3 : 0.05;
}

}  // namespace

void CycleClock::anchor(std::int64_t index, std::int64_t now_ns) noexcept {
  base_ns_ = now_ns;
  next_ns_ = 0.0;
  cycles_ = 0;
  elapsed_s_ = 0.0;
  variance_ = 0.0;
  if (ns_per_unit_ <= 0.0) {
    ns_per_unit_ = nominal_ns_;
  }
  map_.index0 = index;
  map_.t0_ns = now_ns;
  map_.ns_per_unit = ns_per_unit_;
}

// By how much a wake-up moves the line. An epoch hangs on a single wake-up at first: until the loop
// has the longer memory, the line goes through the mean of those that came; none of them may pull
// it far, for it may be late by anything.
double CycleClock::pull(double omega, double error_ns) const noexcept {
  const double by_loop = std::min(1.0, omega * std::numbers::sqrt2);
  const double by_mean = 1.0 / (cycles_ + 2.0);
  return by_loop >= by_mean ? by_loop * error_ns
                            : by_mean * std::clamp(error_ns, -kFarNs, kFarNs);
}

bool CycleClock::update(std::int64_t index, std::uint32_t count, std::int64_t now_ns) noexcept {
  const double period_ns = count * (ns_per_unit_ > 0.0 ? ns_per_unit_ : nominal_ns_);
  const double error_ns = static_cast<double>(now_ns - base_ns_) - next_ns_;
  const bool first = next_index_ == 0 && map_.ns_per_unit == 0.0;
  const bool skipped = !first && (index != next_index_ || held_);
  const bool broken = !first && (error_ns < -kEarlyNs || error_ns > period_ns / 2);
  next_index_ = index + count;
  held_ = false;
  if (first || broken || skipped) {
    lost_ns_ = first ? 0 : static_cast<std::int64_t>(error_ns);
    map_.epoch += first ? 0 : 1;
    anchor(index, now_ns);
    next_ns_ = count * ns_per_unit_;
    return true;
  }
  const double seconds = period_ns * 1e-9;
  const double omega = 2.0 * std::numbers::pi * bandwidth_hz(elapsed_s_) * seconds;
  const double corrected_ns = next_ns_ + pull(omega, error_ns);
  ns_per_unit_ += std::min(0.25, omega * omega) * error_ns / count;
  // A device is within 1 % of its nominal rate; beyond that the wake-ups are not its clock.
  ns_per_unit_ = std::clamp(ns_per_unit_, nominal_ns_ * 0.99, nominal_ns_ * 1.01);
  variance_ += 0.02 * (error_ns * error_ns - variance_);
  map_.index0 = index;
  map_.t0_ns = base_ns_ + static_cast<std::int64_t>(corrected_ns);
  map_.ns_per_unit = ns_per_unit_;
  map_.sigma_ns = static_cast<std::int64_t>(std::sqrt(variance_ * std::min(1.0, omega)));
  next_ns_ = corrected_ns + count * ns_per_unit_;
  elapsed_s_ += seconds;
  ++cycles_;
  // Keep doubles near zero: after hours they would lose nanoseconds.
  if (next_ns_ > 1e10) {
    const auto shift = static_cast<std::int64_t>(next_ns_);
    base_ns_ += shift;
    next_ns_ -= static_cast<double>(shift);
  }
  return false;
}

void CycleClock::hold(std::int64_t index, std::uint32_t count, std::int64_t now_ns) noexcept {
  if (map_.ns_per_unit == 0.0) {
    anchor(index, now_ns);
  }
  map_.epoch += held_ ? 0 : 1;
  held_ = true;
  map_.t0_ns = map_.to_ns(index);
  map_.index0 = index;
  next_index_ = index + count;
}

void CycleClock::doubt() noexcept {
  const bool shown = cycles_ < 2 || elapsed_s_ < kToldLateS;
  map_.epoch += held_ || shown ? 0 : 1;
}

}  // namespace avrig::clock
