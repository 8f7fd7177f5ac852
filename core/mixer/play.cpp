// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "play.hpp"

#include "schedule.hpp"
#include <avrig/mixer/gain.hpp>
#include <avrig/mixer/spatial.hpp>

#include <algorithm>

namespace avrig::mixer {

namespace {

Event event_of(const State& state, const Play& play, EventKind kind) noexcept {
  Event event;
  event.kind = kind;
  event.voice = state.voices[play.voice].id;
  event.play = play.number;
  event.sample = state.cursor;
  return event;
}

void silence_voice(State& state, std::uint32_t slot) noexcept {
  State::set_bit(state.active, slot, false);
  state.set_streaming(slot, false);
}

void sound_voice(State& state, std::uint32_t slot) noexcept {
  State::set_bit(state.active, slot, true);
  if (state.tones[slot].stream) {
    state.set_streaming(slot, true);
  }
}

// A tone at the beginning of `play`.
Tone first_tone(State& state, const Play& play) noexcept {
  const Voice& voice = state.voices[play.voice];
  const Tone& old = state.tones[play.voice];
  Tone tone;
  tone.at = state.cursor;
  tone.bus = old.bus;
  tone.quality = old.quality;
  tone.out[0] = voice.output[0];
  tone.out[1] = voice.output[voice.lanes > 1 ? 1 : 0];
  if (voice.source_kind == SourceKind::Stream) {
    const StreamView& stream = voice.stream;
    tone.stream = true;
    tone.data = static_cast<const std::byte*>(stream.data);
    tone.stride = stream.stride_bytes;
    tone.format = stream.format;
    tone.mask = stream.capacity - 1;
    tone.content.total = kEndless;
    tone.available = 0;
    if (old.stream && !state.replaying) {
      tone.seek(old.position(), 0);
    } else {  // nobody has played it, or a mixer before this one
      tone.seek(static_cast<std::int64_t>(stream.header->place.load(std::memory_order_relaxed)),
                stream.header->phase.load(std::memory_order_relaxed));
    }
    return tone;
  }
  tone.data = static_cast<const std::byte*>(voice.samples.data);
  tone.stride = voice.samples.stride_bytes;
  tone.format = voice.samples.format;
  tone.content = Content::of(play.how.starting_idx, play.how.loop, voice.samples.length);
  tone.seek(0, 0);
  return tone;
}

void show_mark(State& state, std::uint32_t index) noexcept {
  Play& play = state.plays[index];
  if (play.how.mark.bits == 0) {
    return;
  }
  play.mark_at = state.cursor;
  if (!play.mark_active) {
    play.mark_active = true;
    play.next_mark = state.marks;
    state.marks = index;
  }
}

}  // namespace

void watch_stream(State& state,
                  std::uint32_t slot,
                  std::int64_t n,
                  std::int64_t delivered) noexcept {
  Voice& voice = state.voices[slot];
  const Tone& tone = state.tones[slot];
  if (delivered == n || tone.content.total != kEndless || state.forwarding) {
    voice.dry = voice.dry && delivered == 0;
    return;
  }
  voice.underrun += n - delivered;
  if (!voice.dry) {
    voice.dry = true;
    Event event;
    event.kind = EventKind::Underrun;
    event.voice = voice.id;
    event.sample = tone.at + delivered;
    state.tell(event);
  }
}

void cut(State& state, std::uint32_t slot) noexcept {
  state.disturb(slot);
  Tone& tone = state.tones[slot];
  if (!state.is_active(slot) || tone.at >= state.cursor) {
    return;
  }
  const std::int64_t n = state.cursor - tone.at;
  const std::int64_t heard = tone.playable(n);
  if (tone.stream) {
    watch_stream(state, slot, n, heard);
  }
  if (!state.silent && heard > 0) {
    Voice& voice = state.voices[slot];
    const std::uint32_t index = state.segments_used++;
    Segment& segment = state.segments[index];
    segment.tone = tone;
    segment.offset = static_cast<std::uint32_t>(tone.at - state.block_begin);
    segment.length = static_cast<std::uint32_t>(heard);
    segment.next = kNone;
    if (voice.segment_head == kNone) {
      voice.segment_head = index;
    } else {
      state.segments[voice.segment_tail].next = index;
    }
    voice.segment_tail = index;
    State::set_bit(state.changed, slot, true);
  }
  tone.advance(n);
  tone.settle(state.cursor);
}

void classify(const Voice& voice, Tone& tone) noexcept {
  const std::uint32_t channels = tone.stream ? voice.stream.channels : voice.samples.channels;
  const bool steady =
      tone.straight() && tone.ramp_length == 0 && tone.in_length == 0 && tone.out_length == 0 &&
      tone.move_length == 0;
  tone.path = !steady || tone.stream || voice.lanes != 2 ? TonePath::Slow
              : channels == 1                            ? TonePath::Mono
                                                         : TonePath::Stereo;
}

void refresh(State& state, std::uint32_t slot, std::uint32_t ramp) noexcept {
  const Voice& voice = state.voices[slot];
  Tone& tone = state.tones[slot];
  const float base = db_to_linear(voice.gain_db) * voice.place_gain;
  Pair pair{base, base};
  if (voice.lanes == 2) {
    const Pair pan = pan_gains(voice.pan_law, static_cast<float>(voice.pan) + voice.place_pan);
    pair = {base * pan.left, base * pan.right};
  }
  tone.aim(pair.left, pair.right, state.cursor, ramp);
  tone.step = step_of(voice.pitch * voice.place_pitch);
  classify(voice, tone);
}

void refresh_place(State& state, std::uint32_t slot, std::uint32_t ramp) noexcept {
  Voice& voice = state.voices[slot];
  const Placement placement = place(voice.emitter, state.listener);
  cut(state, slot);
  const bool pitched = voice.place_pitch != placement.pitch;
  voice.place_gain = placement.gain;
  voice.place_pan = placement.pan;
  voice.place_pitch = placement.pitch;
  voice.spatial = voice.emitter.mode != EmitterMode::Off;
  refresh(state, slot, state.is_active(slot) ? ramp : 0);
  if (pitched) {
    repitch(state, slot);
  }
}

void repitch(State& state, std::uint32_t slot) noexcept {
  Voice& voice = state.voices[slot];
  if (voice.current != kNone) {
    set_timer(state, voice.current);
    set_seam(state, voice.current);
    touch(state, voice.current);
  }
  for (std::uint32_t a = voice.actions; a != kNone; a = state.actions[a].voice_next) {
    if (state.actions[a].command.kind == CommandKind::Start) {
      touch(state, state.actions[a].play);
    }
  }
}

void set_timer(State& state, std::uint32_t index) noexcept {
  Play& play = state.plays[index];
  const Tone& tone = state.tones[play.voice];
  const std::int64_t left = tone.remaining();
  std::int64_t target = left == kEndless ? kUnknown : tone.at + left;
  if (play.state == PlayState::Pausing) {
    target = std::min(target, play.pause_done);
  } else if (play.state == PlayState::Stopping) {
    target = std::min(target, play.fade_end);
  } else if (play.state != PlayState::Playing) {
    target = kUnknown;
  }
  set_target(state, play.timer, target);
}

void set_seam(State& state, std::uint32_t index) noexcept {
  Play& play = state.plays[index];
  if (play.seam == kNone) {
    return;
  }
  const Tone& tone = state.tones[play.voice];
  std::int64_t target = kUnknown;
  if (play.state == PlayState::Playing || play.state == PlayState::Pausing ||
      play.state == PlayState::Stopping) {
    const std::int64_t seam = tone.content.next_seam(tone.position());
    target = seam == kEndless ? kUnknown : tone.at + tone.until(seam);
  }
  set_target(state, play.seam, target);
}

void look_at_stream(State& state, std::uint32_t slot) noexcept {
  Voice& voice = state.voices[slot];
  Tone& tone = state.tones[slot];
  if (state.forwarding) {
    tone.available = tone.position();
    return;
  }
  // `closed` is read first: what was written before it is then counted.
  const bool closed = voice.stream.header->closed.load(std::memory_order_acquire) != 0;
  const auto written =
      static_cast<std::int64_t>(voice.stream.header->written.load(std::memory_order_acquire));
  // A feeder that lies about its position cannot make us read what it may be writing.
  tone.available = std::clamp(
      written, tone.position(), tone.position() + static_cast<std::int64_t>(voice.stream.capacity));
  if (closed && tone.content.total == kEndless) {
    tone.content.total = tone.available;
    set_timer(state, voice.current);
    touch(state, voice.current);
  }
}

void begin_play(State& state, std::uint32_t index, std::int64_t late) noexcept {
  Play& play = state.plays[index];
  const std::uint32_t slot = play.voice;
  Voice& voice = state.voices[slot];
  const bool skip = late > 0 && play.how.late == Late::Skip;
  if (voice.current != kNone) {
    end_play(state, voice.current, kEventRestarted, Reason::None);
  }
  Tone tone = first_tone(state, play);
  voice.current = index;
  play.state = PlayState::Playing;
  play.start = skip ? play.start_requested : state.cursor;
  if (!tone.stream && skip) {
    tone.step = step_of(voice.pitch * voice.place_pitch);
    tone.at -= late;
    tone.advance(late);
  }
  state.tones[slot] = tone;
  state.steady[slot] = {};
  if (play.how.fade > 0) {
    state.tones[slot].fade_in(state.cursor, play.how.fade, play.how.shape);
  }
  refresh(state, slot, 0);
  sound_voice(state, slot);
  if (tone.stream) {
    look_at_stream(state, slot);
  }
  Event event = event_of(state, play, EventKind::Started);
  event.request = play.start_request;
  event.client = play.start_client;
  event.requested = play.start_requested;
  event.late = late;
  state.tell(event);
  show_mark(state, index);
  set_timer(state, index);
  set_seam(state, index);
  for (std::uint32_t a = play.waiting[0]; a != kNone;) {
    const std::uint32_t next = state.actions[a].waiting_next;
    retarget(state, a);
    a = next;
  }
  touch(state, index);
}

void end_play(State& state, std::uint32_t index, std::uint32_t flags, Reason reason) noexcept {
  Play& play = state.plays[index];
  Voice& voice = state.voices[play.voice];
  cut(state, play.voice);
  silence_voice(state, play.voice);
  voice.current = kNone;
  play.state = PlayState::Ended;
  for (std::uint32_t* own : {&play.timer, &play.seam}) {
    if (*own != kNone) {
      release(state, *own);
      *own = kNone;
    }
  }
  Event event = event_of(state, play, EventKind::Ended);
  event.reason = reason;
  event.flags = flags;
  event.request = play.stopped ? play.stop_request : play.start_request;
  event.client = play.stopped ? play.stop_client : play.start_client;
  event.requested = play.stop_requested;
  event.late = play.stop_late;
  state.tell(event);
  play.end = state.cursor;
  for (std::uint32_t a = play.waiting[1]; a != kNone;) {
    const std::uint32_t next = state.actions[a].waiting_next;
    retarget(state, a);
    a = next;
  }
  touch(state, index);
  state.publish(play.voice);
  if (voice.removing) {
    remove_voice(state, play.voice);
  }
}

void give_up_play(State& state, std::uint32_t index, Reason reason, EventKind kind) noexcept {
  Play& first = state.plays[index];
  if (kind != EventKind::None) {
    Event event = event_of(state, first, kind);
    event.reason = reason;
    event.request = first.start_request;
    event.client = first.start_client;
    event.requested = first.start_requested;
    event.late = kind == EventKind::Dropped && first.start_requested != kUnknown
                     ? std::max<std::int64_t>(0, state.cursor - first.start_requested)
                     : 0;
    state.tell(event);
  }
  first.state = PlayState::Gone;
  first.on_gone_list = true;
  first.next_gone = state.gone;
  state.gone = index;
  if (state.sweeping) {
    return;  // the loop below, further up the stack, gets to it
  }
  state.sweeping = true;
  while (state.gone != kNone) {
    const std::uint32_t now = state.gone;
    Play& play = state.plays[now];
    state.gone = play.next_gone;
    ++play.references;  // stays while we take it apart
    play.on_gone_list = false;
    play.start = play.end = kUnknown;
    for (std::uint32_t* own : {&play.timer, &play.seam, &play.start_action}) {
      if (*own != kNone) {
        release(state, *own);
        *own = kNone;
      }
    }
    for (std::uint32_t a = state.voices[play.voice].actions; a != kNone;) {
      const std::uint32_t next = state.actions[a].voice_next;
      if (state.actions[a].play == now) {
        cancel_action(state, a, reason);
      }
      a = next;
    }
    for (std::uint32_t& head : play.waiting) {
      while (head != kNone) {
        cancel_action(state, head, Reason::AnchorGone);
      }
    }
    state.publish(play.voice);
    --play.references;
    state.give_back_play(now);
  }
  state.sweeping = false;
}

void cancel_action(State& state, std::uint32_t index, Reason reason) noexcept {
  Action& action = state.actions[index];
  Event event;
  event.kind = EventKind::Cancelled;
  event.reason = reason;
  event.voice = action.command.voice;
  event.request = action.command.request;
  event.client = action.command.client;
  event.requested = action.requested;
  event.sample = state.cursor;
  state.tell(event);
  const std::uint32_t play = action.play;
  const CommandKind kind = action.command.kind;
  if (kind == CommandKind::Start) {
    state.plays[play].start_action = kNone;
    ++state.plays[play].references;
    release(state, index);
    --state.plays[play].references;
    give_up_play(state, play, reason, EventKind::None);
    return;
  }
  if (play != kNone && state.plays[play].stop_action == index) {
    state.plays[play].stop_action = kNone;
    touch(state, play);
  }
  release(state, index);
}

void remove_voice(State& state, std::uint32_t slot) noexcept {
  Voice& voice = state.voices[slot];
  while (voice.actions != kNone) {
    cancel_action(state, voice.actions, Reason::VoiceRemoved);
  }
  const std::uint32_t latest = voice.latest;
  voice.latest = kNone;
  if (latest != kNone) {
    if (state.plays[latest].state == PlayState::Unstarted) {
      give_up_play(state, latest, Reason::VoiceRemoved, EventKind::None);
    } else {
      state.give_back_play(latest);
    }
  }
  Event event;
  event.kind = EventKind::Removed;
  event.voice = voice.id;
  event.sample = state.cursor;
  event.value = voice.source;
  const bool told = state.tell(event);
  if (!told) {
    // Its slot and its samples stay taken until the owner can hear of it.
    State::set_bit(state.retired, slot, true);
    ++state.retired_count;
    return;
  }
  voice.id = 0;
  state.publish(slot);
}

}  // namespace avrig::mixer
