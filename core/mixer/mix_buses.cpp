// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mix.hpp"

#include <algorithm>
#include <cstring>

// From the rows of the buses to the outputs.

namespace avrig::mixer {

void Mix::apply_gain(const GainRamp& gain, float* x, std::uint32_t n) noexcept {
  std::uint32_t ramped = 0;
  if (gain.length > 0 && state_.block_begin < gain.begin + gain.length) {
    ramped = static_cast<std::uint32_t>(
        std::min<std::int64_t>(n, gain.begin + gain.length - state_.block_begin));
    kernels_.ramp(gains_[0].get(), gain.from, gain.delta, state_.block_begin - gain.begin, ramped);
    kernels_.multiply(x, gains_[0].get(), ramped);
  }
  if (ramped < n && gain.to != 1.0F) {
    kernels_.scale(x + ramped, gain.to, n - ramped);
  }
}

inline float Mix::peak_of(Row& of, std::uint32_t n) noexcept {
  if (of.peak == kUnmeasured) {
    of.peak = kernels_.peak(of.samples, n);
  }
  return of.peak;
}

// Two sums become one. What lies in the outputs stays there: a sum does not mind the order of two.
void Mix::sum(const Row& from, Row& into, std::uint32_t output, std::uint32_t n) noexcept {
  const bool stays = from.samples == outputs_[output] + offset_;
  float* goal = stays ? from.samples : into.samples;
  kernels_.add_scaled(stays ? into.samples : from.samples, 1.0F, goal, n);
  into.samples = goal;
  into.peak = kUnmeasured;
}

void Mix::look_at_path() noexcept {
  path_changes_ = state_.bus_changes;
  path_ = 0;
  path_unity_from_ = state_.buses[favourite_].direct.unity_from();
  for (auto b = static_cast<std::int32_t>(favourite_); b >= 0;) {
    const Bus& bus = state_.buses[static_cast<std::uint32_t>(b)];
    path_ |= std::uint64_t{1} << b;
    path_unity_from_ = std::max(path_unity_from_, bus.gain.unity_from());
    b = bus.parent;
  }
}

// All voices are on one bus, summed in the outputs, and nothing is to be done to them on the way.
inline bool Mix::lies_in_outputs() noexcept {
  if (touched_ != std::uint64_t{1} << favourite_) {
    return false;
  }
  if (path_changes_ != state_.bus_changes) {
    look_at_path();
  }
  return state_.block_begin >= path_unity_from_;
}

inline void Mix::finish_in_outputs(std::uint32_t n) noexcept {
  Row* rows = &row(favourite_, 0);
  const std::uint32_t count = state_.config.outputs;
  float most = 0.0F;
  for (std::uint32_t o = 0; o < count; ++o) {
    float peak = 0.0F;
    if (rows[o].used) {
      rows[o].used = false;
      peak = peak_of(rows[o], n);
    } else {
      std::fill_n(outputs_[o] + offset_, n, 0.0F);
    }
    most = std::max(most, peak);
    count_peak(o, peak);
  }
  for (std::uint64_t old = peaked_ & ~path_; old != 0; old &= old - 1) {
    set_peak(static_cast<std::uint32_t>(__builtin_ctzll(old)), 0.0F);
  }
  for (std::uint64_t on = path_; on != 0; on &= on - 1) {
    set_peak(static_cast<std::uint32_t>(__builtin_ctzll(on)), most);
  }
  peaked_ = path_;
  touched_ = 0;
}

void Mix::buses(std::uint32_t n) noexcept {
  if (lies_in_outputs()) {
    finish_in_outputs(n);
    return;
  }
  const std::uint32_t count = state_.config.outputs;
  const std::uint64_t sounding = touched_;
  for (std::uint32_t i = 0; i < state_.bus_count && sounding != 0; ++i) {
    const std::uint32_t b = state_.bus_order[i];
    if ((sounding >> b & 1) == 0 || state_.buses[b].direct.unity(state_.block_begin)) {
      continue;
    }
    Row* rows = &row(b, 0);
    for (std::uint32_t o = 0; o < count; ++o) {
      if (rows[o].used) {
        apply_gain(state_.buses[b].direct, rows[o].samples, n);
        rows[o].peak = kUnmeasured;
      }
    }
  }
  for (std::uint32_t i = 0; i < state_.bus_count; ++i) {
    const std::uint32_t b = state_.bus_order[i];
    set_peak(b, (touched_ >> b & 1) != 0 ? move_up(b, n) : 0.0F);
  }
  peaked_ = touched_;
  for (std::uint32_t o = 0; o < count; ++o) {
    finish_output(o, n);
  }
  if (sounding != 0 && (sounding >> favourite_ & 1) == 0) {
    favourite_ = static_cast<std::uint32_t>(__builtin_ctzll(sounding));
    look_at_path();
  }
  touched_ = 0;
}

// What is on a bus goes through its gain into the bus above, or out. Its peak.
float Mix::move_up(std::uint32_t b, std::uint32_t n) noexcept {
  const Bus& bus = state_.buses[b];
  const bool changed = !bus.gain.unity(state_.block_begin);
  Row* rows = &row(b, 0);
  Row* above = bus.parent < 0 ? finals_.data() : &row(static_cast<std::uint32_t>(bus.parent), 0);
  if (bus.parent >= 0) {
    touched_ |= std::uint64_t{1} << bus.parent;
  }
  float most = 0.0F;
  for (std::uint32_t o = 0; o < state_.config.outputs; ++o) {
    if (!rows[o].used) {
      continue;
    }
    if (changed) {
      apply_gain(bus.gain, rows[o].samples, n);
      rows[o].peak = kUnmeasured;
    }
    most = std::max(most, peak_of(rows[o], n));
    if (above[o].used) {
      sum(rows[o], above[o], o, n);
    } else {
      above[o] = rows[o];
    }
    rows[o].used = false;
  }
  return most;
}

void Mix::finish_output(std::uint32_t output, std::uint32_t n) noexcept {
  Row& last = finals_[output];
  float* goal = outputs_[output] + offset_;
  if (!last.used) {
    std::fill_n(goal, n, 0.0F);
    count_peak(output, 0.0F);
    return;
  }
  last.used = false;
  if (last.samples != goal) {
    std::memcpy(goal, last.samples, n * sizeof(float));
  }
  count_peak(output, peak_of(last, n));
}

void Mix::marks(float* const* outputs, std::size_t offset, std::uint32_t n) noexcept {
  std::uint32_t* link = &state_.marks;
  while (*link != kNone) {
    const std::uint32_t index = *link;
    Play& play = state_.plays[index];
    const Mark& mark = play.how.mark;
    for (std::uint32_t bit = 0; bit < mark.bits; ++bit) {
      const bool high = mark.bits == 1 || ((mark.code >> bit) & 1) != 0;
      const std::int64_t begin = play.mark_at + std::int64_t{bit} * mark.width - state_.block_begin;
      const std::int64_t end = std::min<std::int64_t>(n, begin + mark.width);
      for (std::int64_t i = std::max<std::int64_t>(0, begin); high && i < end; ++i) {
        outputs[mark.output][offset + static_cast<std::size_t>(i)] += mark.level;
        most_[mark.output] = kUnmeasured;
      }
    }
    if (state_.cursor >= play.mark_at + std::int64_t{mark.bits} * mark.width) {
      *link = play.next_mark;
      play.mark_active = false;
      state_.give_back_play(index);
    } else {
      link = &play.next_mark;
    }
  }
}

}  // namespace avrig::mixer
