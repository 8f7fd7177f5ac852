// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "jump.hpp"

#include "play.hpp"
#include "schedule.hpp"

#include <algorithm>

namespace avrig::mixer {

void run(State& state, std::int64_t end) noexcept {
  constexpr std::uint32_t kRoom = 4;  // segments that one action may need
  for (;;) {
    const std::uint32_t index = first_due(state);
    if (index == kNone || state.actions[index].target >= end) {
      state.cursor = end;
      return;
    }
    const std::int64_t due = std::max(state.actions[index].target, state.cursor);
    state.cursor = due;
    if (!state.silent && due > state.block_begin &&
        (is_global(state.actions[index]) || state.segments_used + kRoom > state.segments.size())) {
      return;
    }
    execute(state, index);
    settle(state);
  }
}

void skip_sound(State& state) noexcept {
  state.for_each(state.active, [&](std::uint32_t slot) {
    state.disturb(slot);
    Tone& tone = state.tones[slot];
    if (tone.at < state.cursor) {
      tone.advance(state.cursor - tone.at);
      tone.settle(state.cursor);
      classify(state.voices[slot], tone);
    }
  });
  state.position = state.block_begin = state.cursor;
}

void look_at_streams(State& state) noexcept {
  state.for_each(state.streaming, [&](std::uint32_t slot) { look_at_stream(state, slot); });
  settle(state);
}

void release_streams(State& state) noexcept {
  state.for_each(state.streaming, [&](std::uint32_t slot) {
    const Voice& voice = state.voices[slot];
    const Tone& tone = state.tones[slot];
    const std::int64_t keep = tone.straight() ? 0 : taps_before(tone.quality);
    StreamHeader& header = *voice.stream.header;
    header.place.store(static_cast<std::uint64_t>(tone.position()), std::memory_order_relaxed);
    header.phase.store(tone.frac, std::memory_order_relaxed);
    // After those: killed in between, we leave more than the next mixer needs, never less.
    header.read.store(static_cast<std::uint64_t>(std::max<std::int64_t>(0, tone.position() - keep)),
                      std::memory_order_release);
    header.underrun.store(static_cast<std::uint64_t>(voice.underrun), std::memory_order_relaxed);
    state.publish(slot);
  });
}

void report_retired(State& state) noexcept {
  if (state.retired_count == 0) {
    return;
  }
  state.for_each(state.retired, [&](std::uint32_t slot) {
    Voice& voice = state.voices[slot];
    Event event;
    event.kind = EventKind::Removed;
    event.voice = voice.id;
    event.sample = state.position;
    event.value = voice.source;
    if (state.tell(event)) {
      State::set_bit(state.retired, slot, false);
      --state.retired_count;
      voice.id = 0;
      state.publish(slot);
    }
  });
}

void jump(State& state, std::int64_t samples, std::uint32_t epoch) noexcept {
  if (epoch != state.epoch) {
    state.epoch = epoch;
    Event event;
    event.kind = EventKind::EpochOpened;
    event.sample = state.position;
    event.value = epoch;
    state.tell(event);
  }
  if (samples <= 0) {
    return;
  }
  const std::int64_t from = state.position;
  state.gap_end = from + samples;
  Event hole;  // the stream's own; those of the voices that sound follow
  hole.kind = EventKind::Gap;
  hole.sample = from;
  hole.value = samples;
  state.tell(hole);
  state.for_each(state.active, [&](std::uint32_t slot) {
    state.disturb(slot);
    Voice& voice = state.voices[slot];
    Event event;
    event.kind = EventKind::Gap;
    event.voice = voice.id;
    event.play = state.plays[voice.current].number;
    event.sample = from;
    event.value = samples;
    state.tell(event);
    if (voice.gap == GapPolicy::KeepContent) {
      state.tones[slot].at += samples;
      set_timer(state, voice.current);
      set_seam(state, voice.current);
      touch(state, voice.current);
    }
  });
  settle(state);
  state.forwarding = state.replaying;
  look_at_streams(state);
  state.silent = true;
  run(state, state.gap_end);
  skip_sound(state);
  state.silent = false;
  state.gap_end = kUnknown;
  state.forwarding = false;
  if (!state.replaying) {
    release_streams(state);
  }
  state.for_each(state.active, [&](std::uint32_t slot) { state.publish(slot); });
}

}  // namespace avrig::mixer
