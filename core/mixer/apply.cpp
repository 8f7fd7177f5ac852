// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "apply.hpp"

#include "bus.hpp"
#include "play.hpp"
#include "predict.hpp"
#include "schedule.hpp"

#include <algorithm>
#include <cmath>

namespace avrig::mixer {

namespace {

bool is_live(PlayState state) noexcept {
  return state != PlayState::Ended && state != PlayState::Gone && state != PlayState::Free;
}

bool on_a_play(CommandKind kind) noexcept {
  return kind == CommandKind::Stop || kind == CommandKind::Pause || kind == CommandKind::Resume;
}

bool is_staged(CommandKind kind) noexcept {
  return (kind >= CommandKind::Start && kind <= CommandKind::Resume) ||
         (kind >= CommandKind::SetGain && kind <= CommandKind::SetListener) ||
         (kind >= CommandKind::SetBusGain && kind <= CommandKind::SetBusSolo) ||
         kind == CommandKind::AddVoice || kind == CommandKind::SetVoiceBus;
}

std::uint8_t rank_of(CommandKind kind) noexcept {
  switch (kind) {
    case CommandKind::Start:
      return kRankStart;
    case CommandKind::Stop:
      return kRankStop;
    case CommandKind::Pause:
      return kRankPause;
    case CommandKind::Resume:
      return kRankResume;
    default:
      return kRankParameter;
  }
}

Event reply_to(const Command& command, EventKind kind, Reason reason) noexcept {
  Event event;
  event.kind = kind;
  event.reason = reason;
  event.voice = command.voice;
  event.request = command.request;
  event.client = command.client;
  return event;
}

}  // namespace

bool Apply::operator()(std::span<const Command> batch) noexcept {
  if (batch.empty()) {
    return true;
  }
  state_.cursor = state_.position;
  if (batch.size() > kMaxBatch) {
    refuse(batch, 0, Reason::BadBatch);
    return false;
  }
  if (batch.size() == 1 && !is_staged(batch[0].kind)) {
    const Reason reason = immediate(batch[0]);
    settle(state_);
    if (reason != Reason::None) {
      refuse(batch, 0, reason);
    }
    return reason == Reason::None;
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    staged_[i] = {batch[i].kind, kNone, kNone, kNone, kNone, kNone, kNone, false, false, false};
    Reason reason = is_staged(batch[i].kind) ? stage(batch[i], staged_[i]) : Reason::BadBatch;
    if (reason == Reason::None) {
      reason = bind(staged_[i], batch.size() == 1);
    }
    if (reason != Reason::None) {
      take_apart(i + 1);
      refuse(batch, i, reason);
      return false;
    }
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Reason reason = staged_[i].bound ? Reason::None : bind(staged_[i], true);
    if (reason != Reason::None) {
      take_apart(batch.size());
      refuse(batch, i, reason);
      return false;
    }
  }
  commit(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (staged_[i].kind == CommandKind::AddVoice) {
      state_.tell(reply_to(batch[i], EventKind::Accepted, Reason::None));
    }
  }
  return true;
}

Reason Apply::stage(const Command& command, Staged& staged) noexcept {
  const Reason reason = check_values(state_, command);
  if (reason != Reason::None) {
    return reason;
  }
  if (command.kind == CommandKind::AddVoice) {
    staged.bound = true;
    return stage_add(command, staged);
  }
  const bool global =
      command.kind == CommandKind::SetListener ||
      (command.kind >= CommandKind::SetBusGain && command.kind <= CommandKind::SetBusSolo);
  if (!global) {
    const Voice* voice = state_.find(command.voice);
    if (voice == nullptr || voice->removing) {
      return Reason::UnknownVoice;
    }
    staged.slot = slot_of(command.voice);
  }
  if ((command.kind == CommandKind::Start || command.kind == CommandKind::Stop) &&
      (command.when.kind == WhenKind::WithStart || command.when.kind == WhenKind::WithEnd) &&
      command.when.voice == command.voice) {
    return Reason::Self;
  }
  staged.action = state_.take_action();
  if (staged.action == kNone) {
    return Reason::Full;
  }
  Action& action = state_.actions[staged.action];
  action.command = command;
  action.rank = rank_of(command.kind);
  action.voice = staged.slot;
  if (command.when.kind == WhenKind::Now) {
    action.command.when.sample = state_.position;
  }
  return command.kind == CommandKind::Start ? stage_start(command, staged)
                                            : stage_scheduled(command, staged);
}

Reason Apply::stage_start(const Command& command, Staged& staged) noexcept {
  Voice& voice = state_.voices[staged.slot];
  const StartPayload& how = command.as.start;
  const bool stream = voice.source_kind == SourceKind::Stream;
  if (stream ? how.starting_idx != 0
             : how.starting_idx < 0 || how.starting_idx >= voice.samples.length) {
    return Reason::BadIndex;
  }
  const Reason loop = stream ? (how.loop.count == 1 ? Reason::None : Reason::BadLoop)
                             : check_loop(how.loop, voice.samples.length);
  if (loop != Reason::None) {
    return loop;
  }
  staged.old_latest = voice.latest;
  const bool reuse =
      voice.latest != kNone && state_.plays[voice.latest].state == PlayState::Unstarted;
  std::uint32_t timers[2] = {kNone, kNone};
  const bool report = (command.flags & kCommandReportLoops) != 0 && how.loop.count != 1;
  timers[0] = state_.take_action();
  timers[1] = report && timers[0] != kNone ? state_.take_action() : kNone;
  const bool full = timers[0] == kNone || (report && timers[1] == kNone);
  const std::uint32_t index = full ? kNone : reuse ? voice.latest : state_.take_play();
  if (index == kNone) {
    for (const std::uint32_t timer : timers) {
      if (timer != kNone) {
        state_.give_back_action(timer);
      }
    }
    return Reason::Full;
  }
  Play& play = state_.plays[index];
  play.state = PlayState::Pending;
  play.voice = staged.slot;
  play.number = ++voice.plays;
  play.how = how;
  play.start_request = command.request;
  play.start_client = command.client;
  play.start_action = staged.action;
  play.timer = timers[0];
  play.seam = timers[1];
  for (int i = 0; i < 2; ++i) {
    if (timers[i] != kNone) {
      Action& timer = state_.actions[timers[i]];
      timer.own = true;
      timer.rank = i == 0 ? kRankTimer : kRankSeam;
      timer.play = index;
      ++play.references;
    }
  }
  staged.play = index;
  staged.placeholder = reuse;
  voice.latest = index;
  return Reason::None;
}

Reason Apply::stage_scheduled(const Command& command, Staged& staged) noexcept {
  if (command.kind == CommandKind::SetListener || staged.slot == kNone) {
    return Reason::None;
  }
  Voice& voice = state_.voices[staged.slot];
  const bool stream = voice.source_kind == SourceKind::Stream;
  if (on_a_play(command.kind)) {
    staged.play = voice.latest;
    const bool any = voice.latest != kNone && is_live(state_.plays[voice.latest].state) &&
                     state_.plays[voice.latest].state != PlayState::Unstarted;
    return any ? Reason::None : Reason::NotPlaying;
  }
  if (command.kind == CommandKind::Seek) {
    const std::int64_t index = command.as.seek.index;
    return stream || index < 0 || index >= voice.samples.length ? Reason::BadIndex : Reason::None;
  }
  if (command.kind == CommandKind::SetLoop) {
    return stream ? Reason::BadLoop : check_loop(command.as.loop, voice.samples.length);
  }
  return Reason::None;
}

Reason Apply::stage_add(const Command& command, Staged& staged) noexcept {
  const AddVoicePayload& add = command.as.add;
  const std::uint32_t slot = slot_of(command.voice);
  if (command.voice == 0 || slot >= state_.voices.capacity()) {
    return slot >= state_.voices.capacity() ? Reason::Full : Reason::UnknownVoice;
  }
  Voice& voice = state_.voices[slot];
  if (voice.id != 0) {
    return Reason::VoiceExists;
  }
  if (add.bus >= state_.config.buses || !state_.buses[add.bus].alive) {
    return Reason::UnknownBus;
  }
  if (std::isnan(add.gain_db) || add.gain_db > 1e6F || !std::isfinite(add.pan) ||
      !std::isfinite(add.pitch) || add.quality > Quality::Sinc ||
      add.pan_law > PanLaw::ConstantPower || add.gap > GapPolicy::KeepContent) {
    return Reason::BadValue;
  }
  Voice made;
  made.source_kind = add.source_kind;
  std::uint32_t channels = 0;
  if (add.source_kind == SourceKind::Stream) {
    made.stream =
        add.source < state_.streams.capacity() ? state_.streams[add.source] : StreamView{};
    channels = made.stream.channels;
  } else {
    made.samples =
        add.source < state_.samples.capacity() ? state_.samples[add.source] : SampleView{};
    channels = made.samples.channels;
  }
  if (channels == 0) {
    return Reason::UnknownSource;
  }
  if (add.lanes == 0 || add.lanes > kMaxLanes || (channels > 1 && channels != add.lanes)) {
    return Reason::BadChannels;
  }
  bool seen[256] = {};
  for (std::uint32_t lane = 0; lane < add.lanes; ++lane) {
    if (add.output[lane] >= state_.config.outputs || seen[add.output[lane]]) {
      return Reason::BadOutput;
    }
    seen[add.output[lane]] = true;
    made.output[lane] = add.output[lane];
  }
  made.id = command.voice;
  made.lanes = add.lanes;
  made.pan_law = add.pan_law;
  made.gap = add.gap;
  made.source = add.source;
  made.gain_db = static_cast<double>(add.gain_db);
  made.pan = static_cast<double>(add.pan);
  made.pitch = std::clamp(add.pitch, kMinPitch, kMaxPitch);
  voice = made;
  state_.slots_used = std::max(state_.slots_used, slot + 1);
  state_.tones[slot] = Tone{};
  state_.tones[slot].bus = add.bus;
  state_.tones[slot].quality = add.quality;
  state_.publish(slot);
  staged.slot = slot;
  return Reason::None;
}

std::uint32_t Apply::anchor_play(Staged& staged, VoiceId id, bool last) noexcept {
  Voice& voice = *state_.find(id);
  if (voice.latest != kNone && (last || is_live(state_.plays[voice.latest].state))) {
    return voice.latest;
  }
  if (!last) {
    return kNone;  // a later command of this batch may start it
  }
  const std::uint32_t index = state_.take_play();
  if (index != kNone) {
    Play& play = state_.plays[index];
    play.state = PlayState::Unstarted;
    play.voice = slot_of(id);
    voice.latest = index;
    staged.awaited = index;
  }
  return index;
}

Reason Apply::bind(Staged& staged, bool last) noexcept {
  if (staged.kind == CommandKind::AddVoice) {
    return Reason::None;
  }
  Action& action = state_.actions[staged.action];
  const When& when = action.command.when;
  std::uint32_t anchor = kNone;
  if (when.kind == WhenKind::WithStart || when.kind == WhenKind::WithEnd) {
    const Voice* other = state_.find(when.voice);
    if (other == nullptr || other->removing) {
      return Reason::UnknownVoice;
    }
    anchor = anchor_play(staged, when.voice, last);
    if (anchor == kNone) {
      return last ? Reason::Full : Reason::None;
    }
    if (state_.plays[anchor].state == PlayState::Gone) {
      return Reason::AnchorGone;
    }
  }
  staged.bound = true;
  return bind_anchor(staged, anchor);
}

Reason Apply::bind_anchor(Staged& staged, std::uint32_t anchor) noexcept {
  Action& action = state_.actions[staged.action];
  const Edge edge = action.command.when.kind == WhenKind::WithEnd ? Edge::End : Edge::Start;
  if (staged.kind == CommandKind::Stop) {
    Play& play = state_.plays[staged.play];
    if (play.stop_action != kNone && state_.actions[play.stop_action].sequence > action.sequence) {
      // A later command of this batch was bound before this one, and it is the last stop given.
      staged.superseded = true;
      attach(state_, staged.action, staged.play, anchor, edge);
      return Reason::None;
    }
    staged.old_stop = play.stop_action;
    play.stop_action = kNone;
  }
  const bool orders = staged.kind == CommandKind::Start || staged.kind == CommandKind::Stop;
  const Edge what = staged.kind == CommandKind::Start ? Edge::Start : Edge::End;
  const bool cycle =
      orders && anchor != kNone && would_wait_for_itself(state_, staged.play, what, anchor, edge);
  if (staged.kind == CommandKind::Stop) {
    state_.plays[staged.play].stop_action = cycle ? staged.old_stop : staged.action;
  }
  if (cycle) {
    staged.bound = false;
    return Reason::Cycle;
  }
  attach(state_, staged.action, staged.play, anchor, edge);
  return Reason::None;
}

void Apply::take_apart(std::size_t count) noexcept {
  for (std::size_t i = count; i-- > 0;) {
    const Staged& staged = staged_[i];
    if (staged.kind == CommandKind::AddVoice) {
      if (staged.slot != kNone) {
        state_.voices[staged.slot].id = 0;
        state_.publish(staged.slot);
      }
      continue;
    }
    if (staged.action == kNone) {
      continue;
    }
    const bool started = staged.kind == CommandKind::Start && staged.play != kNone;
    if (started) {
      take_apart_start(staged);
    } else if (staged.kind == CommandKind::Stop && staged.bound && !staged.superseded) {
      state_.plays[staged.play].stop_action = staged.old_stop;
    }
    if (staged.bound) {
      release(state_, staged.action);
    } else {
      state_.give_back_action(staged.action);
    }
    if (started) {
      state_.give_back_play(staged.play);
    }
  }
  for (std::size_t i = count; i-- > 0;) {
    const std::uint32_t awaited = staged_[i].awaited;
    if (awaited != kNone) {
      state_.voices[state_.plays[awaited].voice].latest = kNone;
      state_.plays[awaited].state = PlayState::Gone;
      state_.give_back_play(awaited);
    }
  }
}

void Apply::take_apart_start(const Staged& staged) noexcept {
  Play& play = state_.plays[staged.play];
  Voice& voice = state_.voices[staged.slot];
  --voice.plays;
  voice.latest = staged.old_latest;
  play.start_action = kNone;
  ++play.references;
  release(state_, play.timer);
  if (play.seam != kNone) {
    release(state_, play.seam);
  }
  play.timer = play.seam = kNone;
  play.state = staged.placeholder ? PlayState::Unstarted : PlayState::Gone;
  --play.references;
}

void Apply::commit(std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    Staged& staged = staged_[i];
    if (staged.kind == CommandKind::Stop && staged.old_stop != kNone) {
      cancel_action(state_, staged.old_stop, Reason::Replaced);
    }
    if (staged.superseded) {
      cancel_action(state_, staged.action, Reason::Replaced);
    } else if (staged.action != kNone && state_.actions[staged.action].live) {
      retarget(state_, staged.action);
    }
    if (staged.kind == CommandKind::Stop) {
      touch(state_, staged.play);
    } else if (staged.kind == CommandKind::Start) {
      touch(state_, staged.play);
      if (staged.old_latest != kNone) {
        state_.give_back_play(staged.old_latest);  // no longer the one that others would wait for
      }
    }
  }
  settle(state_);
  if (count > 1) {
    shift_asap(count);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (staged_[i].action != kNone) {
      accept(staged_[i]);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (staged_[i].kind == CommandKind::Start) {
      predict_clip(state_, staged_[i].play);
    }
  }
}

// A set whose first member starts as soon as possible is moved as a whole, so that a member that
// comes before that one is still in time.
void Apply::shift_asap(std::size_t count) noexcept {
  const std::uint64_t first =
      state_.actions[staged_[0].action == kNone ? 0 : staged_[0].action].sequence;
  std::int64_t earliest = state_.position;
  for (std::size_t i = 0; i < count; ++i) {
    if (staged_[i].kind != CommandKind::Start) {
      continue;
    }
    const Action* root = &state_.actions[staged_[i].action];
    const std::int64_t target = root->target;
    while (root->anchor != kNone && state_.plays[root->anchor].start_action != kNone) {
      root = &state_.actions[state_.plays[root->anchor].start_action];
    }
    if (root->anchor == kNone && root->command.when.kind == WhenKind::Now &&
        root->sequence >= first && target != kUnknown) {
      earliest = std::min(earliest, target);
    }
  }
  if (earliest == state_.position) {
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    Action& action = state_.actions[staged_[i].action == kNone ? 0 : staged_[i].action];
    if (staged_[i].kind == CommandKind::Start && action.command.when.kind == WhenKind::Now) {
      action.command.when.sample += state_.position - earliest;
      retarget(state_, staged_[i].action);
    }
  }
  settle(state_);
}

void Apply::accept(const Staged& staged) noexcept {
  const Action& action = state_.actions[staged.action];
  Event event = reply_to(action.command, EventKind::Accepted, Reason::None);
  event.sample = event.requested = action.target;
  if (action.target != kUnknown && action.target < state_.position) {
    event.late = state_.position - action.target;
  }
  if (staged.play != kNone) {
    event.play = state_.plays[staged.play].number;
  }
  state_.tell(event);
}

void Apply::refuse(std::span<const Command> batch, std::size_t culprit, Reason reason) noexcept {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Event event =
        reply_to(batch[i], EventKind::Refused, i == culprit ? reason : Reason::BatchMember);
    event.value = static_cast<std::int64_t>(culprit);
    state_.tell(event);
  }
}

}  // namespace avrig::mixer
