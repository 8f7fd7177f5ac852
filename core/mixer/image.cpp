// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "image.hpp"

#include "bus.hpp"
#include <avrig/error.hpp>

#include <cstring>
#include <type_traits>

namespace avrig::mixer {
namespace {

/// What an image begins with: of another build, or for another engine, its bytes mean nothing.
struct Head {
  std::uint32_t magic = 0x494d5641;  // "AVMI"
  std::uint32_t version = 1;
  std::uint32_t record_bytes = sizeof(Voice) + sizeof(Tone) + sizeof(Play) + sizeof(Action);
  std::uint32_t outputs = 0;
  std::uint32_t buses = 0;
  std::uint32_t lookahead = 0;

  friend bool operator==(const Head&, const Head&) = default;
};

Head head_for(const State& state) {
  Head head;
  head.outputs = state.config.outputs;
  head.buses = state.config.buses;
  head.lookahead = state.config.limiter_lookahead;
  return head;
}

class Out {
 public:
  static constexpr bool kWrites = true;
  template <class T>
  void operator()(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof value);
  }
  std::vector<std::byte> bytes;
};

class In {
 public:
  static constexpr bool kWrites = false;
  explicit In(std::span<const std::byte> bytes) : left_(bytes) {}
  template <class T>
  void operator()(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (left_.size() < sizeof value) {
      throw Error(ErrorCode::Open, "the state of this mixer is cut off");
    }
    std::memcpy(static_cast<void*>(&value), left_.data(), sizeof value);
    left_ = left_.subspan(sizeof value);
  }

 private:
  std::span<const std::byte> left_;
};

template <class Way, class Table>
void records(Way& way, Table& table, std::uint32_t count) {
  if constexpr (!Way::kWrites) {
    table.reserve(count);
    if (table.capacity() < count) {
      throw Error(ErrorCode::Open, "the state of this mixer makes no sense");
    }
  }
  for (std::uint32_t index = 0; index < count; ++index) {
    way(table[index]);
  }
}

/// Both ways, so that they cannot differ.
template <class Way>
void pass(Way& way, State& state) {
  way(state.listener);
  way(state.position);
  way(state.epoch);
  for (std::uint32_t* word : {&state.plays_used,
                              &state.actions_used,
                              &state.heap_size,
                              &state.free_play,
                              &state.free_action,
                              &state.dirty,
                              &state.gone,
                              &state.marks,
                              &state.retired_count,
                              &state.slots_used,
                              &state.streams_sounding}) {
    way(*word);
  }
  way(state.sequence);
  way(state.visit);
  const std::uint32_t slots = state.slots_used;
  records(way, state.tones, slots);
  records(way, state.plays, state.plays_used);
  records(way, state.actions, state.actions_used);
  records(way, state.heap, state.heap_size);
  for (State::Bits* bits : {&state.active, &state.streaming, &state.retired}) {
    records(way, *bits, (slots + 63) / 64);
  }
  for (Bus& bus : state.buses) {
    way(bus.alive);
    way(bus.mute);
    way(bus.solo);
    way(bus.parent);
    way(bus.gain_db);
    way(bus.gain);
    way(bus.direct);
  }
  records(way, state.voices, slots);
}

// The memory of what sounds is elsewhere now. A stream goes on where its header says.
void take_lent(State& state, Voice& voice, Tone& tone) {
  if (voice.source_kind == SourceKind::Stream) {
    voice.stream =
        voice.source < state.streams.capacity() ? state.streams[voice.source] : StreamView{};
    if (voice.stream.header == nullptr) {
      throw Error(ErrorCode::Open, "nobody lent the stream of a voice");
    }
    tone.data = static_cast<const std::byte*>(voice.stream.data);
    if (tone.stream) {
      tone.stride = voice.stream.stride_bytes;
      tone.format = voice.stream.format;
      tone.mask = voice.stream.capacity - 1;
      tone.seek(
          static_cast<std::int64_t>(voice.stream.header->place.load(std::memory_order_relaxed)),
          voice.stream.header->phase.load(std::memory_order_relaxed));
      tone.available = tone.position();
    }
    return;
  }
  const SampleView lent =
      voice.source < state.samples.capacity() ? state.samples[voice.source] : SampleView{};
  if (lent.data == nullptr || lent.length != voice.samples.length) {
    throw Error(ErrorCode::Open, "nobody lent the samples of a voice");
  }
  voice.samples.data = lent.data;
  tone.data = static_cast<const std::byte*>(lent.data);
}

}  // namespace

std::vector<std::byte> image_of(State& state, const Output& output) {
  state.for_each(state.active, [&](std::uint32_t slot) { state.disturb(slot); });
  Out out;
  Head head = head_for(state);
  out(head);
  pass(out, state);
  for (std::uint32_t index = 0; index < state.config.outputs; ++index) {
    ClipPolicy policy = output.policy(index);
    out(policy);
  }
  return std::move(out.bytes);
}

void become(State& state,
            Output& output,
            std::span<const std::byte> image,
            const std::function<void(VoiceId, std::uint32_t source)>& lend) {
  In in(image);
  Head head;
  in(head);
  if (head != head_for(state)) {
    throw Error(ErrorCode::Open, "this is no state of such a mixer, or another version's");
  }
  pass(in, state);
  const std::uint32_t slots = state.slots_used;
  state.steady.reserve(slots);
  state.published.reserve(slots);
  state.changed.reserve((slots + 63) / 64);
  state.cursor = state.block_begin = state.position;
  order_buses(state);
  ++state.bus_changes;
  for (std::uint32_t index = 0; index < state.config.outputs; ++index) {
    ClipPolicy policy{};
    in(policy);
    output.set_policy(index, policy);
  }
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    Voice& voice = state.voices[slot];
    if (voice.id != 0) {
      lend(voice.id, voice.source);
      take_lent(state, voice, state.tones[slot]);
    }
    state.publish(slot);
  }
}

}  // namespace avrig::mixer
