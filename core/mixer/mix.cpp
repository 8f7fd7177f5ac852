// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mix.hpp"

#include <algorithm>

namespace avrig::mixer {

namespace {

constexpr int kSlowAhead = 2;  // voices that go the slow way, fetched while another is mixed

}  // namespace

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

inline void Mix::begin_row(Row& begun, std::uint32_t bus, std::uint32_t output) noexcept {
  begun.used = true;
  touched_ |= std::uint64_t{1} << bus;
  begun.peak = kUnmeasured;
  begun.samples =
      bus == favourite_
          ? outputs_[output] + offset_
          : row_memory_.get() + (std::size_t{bus} * state_.config.outputs + output) * row_stride_;
}

float* Mix::used_row(std::uint32_t bus, std::uint32_t output, std::uint32_t n) noexcept {
  Row& wanted = row(bus, output);
  if (!wanted.used) {
    begin_row(wanted, bus, output);
    std::fill_n(wanted.samples, n, 0.0F);
  }
  return wanted.samples;
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
inline void Mix::voices_of(std::uint32_t w, std::uint32_t n) noexcept {
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
  std::size_t ahead = 0;
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
      waiting_ |= std::uint64_t{1} << Steady::bus(key);
      const std::size_t size = (key & Steady::kShort) != 0 ? sizeof(std::int16_t) : sizeof(float);
      now = static_cast<std::uintptr_t>(state_.block_begin) * size;
      bytes = n * size;
      ahead = jobs_ahead(bytes);
    }
    const auto* first = reinterpret_cast<const std::byte*>(one.base + now);
    bus->job[bus->jobs] = {first, first + one.stride, one.gain[0], one.gain[1]};
    if (bus->jobs++ < ahead) {
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
  const std::uint32_t outputs[2] = {Steady::left(bus.key), Steady::right(bus.key)};
  Row& left = row(index, outputs[0]);
  Row& right = row(index, outputs[1]);
  const bool fresh = !left.used && !right.used;
  if (fresh) {
    begin_row(left, index, outputs[0]);
    begin_row(right, index, outputs[1]);
  } else {
    used_row(index, outputs[0], n);
    used_row(index, outputs[1], n);
  }
  const bool wide = (bus.key & Steady::kShort) == 0;
  const auto pass = (bus.key & Steady::kMono) != 0
                        ? (wide ? kernels_.mono_f32 : kernels_.mono_s16)
                        : (wide ? kernels_.stereo_f32 : kernels_.stereo_s16);
  const std::size_t ahead = jobs_ahead(n * (wide ? sizeof(float) : sizeof(std::int16_t)));
  float most[2] = {kUnmeasured, kUnmeasured};
  pass(bus.job.data(),
       bus.jobs,
       ahead,
       left.samples,
       right.samples,
       n,
       fresh,
       last ? most : nullptr);
  left.peak = most[0];
  right.peak = most[1];
  bus.jobs = 0;
}

inline void Mix::voices(std::uint32_t n) noexcept {
  const std::uint32_t words = (state_.slots_used + 63) / 64;
  for (std::uint32_t w = 0; w < words; ++w) {
    if ((state_.active[w] | state_.changed[w]) != 0) {
      voices_of(w, n);
    }
  }
  for (; waiting_ != 0; waiting_ &= waiting_ - 1) {
    flush(static_cast<std::uint32_t>(__builtin_ctzll(waiting_)), n, true);
  }
}

void Mix::render(float* const* outputs, std::size_t offset) noexcept {
  block_ = static_cast<std::uint32_t>(state_.cursor - state_.block_begin);
  outputs_ = outputs;
  offset_ = offset;
  voices(block_);
  buses(block_);
  if (state_.marks != kNone) {
    marks(outputs, offset, block_);
  }
  state_.segments_used = 0;
  is_first_ = false;
}

}  // namespace avrig::mixer
