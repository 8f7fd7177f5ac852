// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mix.hpp"

#include "play.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace avrig::mixer {

namespace {

constexpr std::size_t kWindow = 8192;  // samples an interpolator may look at in one go
constexpr std::size_t kPad = 64;       // floats that a vector load may read and not use
constexpr std::int64_t kShortRun = 64;
constexpr int kSlowAhead = 2;  // voices that go the slow way, fetched while another is mixed

double bessel_i0(double x) {
  double sum = 1.0;
  double term = 1.0;
  for (int k = 1; k < 60; ++k) {
    term *= (x / (2.0 * k)) * (x / (2.0 * k));
    sum += term;
  }
  return sum;
}

}  // namespace

std::vector<float> make_sinc_table() {
  constexpr double kBeta = 9.0;
  std::vector<double> rows(static_cast<std::size_t>((kSincPhases + 1) * kSincTaps));
  for (int phase = 0; phase <= kSincPhases; ++phase) {
    double* row = rows.data() + phase * kSincTaps;
    double sum = 0.0;
    for (int tap = 0; tap < kSincTaps; ++tap) {
      const double x = tap - kSincBefore - static_cast<double>(phase) / kSincPhases;
      const double w = 2.0 * x / kSincTaps;
      const double window =
          std::abs(w) >= 1.0 ? 0.0 : bessel_i0(kBeta * std::sqrt(1.0 - w * w)) / bessel_i0(kBeta);
      const double a = std::numbers::pi * x;
      row[tap] = window * (std::abs(x) < 1e-12 ? 1.0 : std::sin(a) / a);
      sum += row[tap];
    }
    for (int tap = 0; tap < kSincTaps; ++tap) {
      row[tap] /= sum;  // a constant stays one
    }
  }
  std::vector<float> table(static_cast<std::size_t>(kSincPhases * 2 * kSincTaps));
  for (int phase = 0; phase < kSincPhases; ++phase) {
    for (int tap = 0; tap < kSincTaps; ++tap) {
      const double c = rows[static_cast<std::size_t>(phase * kSincTaps + tap)];
      const double next = rows[static_cast<std::size_t>((phase + 1) * kSincTaps + tap)];
      table[static_cast<std::size_t>(phase * 2 * kSincTaps + tap)] = static_cast<float>(c);
      table[static_cast<std::size_t>((phase * 2 + 1) * kSincTaps + tap)] =
          static_cast<float>(next - c);
    }
  }
  return table;
}

Floats::Floats(std::size_t count)
    : memory_(static_cast<float*>(::operator new[](count * sizeof(float), std::align_val_t{64}))) {
  std::fill_n(memory_.get(), count, 0.0F);  // touches every page before the first block
}

Mix::Mix(State& state, const Kernels& kernels, const float* sinc_table)
    : state_(state),
      kernels_(kernels),
      sinc_table_(sinc_table),
      row_stride_((state.config.max_block + 15U) / 16U * 16U + 16U),
      row_memory_(row_stride_ * state.config.outputs * state.config.buses),
      rows_(std::size_t{state.config.outputs} * kMaxBuses),
      finals_(state.config.outputs),
      most_(state.config.outputs, 0.0F),
      scratch_(state.config.max_block + kPad),
      window_(kWindow + 64 + kPad),
      gains_{Floats(state.config.max_block + kPad), Floats(state.config.max_block + kPad)},
      fade_(state.config.max_block + kPad) {}

Mix::Row& Mix::begin_row(std::uint32_t bus, std::uint32_t output) noexcept {
  Row& begun = row(bus, output);
  begun.used = true;
  touched_ |= std::uint64_t{1} << bus;
  begun.peak = kUnmeasured;
  begun.samples =
      bus == favourite_
          ? outputs_[output] + offset_
          : row_memory_.get() + (std::size_t{bus} * state_.config.outputs + output) * row_stride_;
  return begun;
}

float* Mix::used_row(std::uint32_t bus, std::uint32_t output, std::uint32_t n) noexcept {
  Row& wanted = row(bus, output);
  if (!wanted.used) {
    std::fill_n(begin_row(bus, output).samples, n, 0.0F);
  }
  return wanted.samples;
}

void Mix::begin_peaks() noexcept {
  std::fill(most_.begin(), most_.end(), 0.0F);
}

// What a short block costs is mostly calls: all of the usual way is one function.
[[gnu::flatten]] void Mix::render(float* const* outputs, std::size_t offset) noexcept {
  block_ = static_cast<std::uint32_t>(state_.cursor - state_.block_begin);
  outputs_ = outputs;
  offset_ = offset;
  voices(block_);
  buses(block_);
  marks(outputs, offset, block_);
  state_.segments_used = 0;
}

