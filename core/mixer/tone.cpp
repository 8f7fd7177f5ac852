// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "tone.hpp"

#include "kernels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace avrig::mixer {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr int kFadePoints = 4096;

// A raised cosine in steps fine enough that lines between them are right to float precision.
const std::array<float, kFadePoints + 2> kRaisedCosine = [] {
  std::array<float, kFadePoints + 2> table{};
  for (int i = 0; i < kFadePoints + 2; ++i) {
    const double x = std::min(1.0, static_cast<double>(i) / kFadePoints);
    table[static_cast<std::size_t>(i)] =
        static_cast<float>(0.5 - 0.5 * std::cos(std::numbers::pi * x));
  }
  return table;
}();

}  // namespace

Content Content::of(std::int64_t first, const LoopSpec& loop, std::int64_t length) noexcept {
  Content content;
  content.first = first;
  content.total = length - first;
  const std::int64_t end = loop.end == 0 ? length : loop.end;
  if (loop.count == 1 || first >= end) {
    return content;
  }
  content.loop_begin = loop.begin;
  content.loop_end = end;
  content.loop_count = loop.count;
  content.total = kEndless;
  if (loop.count > 1) {
    const Wide total = static_cast<Wide>(length - first) +
                       static_cast<Wide>(loop.count - 1) * static_cast<Wide>(end - loop.begin);
    content.total =
        total > static_cast<Wide>(kMaxSample) ? kEndless : static_cast<std::int64_t>(total);
  }
  return content;
}

std::int64_t Content::locate(std::int64_t u, std::int64_t& run) const noexcept {
  const std::int64_t left = total == kEndless ? kEndless : total - u;
  if (!loops() || u < first_seam()) {
    run = loops() ? std::min(left, first_seam() - u) : left;
    return first + u;
  }
  const std::int64_t past = u - first_seam();
  const std::int64_t turn = past / region();
  if (loop_count > 0 && turn >= loop_count - 1) {
    run = left;
    return loop_end + (past - (loop_count - 1) * region());
  }
  const std::int64_t inside = past - turn * region();
  run = std::min(left, region() - inside);
  return loop_begin + inside;
}

std::int64_t Content::next_seam(std::int64_t u) const noexcept {
  if (!loops()) {
    return kEndless;
  }
  const std::int64_t turn = u < first_seam() ? 0 : (u - first_seam()) / region() + 1;
  if (loop_count > 0 && turn >= loop_count - 1) {
    return kEndless;
  }
  return first_seam() + turn * region();
}

void Tone::seek(std::int64_t to, std::uint32_t fraction) noexcept {
  frac = fraction;
  if (stream) {
    index = to;
    run = kEndless;
  } else {
    index = content.locate(to, run);
  }
  u_less_index = to - index;
}

std::int64_t Tone::playable(std::int64_t n) const noexcept {
  if (!stream) {
    return n;
  }
  // An interpolator also needs what follows; past the end of a closed stream lies silence.
  const bool open = content.total == kEndless;
  const std::int64_t ahead = open && !straight() ? taps_after(quality) : 0;
  const std::int64_t goal = available - ahead;
  return position() >= goal ? 0 : std::min(n, until(goal));
}

void Tone::advance(std::int64_t n) noexcept {
  at += n;
  const std::int64_t moving = playable(n);
  const Wide phase = static_cast<Wide>(static_cast<std::uint64_t>(moving)) * step + frac;
  const auto whole = static_cast<std::int64_t>(phase >> 32);
  if (whole < run) {
    index += whole;
    run -= run == kEndless ? 0 : whole;
    frac = static_cast<std::uint32_t>(phase);
    return;
  }
  seek(position() + whole, static_cast<std::uint32_t>(phase));
}

std::int64_t duration(std::int64_t u, std::uint32_t frac, std::uint64_t step) noexcept {
  if (u == kEndless) {
    return kEndless;
  }
  if (u <= 0) {
    return 0;
  }
  const Wide length = (static_cast<Wide>(static_cast<std::uint64_t>(u)) << 32) - frac;
  const Wide n = (length + step - 1) / step;
  return n > static_cast<Wide>(kMaxSample) ? kEndless : static_cast<std::int64_t>(n);
}

std::int64_t Tone::until(std::int64_t goal) const noexcept {
  return goal == kEndless ? kEndless : duration(goal - position(), frac, step);
}

