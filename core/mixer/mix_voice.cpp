// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mix.hpp"
#include "play.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

// A voice that does not simply go on: segments, ramps, fades, seams, pitch, streams.

namespace avrig::mixer {

namespace {

constexpr std::int64_t kShortRun = 64;

}  // namespace

// What comes before a voice on its buses is summed before it.
void Mix::flush_for(const Tone& tone, std::uint32_t n) noexcept {
  flush(tone.bus, n);
  for (std::uint32_t one = 0; tone.move_length > 0 && one < tone.leaving_count; ++one) {
    flush(tone.leaving[one], n);
  }
}

void Mix::voice(std::uint32_t slot, std::uint32_t n) noexcept {
  Voice& voice = state_.voices[slot];
  Tone& last = state_.tones[slot];
  for (std::uint32_t s = voice.segment_head; s != kNone; s = state_.segments[s].next) {
    const Segment& segment = state_.segments[s];
    flush_for(segment.tone, n);
    tone(segment.tone, voice, segment.offset, segment.length);
  }
  voice.segment_head = voice.segment_tail = kNone;
  if (!state_.is_active(slot)) {
    return;
  }
  if (last.at < state_.block_begin) {
    last.advance(state_.block_begin - last.at);
  }
  const std::int64_t left = state_.cursor - last.at;
  if (left <= 0) {
    return;
  }
  flush_for(last, n);
  const std::int64_t heard = last.playable(left);
  if (last.stream) {
    watch_stream(state_, slot, left, heard);
  }
  if (heard > 0) {
    tone(last,
         voice,
         static_cast<std::size_t>(last.at - state_.block_begin),
         static_cast<std::size_t>(heard));
  }
  last.advance(left);
  last.settle(state_.cursor);
  if (last.path == TonePath::Slow) {
    classify(voice, last);
  }
  state_.steady[slot] = Steady::of(last);
}

void Mix::tone(const Tone& from, const Voice& voice, std::size_t offset, std::size_t n) noexcept {
  Tone t = from;
  t.settle(t.at);  // what ended while it was silent
  while (n > 0) {
    std::int64_t m = static_cast<std::int64_t>(n);
    if (t.ramp_length > 0) {
      m = std::min(m, t.ramp_at + t.ramp_length - t.at);
    }
    if (t.in_length > 0) {
      m = std::min(m, t.in_at + t.in_length - t.at);
    }
    if (t.move_length > 0) {
      m = std::min(m, t.move_at + t.move_length - t.at);
    }
    if (t.straight()) {
      m = t.run >= kShortRun ? std::min(m, t.run) : m;
    } else if (static_cast<std::uint64_t>(m) * ((t.step >> 32) + 1) > kWindow) {
      m = std::min(m, static_cast<std::int64_t>((kWindow << 32) / t.step));
    }
    piece(t, voice, offset, static_cast<std::size_t>(m));
    if (m == static_cast<std::int64_t>(n)) {
      return;
    }
    t.advance(m);
    t.settle(t.at);
    offset += static_cast<std::size_t>(m);
    n -= static_cast<std::size_t>(m);
  }
}

void Mix::piece(const Tone& t, const Voice& voice, std::size_t offset, std::size_t n) noexcept {
  const std::uint32_t channels = t.stream ? voice.stream.channels : voice.samples.channels;
  if (t.move_length > 0) {
    moving(t, voice, offset, n);
    return;
  }
  const bool shaped = t.ramp_length > 0 || t.in_length > 0 || t.out_length > 0;
  const bool sides = voice.lanes == 2;
  if (shaped) {
    shape(t, 0, n);
    if (sides) {
      shape(t, 1, n);
    }
  }
  if (!shaped && sides && channels == 1) {
    const float* x = source(t, voice, 0, n);
    const Job both{x, x, t.gain[0], t.gain[1]};
    kernels_.mono_f32(&both,
                      1,
                      0,
                      used_row(t.bus, voice.output[0], block_) + offset,
                      used_row(t.bus, voice.output[1], block_) + offset,
                      n,
                      false,
                      nullptr);
    return;
  }
  const float* x = nullptr;
  for (std::uint32_t lane = 0; lane < voice.lanes; ++lane) {
    if (lane == 0 || channels > 1) {
      x = source(t, voice, channels > 1 ? lane : 0, n);
    }
    const std::uint32_t side = sides ? lane : 0;
    float* out = used_row(t.bus, voice.output[lane], block_) + offset;
    if (shaped) {
      kernels_.add_shaped(x, gains_[side].get(), out, n);
    } else {
      kernels_.add_scaled(x, t.gain[side], out, n);
    }
  }
}

// The same sound on all its buses, on each with its share.
void Mix::moving(const Tone& t, const Voice& voice, std::size_t offset, std::size_t n) noexcept {
  const std::uint32_t channels = t.stream ? voice.stream.channels : voice.samples.channels;
  const bool sides = voice.lanes == 2;
  for (int side = 0; side < (sides ? 2 : 1); ++side) {
    shape(t, side, n);
  }
  const float* x = nullptr;
  for (std::uint32_t lane = 0; lane < voice.lanes; ++lane) {
    if (lane == 0 || channels > 1) {
      x = source(t, voice, channels > 1 ? lane : 0, n);
    }
    for (std::uint32_t part = 0; part <= t.leaving_count; ++part) {
      const std::uint8_t bus = part == 0 ? t.bus : t.leaving[part - 1];
      kernels_.ramp(fade_.get(), t.share[part], t.share_delta(part), t.at - t.move_at, n);
      kernels_.multiply(fade_.get(), gains_[sides ? lane : 0].get(), n);
      kernels_.add_shaped(x, fade_.get(), used_row(bus, voice.output[lane], block_) + offset, n);
    }
  }
}

void Mix::shape(const Tone& t, int side, std::size_t n) noexcept {
  float* gains = gains_[side].get();
  if (t.ramp_length > 0) {
    kernels_.ramp(gains, t.from[side], t.delta[side], t.at - t.ramp_at, n);
  } else {
    std::fill_n(gains, n, t.gain[side]);
  }
  float* fade = fade_.get();
  if (t.in_length > 0) {
    for (std::size_t i = 0; i < n; ++i) {
      fade[i] = fade_value(t.in_shape, t.at - t.in_at + static_cast<std::int64_t>(i), t.in_length);
    }
    kernels_.multiply(gains, fade, n);
  }
  if (t.out_length > 0) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::int64_t k = t.out_length - 1 - (t.at - t.out_at + static_cast<std::int64_t>(i));
      fade[i] = k < 0 ? 0.0F : fade_value(t.out_shape, k, t.out_length);
    }
    kernels_.multiply(gains, fade, n);
  }
}