void Mix::voices(std::uint32_t n) noexcept {
  const std::uint32_t words = (state_.voices.capacity() + 63) / 64;
  for (std::uint32_t w = 0; w < words; ++w) {
    if ((state_.active[w] | state_.changed[w]) != 0) {
      voices_of(w, n);
    }
  }
  for (std::uint32_t i = 0; i < state_.bus_count; ++i) {
    if (state_.buses[state_.bus_order[i]].jobs > 0) {
      flush(state_.bus_order[i], n, true);
    }
  }
}

// A pass fetches what later ones read, but nothing fetches for the first: as far as a short block
// goes, its jobs are.
inline void Mix::prefetch(const std::byte* first, std::size_t bytes) noexcept {
  const std::size_t some = std::min<std::size_t>(bytes, 256);
  for (std::size_t at = 0; at < some; at += 64) {
    __builtin_prefetch(first + at);
  }
  __builtin_prefetch(first + bytes - 1);
}

// Sixty-four voices. One that simply goes on becomes a job of its bus; all others are looked at
// closely, after the jobs that come before them.
void Mix::voices_of(std::uint32_t w, std::uint32_t n) noexcept {
  std::uint64_t word = state_.active[w] | state_.changed[w];
  state_.changed[w] = 0;
  const Steady* steady = &state_.steady[w * 64];
  const std::int64_t end = state_.block_begin + n;
  Bus* bus = nullptr;
  std::uint32_t key = 0;
  std::uint64_t slow_ahead = word & (word - 1);  // those not yet looked at for fetching
  int slow_fetched = 0;
  std::uintptr_t now = 0;  // bytes from where sample 0 would lie to where this block's begin
  std::size_t bytes = 0;
  for (; word != 0; word &= word - 1) {
    const auto bit = static_cast<std::uint32_t>(__builtin_ctzll(word));
    const Steady& one = steady[bit];
    if (one.key == 0 || one.until <= end) {
      for (; slow_ahead != 0 && slow_fetched < kSlowAhead; slow_ahead &= slow_ahead - 1) {
        const auto next = static_cast<std::uint32_t>(__builtin_ctzll(slow_ahead));
        if (steady[next].key == 0 || steady[next].until <= end) {
          prefetch_slow(w * 64 + next, n);
          ++slow_fetched;
        }
      }
      slow_fetched -= slow_fetched > 0 ? 1 : 0;
      voice(w * 64 + bit, n);
      continue;
    }
    if (one.key != key) {
      key = one.key;
      bus = &state_.buses[Steady::bus(key)];
      if (bus->jobs > 0 && bus->key != key) {
        flush(Steady::bus(key), n);
      }
      bus->key = key;
      const std::size_t size = (key & Steady::kShort) != 0 ? sizeof(std::int16_t) : sizeof(float);
      now = static_cast<std::uintptr_t>(state_.block_begin) * size;
      bytes = n * size;
    }
    const auto* first = reinterpret_cast<const std::byte*>(one.base + now);
    bus->job[bus->jobs] = {first, first + one.stride, one.gain[0], one.gain[1]};
    if (bus->jobs++ < kJobsAhead) {
      prefetch(first, bytes);
    }
    if (bus->jobs == kJobs) {
      flush(Steady::bus(key), n);
    }
  }
}

// A voice that goes the slow way reads one stretch of its data: fetch it while another is mixed.
void Mix::prefetch_slow(std::uint32_t slot, std::uint32_t n) noexcept {
  const Tone& tone = state_.tones[slot];
  if (tone.path != TonePath::Slow || tone.stream || tone.data == nullptr ||
      !state_.is_active(slot)) {
    return;
  }
  const auto* rest = reinterpret_cast<const std::byte*>(&tone);
  for (std::size_t at = 64; at < sizeof(Tone); at += 64) {
    __builtin_prefetch(rest + at, 1);
  }
  const auto* cold = reinterpret_cast<const std::byte*>(&state_.voices[slot]);
  __builtin_prefetch(cold);
  __builtin_prefetch(cold + 64);
  const std::size_t size = tone.format == SampleFormat::F32 ? sizeof(float) : sizeof(std::int16_t);
  const std::uint64_t samples =
      std::min<std::uint64_t>((n * tone.step) >> 32, static_cast<std::uint64_t>(tone.run));
  // From the taps before the position to those after the last one.
  const auto before =
      static_cast<std::size_t>(std::min<std::int64_t>(tone.index, taps_before(tone.quality)));
  const std::byte* first = tone.data + (static_cast<std::size_t>(tone.index) - before) * size;
  const std::size_t bytes = std::min<std::size_t>(
      (before + samples + static_cast<std::size_t>(taps_after(tone.quality))) * size, 8192);
  for (std::size_t at = 0; at < bytes; at += 64) {
    __builtin_prefetch(first + at);
  }
  __builtin_prefetch(first + bytes);
}

