// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "predict.hpp"

#include <avrig/mixer/gain.hpp>

#include <algorithm>

namespace avrig::mixer {

namespace {

constexpr std::uint32_t kMost = 128;  // plays that are told apart on one output

struct Part {
  std::int64_t start;
  std::int64_t end;
  float level;
};

float bus_gain(const State& state, std::uint8_t bus) noexcept {
  float gain = state.buses[bus].direct.to;
  for (std::int32_t b = bus; b >= 0; b = state.buses[static_cast<std::uint32_t>(b)].parent) {
    gain *= state.buses[static_cast<std::uint32_t>(b)].gain.to;
  }
  return gain;
}

// The most that a voice can put on an output; 0 when it is not mapped there.
float level_on(State& state, std::uint32_t slot, std::uint8_t output) noexcept {
  const Voice& voice = state.voices[slot];
  for (std::uint32_t lane = 0; lane < voice.lanes; ++lane) {
    if (voice.output[lane] != output) {
      continue;
    }
    float gain = db_to_linear(voice.gain_db) * voice.place_gain;
    if (voice.lanes == 2) {
      const Pair pan = pan_gains(voice.pan_law, static_cast<float>(voice.pan) + voice.place_pan);
      gain *= lane == 0 ? pan.left : pan.right;
    }
    const float peak = voice.source_kind == SourceKind::Samples ? voice.samples.peak : 1.0F;
    return gain * peak * bus_gain(state, state.tones[slot].bus);
  }
  return 0.0F;
}

class Gathering {
 public:
  Gathering(State& state, const Play& play, std::uint8_t output)
      : state_(state),
        begin_(std::max(play.start, state.position)),
        end_(play.end),
        output_(output) {}

  void add(const Play& other) noexcept {
    if (other.start == kUnknown || other.start >= end_ || other.end <= begin_) {
      return;
    }
    const float level = level_on(state_, other.voice, output_);
    if (level <= 0.0F) {
      return;
    }
    if (count_ == kMost) {
      rest_ += level;  // as if it sounded all the time
      return;
    }
    parts_[count_++] = {other.start, other.end, level};
  }

  /// The largest sum, and the first sample that reaches it.
  float worst(float own, std::int64_t& sample) const noexcept {
    float most = -1.0F;
    for (std::uint32_t at = 0; at <= count_; ++at) {
      const std::int64_t when = at == count_ ? begin_ : std::max(begin_, parts_[at].start);
      float sum = own + rest_;
      for (std::uint32_t i = 0; i < count_; ++i) {
        sum += parts_[i].start <= when && when < parts_[i].end ? parts_[i].level : 0.0F;
      }
      if (sum > most || (sum == most && when < sample)) {
        most = sum;
        sample = when;
      }
    }
    return most;
  }

 private:
  State& state_;
  std::int64_t begin_;
  std::int64_t end_;
  std::uint8_t output_;
  std::uint32_t count_ = 0;
  float rest_ = 0.0F;
  Part parts_[kMost];
};

bool spend(State& state, std::uint32_t amount) noexcept {
  if (state.predict_budget < amount) {
    state.predict_budget = 0;
    return false;
  }
  state.predict_budget -= amount;
  return true;
}

}  // namespace

void predict_clip(State& state, std::uint32_t index) noexcept {
  const Play& play = state.plays[index];
  if (play.state != PlayState::Pending || play.start == kUnknown || state.replaying) {
    return;
  }
  const Voice& voice = state.voices[play.voice];
  Event worst;
  for (std::uint32_t lane = 0; lane < voice.lanes; ++lane) {
    const std::uint8_t output = voice.output[lane];
    const float own = level_on(state, play.voice, output);
    // Looking through the words of the table costs as well.
    if (own <= 0.0F || !spend(state, 8 + state.voices.capacity() / 64 + state.heap_size)) {
      continue;
    }
    Gathering all(state, play, output);
    state.for_each(state.active, [&](std::uint32_t slot) {
      if (slot != play.voice && spend(state, 1)) {
        all.add(state.plays[state.voices[slot].current]);
      }
    });
    for (std::uint32_t i = 0; i < state.heap_size; ++i) {
      const Action& action = state.actions[state.heap[i]];
      if (!action.own && action.command.kind == CommandKind::Start && action.voice != play.voice) {
        all.add(state.plays[action.play]);
      }
    }
    std::int64_t sample = kUnknown;
    const float level = all.worst(own, sample);
    if (level > 1.0F && level > worst.level) {
      worst.level = level;
      worst.sample = sample;
      worst.value = output;
    }
  }
  if (worst.level > 1.0F) {
    worst.kind = EventKind::MayClip;
    worst.voice = voice.id;
    worst.request = play.start_request;
    worst.client = play.start_client;
    worst.play = play.number;
    state.tell(worst);
  }
}

}  // namespace avrig::mixer