const float* Mix::source(const Tone& t,
                         const Voice& voice,
                         std::uint32_t channel,
                         std::size_t n) noexcept {
  const bool direct = !t.stream && t.format == SampleFormat::F32;
  const auto* data = reinterpret_cast<const float*>(t.data + channel * t.stride);
  if (t.straight()) {
    if (direct && t.run >= static_cast<std::int64_t>(n)) {
      return data + t.index;
    }
    gather(t, voice, channel, t.position(), n, scratch_.get());
    return scratch_.get();
  }
  const int before = taps_before(t.quality);
  const int after = taps_after(t.quality);
  const std::int64_t span = static_cast<std::int64_t>((t.frac + (n - 1) * t.step) >> 32);
  const float* x = data + t.index;
  const bool inside = direct && t.run > span + after &&
                      t.index + span + static_cast<std::int64_t>(kPad) < voice.samples.length &&
                      t.position() >= before &&
                      !(t.content.loops() && t.index - before < t.content.loop_begin);
  if (!inside) {
    const std::size_t count = static_cast<std::size_t>(span + 1 + before + after);
    gather(t, voice, channel, t.position() - before, count, window_.get());
    x = window_.get() + before;
  }
  float* y = scratch_.get();
  if (t.quality == Quality::Linear) {
    kernels_.linear(x, t.frac, t.step, y, n);
  } else if (t.quality == Quality::Cubic) {
    kernels_.cubic(x, t.frac, t.step, y, n);
  } else {
    kernels_.sinc(x, t.frac, t.step, y, n, sinc_table_);
  }
  return y;
}

void Mix::copy(const Tone& t,
               std::uint32_t channel,
               std::int64_t index,
               std::size_t count,
               float* out) noexcept {
  const std::byte* base = t.data + channel * t.stride;
  if (t.format == SampleFormat::F32) {
    std::memcpy(out, reinterpret_cast<const float*>(base) + index, count * sizeof(float));
  } else {
    kernels_.widen(reinterpret_cast<const std::int16_t*>(base) + index, out, count);
  }
}

void Mix::gather(const Tone& t,
                 const Voice& voice,
                 std::uint32_t channel,
                 std::int64_t from,
                 std::size_t count,
                 float* out) noexcept {
  std::int64_t u = from;
  while (count > 0) {
    std::int64_t run = 0;
    std::int64_t index = -1;
    const std::int64_t last = std::min(t.content.total, t.available);
    if (u < 0 || u >= last) {
      // Before the start lies silence, or what was heard there as far as there is any; after the
      // end silence.
      run = u < 0 ? -u : static_cast<std::int64_t>(count);
      const std::int64_t before = t.content.first + u;
      if (u < 0 && t.content.joined) {
        index = before >= 0 ? before : -1;
        run = before >= 0 ? run : std::min(run, -before);
      }
    } else if (t.stream) {
      index = static_cast<std::int64_t>(static_cast<std::uint64_t>(u) & t.mask);
      run = std::min(last - u, static_cast<std::int64_t>(t.mask) + 1 - index);
    } else {
      index = t.content.locate(u, run);
    }
    const std::size_t m = static_cast<std::size_t>(std::min(run, static_cast<std::int64_t>(count)));
    if (index < 0) {
      std::fill_n(out, m, 0.0F);
    } else {
      copy(t, channel, index, m, out);
      if (t.stream) {
        // What a stranger feeds may hold anything; one NaN would silence the whole mix.
        for (std::size_t i = 0; i < m; ++i) {
          out[i] = std::isfinite(out[i]) ? out[i] : 0.0F;
        }
      }
    }
    u += static_cast<std::int64_t>(m);
    out += m;
    count -= m;
  }
  (void)voice;
}

}  // namespace avrig::mixer
