// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "schedule.hpp"

#include <algorithm>

namespace avrig::mixer {

namespace {

// The total order of everything: sample, rank, and then as the commands came.
bool before(const Action& a, const Action& b) noexcept {
  if (a.target != b.target) {
    return a.target < b.target;
  }
  return a.rank != b.rank ? a.rank < b.rank : a.sequence < b.sequence;
}

void place(State& state, std::uint32_t at, std::uint32_t action) noexcept {
  state.heap[at] = action;
  state.actions[action].heap_at = at;
}

void sift_up(State& state, std::uint32_t at) noexcept {
  const std::uint32_t action = state.heap[at];
  while (at > 0) {
    const std::uint32_t parent = (at - 1) / 2;
    if (!before(state.actions[action], state.actions[state.heap[parent]])) {
      break;
    }
    place(state, at, state.heap[parent]);
    at = parent;
  }
  place(state, at, action);
}

void sift_down(State& state, std::uint32_t at) noexcept {
  const std::uint32_t action = state.heap[at];
  for (;;) {
    std::uint32_t child = 2 * at + 1;
    if (child >= state.heap_size) {
      break;
    }
    if (child + 1 < state.heap_size &&
        before(state.actions[state.heap[child + 1]], state.actions[state.heap[child]])) {
      ++child;
    }
    if (!before(state.actions[state.heap[child]], state.actions[action])) {
      break;
    }
    place(state, at, state.heap[child]);
    at = child;
  }
  place(state, at, action);
}

void heap_remove(State& state, std::uint32_t action) noexcept {
  const std::uint32_t at = state.actions[action].heap_at;
  if (at == kNone) {
    return;
  }
  state.actions[action].heap_at = kNone;
  const std::uint32_t last = state.heap[--state.heap_size];
  if (last != action) {
    place(state, at, last);
    sift_up(state, at);
    sift_down(state, state.actions[last].heap_at);
  }
}

void unlink_waiting(State& state, std::uint32_t index) noexcept {
  Action& action = state.actions[index];
  if (action.anchor == kNone) {
    return;
  }
  Play& anchor = state.plays[action.anchor];
  if (action.waiting_previous != kNone) {
    state.actions[action.waiting_previous].waiting_next = action.waiting_next;
  } else {
    anchor.waiting[static_cast<int>(action.edge)] = action.waiting_next;
  }
  if (action.waiting_next != kNone) {
    state.actions[action.waiting_next].waiting_previous = action.waiting_previous;
  }
  const std::uint32_t was = action.anchor;
  action.anchor = action.waiting_next = action.waiting_previous = kNone;
  --anchor.references;
  state.give_back_play(was);
}

void unlink_voice(State& state, std::uint32_t index) noexcept {
  Action& action = state.actions[index];
  if (action.voice == kNone) {
    return;
  }
  if (action.voice_previous != kNone) {
    state.actions[action.voice_previous].voice_next = action.voice_next;
  } else if (state.voices[action.voice].actions == index) {
    state.voices[action.voice].actions = action.voice_next;
  }
  if (action.voice_next != kNone) {
    state.actions[action.voice_next].voice_previous = action.voice_previous;
  }
  action.voice_next = action.voice_previous = kNone;
}

std::int64_t resolve(State& state, const Action& action) noexcept {
  const When& when = action.command.when;
  std::int64_t sample = kUnknown;
  if (action.anchor != kNone) {
    const Play& anchor = state.plays[action.anchor];
    const std::int64_t base = action.edge == Edge::Start ? anchor.start : anchor.end;
    sample = base == kUnknown ? kUnknown : base + when.sample;
  } else if (when.kind == WhenKind::At || when.kind == WhenKind::Now) {
    sample = when.sample;
  }
  if (sample != kUnknown && action.command.kind == CommandKind::Stop &&
      (action.command.flags & kCommandFadeBefore) != 0) {
    sample -= action.command.as.fade.fade;
  }
  return sample;
}

}  // namespace

void set_target(State& state, std::uint32_t index, std::int64_t target) noexcept {
  Action& action = state.actions[index];
  if (action.target == target && (action.heap_at != kNone) == (target != kUnknown)) {
    return;
  }
  action.target = target;
  if (target == kUnknown) {
    heap_remove(state, index);
  } else if (action.heap_at == kNone) {
    place(state, state.heap_size, index);
    sift_up(state, state.heap_size++);
  } else {
    sift_up(state, action.heap_at);
    sift_down(state, action.heap_at);
  }
  if (action.play != kNone && !action.own) {
    Play& play = state.plays[action.play];
    if (play.start_action == index && play.state == PlayState::Pending) {
      touch(state, action.play);
    } else if (play.stop_action == index) {
      touch(state, action.play);
    }
  }
}

void retarget(State& state, std::uint32_t index) noexcept {
  Action& action = state.actions[index];
  const std::int64_t target = resolve(state, action);
  action.requested = target;
  set_target(state, index, target == kUnknown ? target : std::max(target, action.put_off));
}

void attach(State& state,
            std::uint32_t index,
            std::uint32_t play,
            std::uint32_t anchor,
            Edge edge) noexcept {
  Action& action = state.actions[index];
  action.play = play;
  if (play != kNone) {
    ++state.plays[play].references;
  }
  if (action.voice != kNone) {
    Voice& voice = state.voices[action.voice];
    action.voice_next = voice.actions;
    action.voice_previous = kNone;
    if (voice.actions != kNone) {
      state.actions[voice.actions].voice_previous = index;
    }
    voice.actions = index;
  }
  if (anchor != kNone) {
    Play& waits_for = state.plays[anchor];
    ++waits_for.references;
    action.anchor = anchor;
    action.edge = edge;
    std::uint32_t& head = waits_for.waiting[static_cast<int>(edge)];
    action.waiting_next = head;
    action.waiting_previous = kNone;
    if (head != kNone) {
      state.actions[head].waiting_previous = index;
    }
    head = index;
  }
}

void release(State& state, std::uint32_t index) noexcept {
  Action& action = state.actions[index];
  heap_remove(state, index);
  unlink_waiting(state, index);
  unlink_voice(state, index);
  const std::uint32_t play = action.play;
  action.live = false;
  state.give_back_action(index);
  if (play != kNone) {
    --state.plays[play].references;
    state.give_back_play(play);
  }
}

std::uint32_t first_due(const State& state) noexcept {
  return state.heap_size == 0 ? kNone : state.heap[0];
}

void touch(State& state, std::uint32_t index) noexcept {
  Play& play = state.plays[index];
  if (!play.dirty) {
    play.dirty = true;
    play.next_dirty = state.dirty;
    state.dirty = index;
  }
}

std::int64_t predict_end(State& state, const Play& play) noexcept {
  std::int64_t stop = kUnknown;
  std::int64_t fade = 0;
  if (play.stop_action != kNone) {
    const Action& action = state.actions[play.stop_action];
    if ((action.command.flags & kCommandAtLoopEnd) == 0) {
      stop = action.target;
      fade = action.command.as.fade.fade;
    }
  }
  switch (play.state) {
    case PlayState::Pending: {
      if (play.start == kUnknown || (stop != kUnknown && stop <= play.start)) {
        return kUnknown;
      }
      const Voice& voice = state.voices[play.voice];
      std::int64_t natural = kUnknown;
      if (voice.source_kind == SourceKind::Samples) {
        const Content content =
            Content::of(play.how.starting_idx, play.how.loop, voice.samples.length);
        const std::int64_t length =
            duration(content.total, 0, step_of(voice.pitch * voice.place_pitch));
        natural = length == kEndless ? kUnknown : play.start + length;
      }
      return stop == kUnknown ? natural : std::min(natural, stop + fade);
    }
    case PlayState::Playing: {
      const Tone& tone = state.tones[play.voice];
      const std::int64_t left = tone.remaining();
      const std::int64_t natural = left == kEndless ? kUnknown : tone.at + left;
      return stop == kUnknown ? natural : std::min(natural, std::max(stop, state.cursor) + fade);
    }
    case PlayState::Pausing:
      return stop == kUnknown ? kUnknown : std::max(stop, play.pause_done);
    case PlayState::Paused:
      return stop;
    case PlayState::Stopping:
      return play.timer == kNone ? play.fade_end : state.actions[play.timer].target;
    case PlayState::Ended:
      return play.end;
    default:
      return kUnknown;
  }
}

void settle(State& state) noexcept {
  while (state.dirty != kNone) {
    const std::uint32_t index = state.dirty;
    Play& play = state.plays[index];
    state.dirty = play.next_dirty;
    play.dirty = false;
    std::int64_t start = play.start;
    if (play.state == PlayState::Pending) {
      start = play.start_action == kNone ? kUnknown : state.actions[play.start_action].target;
    }
    const bool moved = start != play.start;
    play.start = start;
    const std::int64_t end = predict_end(state, play);
    const bool end_moved = end != play.end;
    play.end = end;
    for (int edge = 0; edge < 2; ++edge) {
      if (edge == 0 ? moved : end_moved) {
        for (std::uint32_t a = play.waiting[edge]; a != kNone;) {
          const std::uint32_t next = state.actions[a].waiting_next;
          retarget(state, a);
          a = next;
        }
      }
    }
    if (moved || end_moved) {
      state.publish(play.voice);
    }
    state.give_back_play(index);
  }
}

bool would_wait_for_itself(
    State& state, std::uint32_t play, Edge what, std::uint32_t anchor, Edge edge) noexcept {
  // A node of the graph is the start or the end of a play. It waits for the anchor of its action;
  // an end waits for its own start as well. The stack of nodes to visit runs through the plays.
  const std::uint64_t visit = ++state.visit;
  std::uint32_t top = kNone;
  const auto push = [&](std::uint32_t index, Edge which) {
    Play& node = state.plays[index];
    const int side = static_cast<int>(which);
    if (node.visited[side] != visit) {
      node.visited[side] = visit;
      node.next_visit[side] = top;
      top = index * 2 + static_cast<std::uint32_t>(side);
    }
  };
  push(anchor, edge);
  while (top != kNone) {
    const std::uint32_t index = top / 2;
    const Edge which = top % 2 == 0 ? Edge::Start : Edge::End;
    if (index == play && which == what) {
      return true;
    }
    Play& node = state.plays[index];
    top = node.next_visit[static_cast<int>(which)];
    const std::uint32_t action = which == Edge::Start ? node.start_action : node.stop_action;
    if (which == Edge::End) {
      push(index, Edge::Start);
    }
    if (action != kNone && state.actions[action].anchor != kNone) {
      push(state.actions[action].anchor, state.actions[action].edge);
    }
  }
  return false;
}

}  // namespace avrig::mixer