float Tone::gain_at(int side, std::int64_t sample) const noexcept {
  if (ramp_length == 0 || sample >= ramp_at + ramp_length) {
    return gain[side];
  }
  return from[side] + delta[side] * static_cast<float>(static_cast<int>(sample - ramp_at));
}

void Tone::aim(float left, float right, std::int64_t sample, std::uint32_t length) noexcept {
  const float now[2] = {gain_at(0, sample), gain_at(1, sample)};
  gain[0] = left;
  gain[1] = right;
  ramp_length = now[0] == left && now[1] == right ? 0 : length;
  if (ramp_length == 0) {
    return;
  }
  ramp_at = sample;
  for (int side = 0; side < 2; ++side) {
    from[side] = now[side];
    delta[side] = (gain[side] - now[side]) / static_cast<float>(length);
  }
}

void Tone::fade_in(std::int64_t sample, std::uint32_t length, FadeShape shape) noexcept {
  in_at = sample;
  in_length = length;
  in_shape = shape;
}

void Tone::fade_out(std::int64_t sample, std::uint32_t length, FadeShape shape) noexcept {
  out_at = sample;
  out_length = length;
  out_shape = shape;
}

void Tone::move(std::uint8_t to, std::int64_t sample, std::uint32_t length) noexcept {
  settle(sample);
  if (length == 0 || (to == bus && move_length == 0)) {
    bus = to;
    move_length = 0;
    return;
  }
  const std::uint32_t parts = move_length == 0 ? 1U : 1U + leaving_count;
  const std::uint8_t old_leaving[kMostLeaving] = {leaving[0], leaving[1], leaving[2]};
  float now[1 + kMostLeaving] = {1.0F};
  for (std::uint32_t part = 0; part < parts && move_length > 0; ++part) {
    now[part] = share[part] + share_delta(part) * static_cast<float>(static_cast<int>(sample - move_at));
  }
  leaving_count = 0;
  share[0] = 0.0F;
  for (std::uint32_t part = 0; part < parts; ++part) {
    const std::uint8_t one = part == 0 ? bus : old_leaving[part - 1];
    if (one == to) {
      share[0] = now[part];
    } else if (now[part] > 0.0F && leaving_count < kMostLeaving) {
      leaving[leaving_count++] = one;
      share[leaving_count] = now[part];
    } else if (now[part] > 0.0F) {
      // More than it can remember: the faintest goes at once.
      float* faintest = std::min_element(share + 1, share + 1 + kMostLeaving);
      if (*faintest < now[part]) {
        leaving[faintest - share - 1] = one;
        *faintest = now[part];
      }
    }
  }
  bus = to;
  move_at = sample;
  move_length = length;
}

void Tone::settle(std::int64_t sample) noexcept {
  if (move_length > 0 && sample >= move_at + move_length) {
    move_length = 0;
  }
  if (ramp_length > 0 && sample >= ramp_at + ramp_length) {
    ramp_length = 0;
  }
  if (in_length > 0 && sample >= in_at + in_length) {
    in_length = 0;
  }
}

float fade_value(FadeShape shape, std::int64_t k, std::uint32_t length) noexcept {
  const double x = (static_cast<double>(k) + 0.5) / static_cast<double>(length);
  if (shape == FadeShape::Linear) {
    return static_cast<float>(x);
  }
  const double place = x * kFadePoints;
  const int below = static_cast<int>(place);
  const float part = static_cast<float>(place - below);
  const float a = kRaisedCosine[static_cast<std::size_t>(below)];
  const float b = kRaisedCosine[static_cast<std::size_t>(below) + 1];
  return a + (b - a) * part;
}

int taps_before(Quality quality) noexcept {
  return quality == Quality::Linear ? 0 : quality == Quality::Cubic ? 1 : kSincBefore;
}

int taps_after(Quality quality) noexcept {
  return quality == Quality::Linear  ? 1
         : quality == Quality::Cubic ? 2
                                     : kSincTaps - kSincBefore - 1;
}

std::uint64_t step_of(double pitch) noexcept {
  return static_cast<std::uint64_t>(
      std::llround(std::clamp(pitch, kMinPitch, kMaxPitch) * 4294967296.0));
}

}  // namespace avrig::mixer
