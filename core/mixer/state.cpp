// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "state.hpp"

#include <avrig/mixer/spatial.hpp>

namespace avrig::mixer {

State::State(const EngineConfig& wanted)
    : config(wanted), listener(default_listener()), segments(512), events(wanted.event_capacity) {}

Voice* State::find(VoiceId id) noexcept {
  const std::uint32_t slot = slot_of(id);
  if (id == 0 || slot >= voices.capacity() || voices[slot].id != id) {
    return nullptr;
  }
  return &voices[slot];
}

std::uint32_t State::take_play() noexcept {
  std::uint32_t index = free_play;
  if (index != kNone) {
    free_play = plays[index].next_free;
  } else if (plays_used < plays.capacity()) {
    index = plays_used++;
  } else {
    return kNone;
  }
  const std::uint64_t visited[2] = {plays[index].visited[0], plays[index].visited[1]};
  plays[index] = Play{};
  plays[index].visited[0] = visited[0];
  plays[index].visited[1] = visited[1];
  return index;
}

std::uint32_t State::take_action() noexcept {
  std::uint32_t index = free_action;
  if (index != kNone) {
    free_action = actions[index].next_free;
  } else if (actions_used < actions.capacity()) {
    index = actions_used++;
  } else {
    return kNone;
  }
  actions[index] = Action{};
  actions[index].live = true;
  actions[index].sequence = ++sequence;
  return index;
}

void State::give_back_action(std::uint32_t index) noexcept {
  actions[index].next_free = free_action;
  free_action = index;
}

void State::give_back_play(std::uint32_t index) noexcept {
  Play& play = plays[index];
  const bool over = play.state == PlayState::Ended || play.state == PlayState::Gone;
  if (!over || play.references > 0 || play.mark_active || play.dirty || play.on_gone_list) {
    return;
  }
  if (play.voice != kNone &&
      (voices[play.voice].latest == index || voices[play.voice].current == index)) {
    return;
  }
  play.state = PlayState::Free;
  play.next_free = free_play;
  free_play = index;
}

void State::disturb(std::uint32_t slot) noexcept {
  steady[slot].key = 0;
  Tone& tone = tones[slot];
  if (tone.at < position && is_active(slot)) {
    tone.advance(position - tone.at);
  }
}

bool State::tell(Event event) noexcept {
  event.epoch = epoch;
  event.flags |= (event.late > 0 ? kEventLate : 0U) | (replaying ? kEventReplayed : 0U) |
                 (gap_end != kUnknown ? kEventInGap : 0U);
  if (events.push(event)) {
    return true;
  }
  // Readers see the count; losing a report never disturbs the sound.
  events_lost.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void State::publish(std::uint32_t slot) noexcept {
  const Voice& voice = voices[slot];
  const Tone& tone = tones[slot];
  VoiceStatus status;
  status.voice = voice.id;
  status.length = voice.samples.length;
  status.underrun = static_cast<std::uint64_t>(voice.underrun);
  status.at = tone.at;
  status.index = tone.index;
  const std::uint32_t shown = voice.current != kNone ? voice.current : voice.latest;
  if (voice.id != 0) {
    status.state = VoiceState::Idle;
  }
  if (voice.id != 0 && shown != kNone) {
    const Play& play = plays[shown];
    status.play = play.number;
    status.start = play.start;
    status.end = play.end;
    const bool paused = play.state == PlayState::Paused;
    const bool sounds = voice.current == shown && !paused;
    status.state = sounds                             ? VoiceState::Playing
                   : paused                           ? VoiceState::Paused
                   : play.state == PlayState::Pending ? VoiceState::Pending
                                                      : VoiceState::Idle;
    status.step = sounds && !tone.stream ? tone.step : 0;
    if (voice.current == shown && tone.content.next_seam(tone.position()) != kEndless) {
      status.loop_begin = tone.content.loop_begin;
      status.loop_end = tone.content.loop_end;
    }
  }
  published[slot].store(status);
}

}  // namespace avrig::mixer