void Mix::flush(std::uint32_t index, std::uint32_t n, bool last) noexcept {
  Bus& bus = state_.buses[index];
  if (bus.jobs == 0) {
    return;
  }
  const std::uint32_t left = Steady::left(bus.key);
  const std::uint32_t right = Steady::right(bus.key);
  const bool fresh = !row(index, left).used && !row(index, right).used;
  float* l = fresh ? begin_row(index, left).samples : used_row(index, left, n);
  float* r = fresh ? begin_row(index, right).samples : used_row(index, right, n);
  const bool wide = (bus.key & Steady::kShort) == 0;
  const auto pass = (bus.key & Steady::kMono) != 0
                        ? (wide ? kernels_.mono_f32 : kernels_.mono_s16)
                        : (wide ? kernels_.stereo_f32 : kernels_.stereo_s16);
  if (last) {
    float most[2];
    pass(bus.job.data(), bus.jobs, l, r, n, fresh, most);
    row(index, left).peak = most[0];
    row(index, right).peak = most[1];
  } else {
    pass(bus.job.data(), bus.jobs, l, r, n, fresh, nullptr);
  }
  bus.jobs = 0;
}

void Mix::voice(std::uint32_t slot, std::uint32_t n) noexcept {
  Voice& voice = state_.voices[slot];
  Tone& last = state_.tones[slot];
  flush(last.bus, n);  // what came before it is summed before it
  for (std::uint32_t s = voice.segment_head; s != kNone; s = state_.segments[s].next) {
    const Segment& segment = state_.segments[s];
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

float Mix::peak_of(Row& of, std::uint32_t n) noexcept {
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

// All voices are on one bus, summed in the outputs, and nothing is to be done to them on the way.
bool Mix::lies_in_outputs() const noexcept {
  if (touched_ != std::uint64_t{1} << favourite_) {
    return false;
  }
  const std::int64_t begin = state_.block_begin;
  bool unity = state_.buses[favourite_].direct.unity(begin);
  for (auto b = static_cast<std::int32_t>(favourite_); b >= 0;) {
    const Bus& bus = state_.buses[static_cast<std::uint32_t>(b)];
    unity = unity && bus.gain.unity(begin);
    b = bus.parent;
  }
  return unity;
}

void Mix::finish_in_outputs(std::uint32_t n) noexcept {
  Row* rows = &row(favourite_, 0);
  const std::uint32_t count = state_.config.outputs;
  float most = 0.0F;
  for (std::uint32_t o = 0; o < count; ++o) {
    if (!rows[o].used) {
      std::fill_n(outputs_[o] + offset_, n, 0.0F);
      continue;
    }
    rows[o].used = false;
    const float peak = peak_of(rows[o], n);
    most = std::max(most, peak);
    most_[o] = most_[o] == kUnmeasured ? kUnmeasured : std::max(most_[o], peak);
  }
  for (std::uint32_t i = 0; i < state_.bus_count; ++i) {
    peaks_[state_.bus_order[i]] = 0.0F;
  }
  for (auto b = static_cast<std::int32_t>(favourite_); b >= 0;
       b = state_.buses[static_cast<std::uint32_t>(b)].parent) {
    peaks_[b] = most;
  }
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
    peaks_[b] = 0.0F;
    if ((touched_ >> b & 1) != 0) {
      move_up(b, n);
    }
  }
  for (std::uint32_t o = 0; o < count; ++o) {
    finish_output(o, n);
  }
  if (sounding != 0 && (sounding >> favourite_ & 1) == 0) {
    favourite_ = static_cast<std::uint32_t>(__builtin_ctzll(sounding));
  }
  touched_ = 0;
}

// What is on a bus goes through its gain into the bus above, or out.
void Mix::move_up(std::uint32_t b, std::uint32_t n) noexcept {
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
  peaks_[b] = most;
}

void Mix::finish_output(std::uint32_t output, std::uint32_t n) noexcept {
  Row& last = finals_[output];
  float* goal = outputs_[output] + offset_;
  if (!last.used) {
    std::fill_n(goal, n, 0.0F);
    return;
  }
  last.used = false;
  if (last.samples != goal) {
    std::memcpy(goal, last.samples, n * sizeof(float));
  }
  if (most_[output] != kUnmeasured) {
    most_[output] = std::max(most_[output], peak_of(last, n));
  }
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
