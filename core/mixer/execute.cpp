// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "bus.hpp"
#include "play.hpp"
#include "schedule.hpp"

#include <algorithm>

namespace avrig::mixer {

namespace {

struct Doing {
  Command command;
  std::int64_t requested;
  std::int64_t late;
};

void report(State& state,
            const Doing& doing,
            EventKind kind,
            Reason reason,
            std::int64_t value = 0,
            std::uint32_t play = 0) noexcept {
  Event event;
  event.kind = kind;
  event.reason = reason;
  event.voice = doing.command.voice;
  event.request = doing.command.request;
  event.client = doing.command.client;
  event.sample = state.cursor;
  event.requested = doing.requested;
  event.late = doing.late;
  event.value = value;
  event.play = play;
  state.tell(event);
}

void do_start(State& state, std::uint32_t action, const Doing& doing) noexcept {
  const std::uint32_t index = state.actions[action].play;
  Play& play = state.plays[index];
  if (state.gap_end != kUnknown && play.how.late == Late::Play) {
    // Its sample is lost: it comes as soon as there is sound again.
    state.actions[action].put_off = state.gap_end;
    set_target(state, action, state.gap_end);
    return;
  }
  play.start_action = kNone;
  play.start_requested = doing.requested;
  release(state, action);
  if (play.how.late == Late::Drop && (doing.late > 0 || state.gap_end != kUnknown)) {
    give_up_play(state, index, Reason::None, EventKind::Dropped);
    return;
  }
  const Voice& voice = state.voices[play.voice];
  if (play.how.late == Late::Skip && doing.late > 0 && voice.source_kind == SourceKind::Samples) {
    const Content content = Content::of(play.how.starting_idx, play.how.loop, voice.samples.length);
    if (duration(content.total, 0, step_of(voice.pitch * voice.place_pitch)) <= doing.late) {
      give_up_play(state, index, Reason::None, EventKind::Dropped);
      return;
    }
  }
  begin_play(state, index, doing.late);
}

void freeze(State& state, std::uint32_t index) noexcept {
  Play& play = state.plays[index];
  cut(state, play.voice);
  Tone& tone = state.tones[play.voice];
  State::set_bit(state.active, play.voice, false);
  state.set_streaming(play.voice, false);
  tone.out_length = 0;
  play.state = PlayState::Paused;
  set_timer(state, index);
  set_seam(state, index);
  touch(state, index);
}

// A stop that acts on a play which sounds.
void stop_sounding(State& state, std::uint32_t index, const Doing& doing) noexcept {
  Play& play = state.plays[index];
  const FadePayload& how = doing.command.as.fade;
  Tone& tone = state.tones[play.voice];
  play.stopped = true;
  play.stop_request = doing.command.request;
  play.stop_client = doing.command.client;
  const bool before = (doing.command.flags & kCommandFadeBefore) != 0;
  play.stop_requested = doing.requested + (before ? how.fade : 0);
  play.stop_late = doing.late;
  if ((doing.command.flags & kCommandAtLoopEnd) != 0) {
    cut(state, play.voice);
    const std::int64_t seam = tone.content.next_seam(tone.position());
    if (seam != kEndless) {
      tone.content.total = seam;
      tone.seek(tone.position(), tone.frac);
    }
    set_timer(state, index);
    set_seam(state, index);
    touch(state, index);
    return;
  }
  if (play.state == PlayState::Pausing) {
    play.fade_end = play.pause_done;  // already on its way to silence
  } else if (how.fade == 0) {
    end_play(state, index, 0, Reason::None);
    return;
  } else {
    cut(state, play.voice);
    tone.fade_out(state.cursor, how.fade, how.shape);
    play.fade_end = state.cursor + how.fade;
  }
  play.state = PlayState::Stopping;
  classify(state.voices[play.voice], tone);
  set_timer(state, index);
  touch(state, index);
}

void do_stop(State& state, std::uint32_t index, const Doing& doing) noexcept {
  Play& play = state.plays[index];
  switch (play.state) {
    case PlayState::Pending:
      give_up_play(state, index, Reason::Stopped, EventKind::Cancelled);
      break;
    case PlayState::Playing:
    case PlayState::Pausing:
      stop_sounding(state, index, doing);
      break;
    case PlayState::Paused:
      play.stopped = true;
      play.stop_request = doing.command.request;
      play.stop_client = doing.command.client;
      play.stop_requested = doing.requested;
      play.stop_late = doing.late;
      end_play(state, index, 0, Reason::None);
      break;
    default:
      report(state, doing, EventKind::NoOp, Reason::NotPlaying);
  }
}

void do_pause(State& state, std::uint32_t index, const Doing& doing) noexcept {
  Play& play = state.plays[index];
  if (play.state != PlayState::Playing) {
    report(state, doing, EventKind::NoOp, Reason::NotPlaying);
    return;
  }
  const FadePayload& how = doing.command.as.fade;
  play.stop_request = doing.command.request;
  play.stop_client = doing.command.client;
  if (how.fade == 0) {
    freeze(state, index);
    report(
        state, doing, EventKind::Paused, Reason::None, state.tones[play.voice].index, play.number);
    return;
  }
  cut(state, play.voice);
  Tone& tone = state.tones[play.voice];
  tone.fade_out(state.cursor, how.fade, how.shape);
  classify(state.voices[play.voice], tone);
  play.state = PlayState::Pausing;
  play.pause_done = state.cursor + how.fade;
  set_timer(state, index);
  touch(state, index);
}

void do_resume(State& state, std::uint32_t index, const Doing& doing) noexcept {
  Play& play = state.plays[index];
  Tone& tone = state.tones[play.voice];
  if (play.state == PlayState::Pausing) {
    cut(state, play.voice);
    tone.out_length = 0;
  } else if (play.state == PlayState::Paused) {
    tone.at = state.cursor;
    tone.settle(state.cursor);
    State::set_bit(state.active, play.voice, true);
    state.set_streaming(play.voice, tone.stream);
    if (tone.stream) {
      look_at_stream(state, play.voice);
    }
    const FadePayload& how = doing.command.as.fade;
    if (how.fade > 0) {
      tone.fade_in(state.cursor, how.fade, how.shape);
    }
  } else {
    report(state, doing, EventKind::NoOp, Reason::NotPlaying);
    return;
  }
  play.state = PlayState::Playing;
  classify(state.voices[play.voice], tone);
  set_timer(state, index);
  set_seam(state, index);
  touch(state, index);
  report(state, doing, EventKind::Resumed, Reason::None, tone.index, play.number);
}

void do_timer(State& state, std::uint32_t index) noexcept {
  Play& play = state.plays[index];
  cut(state, play.voice);
  const bool over = state.tones[play.voice].remaining() <= 0;
  if (play.state == PlayState::Pausing && !over) {
    freeze(state, index);
    Event event;
    event.kind = EventKind::Paused;
    event.voice = state.voices[play.voice].id;
    event.request = play.stop_request;
    event.client = play.stop_client;
    event.sample = state.cursor;
    event.value = state.tones[play.voice].index;
    event.play = play.number;
    state.tell(event);
    return;
  }
  end_play(state, index, over ? kEventNatural : 0U, Reason::None);
}

// Short loops would flood the queue: at most one event in this many samples.
constexpr std::int64_t kLoopReport = 64;

void do_seam(State& state, std::uint32_t index) noexcept {
  Play& play = state.plays[index];
  cut(state, play.voice);
  const Tone& tone = state.tones[play.voice];
  const Content& content = tone.content;
  const std::int64_t passes = (tone.position() - content.first_seam()) / content.region() + 1;
  Event event;
  event.kind = EventKind::Looped;
  event.voice = state.voices[play.voice].id;
  event.request = play.start_request;
  event.client = play.start_client;
  event.sample = state.cursor;
  event.value = passes;
  event.play = play.number;
  state.tell(event);
  std::int64_t seam = content.next_seam(tone.position());
  while (seam != kEndless && tone.until(seam) < kLoopReport) {
    seam = content.next_seam(seam);
  }
  set_target(state, play.seam, seam == kEndless ? kUnknown : tone.at + tone.until(seam));
}

void do_voice_parameter(State& state, std::uint32_t slot, const Doing& doing) noexcept {
  Voice& voice = state.voices[slot];
  cut(state, slot);
  const ValuePayload& value = doing.command.as.value;
  const std::uint32_t ramp = state.is_active(slot) ? value.ramp : 0;
  switch (doing.command.kind) {
    case CommandKind::SetGain:
      voice.gain_db = value.value;
      refresh(state, slot, ramp);
      break;
    case CommandKind::SetPan:
      voice.pan = value.value;
      refresh(state, slot, ramp);
      break;
    case CommandKind::SetPitch:
      voice.pitch = std::clamp(value.value, kMinPitch, kMaxPitch);
      state.tones[slot].step = step_of(voice.pitch * voice.place_pitch);
      classify(voice, state.tones[slot]);
      repitch(state, slot);
      break;
    case CommandKind::SetEmitter:
      voice.emitter = doing.command.as.emitter;
      refresh_place(state, slot, voice.emitter.ramp);
      break;
    case CommandKind::SetVoiceBus:
      state.tones[slot].move(static_cast<std::uint8_t>(value.bus), state.cursor, ramp);
      classify(voice, state.tones[slot]);
      break;
    default:
      break;
  }
  report(state, doing, EventKind::Applied, Reason::None);
}

// Seek and SetLoop: the content goes on from another place, or by another way.
void do_content(State& state, std::uint32_t slot, const Doing& doing) noexcept {
  Voice& voice = state.voices[slot];
  const bool seek = doing.command.kind == CommandKind::Seek;
  if (voice.current == kNone) {
    const std::uint32_t latest = voice.latest;
    if (!seek && latest != kNone && state.plays[latest].state == PlayState::Pending) {
      state.plays[latest].how.loop = doing.command.as.loop;
      touch(state, latest);
      report(state, doing, EventKind::Applied, Reason::None);
      return;
    }
    report(state, doing, EventKind::NoOp, Reason::NotPlaying);
    return;
  }
  cut(state, slot);
  Play& play = state.plays[voice.current];
  Tone& tone = state.tones[slot];
  if (!seek) {
    play.how.loop = doing.command.as.loop;
  }
  const std::int64_t index = seek ? doing.command.as.seek.index : tone.index;
  const std::uint32_t frac = seek ? 0 : tone.frac;
  tone.content = Content::of(index, play.how.loop, voice.samples.length);
  tone.content.joined = true;
  tone.seek(0, frac);
  classify(voice, tone);
  set_timer(state, voice.current);
  set_seam(state, voice.current);
  touch(state, voice.current);
  report(state, doing, EventKind::Applied, Reason::None);
}

void do_global(State& state, const Doing& doing) noexcept {
  const Command& command = doing.command;
  const ValuePayload& value = command.as.value;
  switch (command.kind) {
    case CommandKind::SetListener:
      state.listener = command.as.listener;
      for (std::uint32_t slot = 0; slot < state.slots_used; ++slot) {
        if (state.voices[slot].id != 0 && state.voices[slot].spatial) {
          refresh_place(state, slot, command.as.listener.ramp);
        }
      }
      break;
    case CommandKind::SetBusGain:
      state.buses[value.bus].gain_db = value.value;
      refresh_buses(state, value.ramp);
      break;
    case CommandKind::SetBusMute:
      state.buses[value.bus].mute = value.value != 0.0;
      refresh_buses(state, value.ramp);
      break;
    case CommandKind::SetBusSolo:
      state.buses[value.bus].solo = value.value != 0.0;
      refresh_buses(state, value.ramp);
      break;
    default:
      break;
  }
  report(state, doing, EventKind::Applied, Reason::None);
}

void do_play_action(State& state, std::uint32_t action, const Doing& doing) noexcept {
  const std::uint32_t play = state.actions[action].play;
  Play& subject = state.plays[play];
  if (subject.stop_action == action) {
    subject.stop_action = kNone;
  }
  ++subject.references;  // outlives its action
  release(state, action);
  switch (doing.command.kind) {
    case CommandKind::Stop:
      do_stop(state, play, doing);
      break;
    case CommandKind::Pause:
      do_pause(state, play, doing);
      break;
    default:
      do_resume(state, play, doing);
      break;
  }
  --subject.references;
  state.give_back_play(play);
}

}  // namespace

bool is_global(const Action& action) noexcept {
  switch (action.command.kind) {
    case CommandKind::SetListener:
    case CommandKind::SetBusGain:
    case CommandKind::SetBusMute:
    case CommandKind::SetBusSolo:
      return true;
    default:
      return false;
  }
}

void execute(State& state, std::uint32_t index) noexcept {
  Action& action = state.actions[index];
  if (action.own) {
    const std::uint32_t play = action.play;
    const std::uint32_t slot = state.plays[play].voice;
    if (action.rank == kRankTimer) {
      do_timer(state, play);
    } else {
      do_seam(state, play);
    }
    state.publish(slot);
    return;
  }
  const std::uint32_t slot = action.voice;
  const Doing doing{
      action.command, action.requested, std::max<std::int64_t>(0, state.cursor - action.requested)};
  switch (action.command.kind) {
    case CommandKind::Start:
      do_start(state, index, doing);
      break;
    case CommandKind::Stop:
    case CommandKind::Pause:
    case CommandKind::Resume:
      do_play_action(state, index, doing);
      break;
    case CommandKind::Seek:
    case CommandKind::SetLoop:
      release(state, index);
      do_content(state, slot, doing);
      break;
    default:
      release(state, index);
      if (slot != kNone) {
        do_voice_parameter(state, slot, doing);
      } else {
        do_global(state, doing);
      }
      break;
  }
  if (slot != kNone) {
    state.publish(slot);
  }
}

}  // namespace avrig::mixer
