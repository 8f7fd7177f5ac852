// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "apply.hpp"
#include "bus.hpp"
#include "jump.hpp"
#include "play.hpp"
#include "schedule.hpp"
#include <avrig/mixer/gain.hpp>

#include <algorithm>
#include <cmath>

// Commands that take effect at once, each alone.

namespace avrig::mixer {

Reason Apply::immediate(const Command& command) noexcept {
  Reason reason = check_values(state_, command);
  if (reason != Reason::None) {
    return reason;
  }
  switch (command.kind) {
    case CommandKind::RemoveVoice:
      return remove(command);
    case CommandKind::Cancel:
      return cancel(command);
    case CommandKind::Resolve:
      return resolve(command);
    case CommandKind::AddBus:
      reason = add_bus(command.as.bus);
      break;
    case CommandKind::SetBusParent:
      reason = set_bus_parent(command.as.value);
      break;
    case CommandKind::SetClip:
      reason = set_clip(command.as.clip);
      break;
    case CommandKind::ClearFault:
      output_.clear_fault();
      break;
    case CommandKind::Jump:
      if (command.as.jump.samples < 0 || command.as.jump.samples > kMaxSample) {
        return Reason::BadTime;
      }
      jump(state_, command.as.jump.samples, command.as.jump.epoch);
      break;
    default:
      return Reason::Unsupported;
  }
  if (reason == Reason::None) {
    Event event;
    event.kind = EventKind::Accepted;
    event.request = command.request;
    event.client = command.client;
    event.sample = state_.position;
    state_.tell(event);
  }
  return reason;
}

Reason Apply::set_bus_parent(const ValuePayload& value) noexcept {
  if (!(value.value >= -1.0 && value.value < static_cast<double>(state_.config.buses))) {
    return Reason::UnknownBus;
  }
  const auto parent = static_cast<std::int32_t>(value.value);
  if (parent >= 0 && !state_.buses[static_cast<std::uint32_t>(parent)].alive) {
    return Reason::UnknownBus;
  }
  if (bus_cycle(state_, value.bus, parent)) {
    return Reason::BusCycle;
  }
  state_.buses[value.bus].parent = parent;
  order_buses(state_);
  refresh_buses(state_, value.ramp);
  return Reason::None;
}

Reason Apply::set_clip(const ClipPayload& clip) noexcept {
  if (clip.output != 255 && clip.output >= state_.config.outputs) {
    return Reason::BadOutput;
  }
  if (clip.policy > ClipPolicy::Fault) {
    return Reason::BadValue;
  }
  if (clip.policy == ClipPolicy::Limit && state_.config.limiter_lookahead == 0) {
    return Reason::NoLimiter;
  }
  output_.set_policy(clip.output, clip.policy);
  return Reason::None;
}

Reason Apply::remove(const Command& command) noexcept {
  Voice* voice = state_.find(command.voice);
  if (voice == nullptr || voice->removing) {
    return Reason::UnknownVoice;
  }
  const bool sounds = voice->current != kNone;
  if (sounds && (command.flags & kCommandForce) == 0) {
    return Reason::Playing;
  }
  Event event;
  event.kind = EventKind::Accepted;
  event.voice = command.voice;
  event.request = command.request;
  event.client = command.client;
  event.sample = state_.position;
  state_.tell(event);
  voice->removing = true;
  const std::uint32_t slot = slot_of(command.voice);
  while (voice->actions != kNone) {
    cancel_action(state_, voice->actions, Reason::VoiceRemoved);
  }
  if (!sounds) {
    remove_voice(state_, slot);
    return Reason::None;
  }
  state_.disturb(slot);
  const std::uint32_t index = voice->current;
  Play& play = state_.plays[index];
  Tone& tone = state_.tones[slot];
  const FadePayload& how = command.as.fade;
  play.stopped = true;
  play.stop_request = command.request;
  play.stop_client = command.client;
  play.stop_requested = state_.position;
  if (how.fade == 0 || play.state == PlayState::Paused) {
    end_play(state_, index, 0, Reason::VoiceRemoved);
    return Reason::None;
  }
  if (play.state == PlayState::Playing) {
    tone.fade_out(state_.position, how.fade, how.shape);
    play.fade_end = state_.position + how.fade;
  } else if (play.state == PlayState::Pausing) {
    play.fade_end = play.pause_done;
  }
  play.state = PlayState::Stopping;
  classify(*voice, tone);
  set_timer(state_, index);
  touch(state_, index);
  return Reason::None;
}

std::uint32_t Apply::find_pending(const Command& command, std::uint64_t request) noexcept {
  Voice* voice = state_.find(command.voice);
  for (std::uint32_t a = voice->actions; a != kNone; a = state_.actions[a].voice_next) {
    const Command& pending = state_.actions[a].command;
    if (pending.request == request && pending.client == command.client) {
      return a;
    }
  }
  return kNone;
}

Reason Apply::cancel(const Command& command) noexcept {
  if (state_.find(command.voice) == nullptr) {
    return Reason::UnknownVoice;
  }
  const std::uint32_t action = find_pending(command, command.as.cancel.request);
  if (action == kNone) {
    return Reason::Unknown;
  }
  Event event;
  event.kind = EventKind::Accepted;
  event.voice = command.voice;
  event.request = command.request;
  event.client = command.client;
  event.sample = state_.position;
  state_.tell(event);
  cancel_action(state_, action, Reason::Request);
  return Reason::None;
}

Reason Apply::resolve(const Command& command) noexcept {
  if (state_.find(command.voice) == nullptr) {
    return Reason::UnknownVoice;
  }
  const ResolvePayload& known = command.as.resolve;
  const std::uint32_t index = find_pending(command, known.request);
  if (index == kNone || state_.actions[index].command.when.kind != WhenKind::Later) {
    return Reason::Unknown;
  }
  if (known.sample <= -kMaxSample || known.sample >= kMaxSample) {
    return Reason::BadTime;
  }
  state_.actions[index].command.when.kind = WhenKind::At;
  state_.actions[index].command.when.sample = known.sample;
  retarget(state_, index);
  Event event;
  event.kind = EventKind::Accepted;
  event.voice = command.voice;
  event.request = command.request;
  event.client = command.client;
  event.sample = known.sample;
  state_.tell(event);
  return Reason::None;
}

Reason Apply::add_bus(const BusPayload& made) noexcept {
  if (made.bus >= state_.config.buses) {
    return Reason::Full;
  }
  Bus& bus = state_.buses[made.bus];
  if (bus.alive) {
    return Reason::VoiceExists;
  }
  if (made.parent < -1 || made.parent >= static_cast<std::int32_t>(state_.config.buses) ||
      (made.parent >= 0 && !state_.buses[static_cast<std::uint32_t>(made.parent)].alive)) {
    return Reason::UnknownBus;
  }
  if (std::isnan(made.gain_db) || made.gain_db > 1e6F) {
    return Reason::BadValue;
  }
  bus.alive = true;
  bus.parent = made.parent;
  bus.gain_db = static_cast<double>(made.gain_db);
  bus.gain = GainRamp{};
  bus.gain.to = db_to_linear(bus.gain_db);
  bus.direct = GainRamp{};
  order_buses(state_);
  refresh_buses(state_, 0);
  return Reason::None;
}

}  // namespace avrig::mixer
