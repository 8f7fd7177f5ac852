// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "chunk_table.hpp"
#include "kernels.hpp"
#include "tone.hpp"
#include <avrig/mixer/engine.hpp>
#include <avrig/mixer/spsc_ring.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

// The whole state of an engine, as plain records in tables that never move. Three rooms work on
// it: the schedule (when), the plays (what happens then) and the mix (what it sounds like).

namespace avrig::mixer {

inline constexpr std::uint32_t kNone = 0xffffffffU;
inline constexpr std::int64_t kUnknown = kUnknownSample;

enum class PlayState : std::uint8_t {
  Free = 0,
  Unstarted,  // somebody waits for a start that nobody has asked for yet
  Pending,
  Playing,
  Pausing,  // fading to a pause
  Paused,
  Stopping,  // fading to its end
  Ended,
  Gone,  // will never start
};

/// One start of a voice, from the command to the last sample. What depends on a voice waits for
/// one of its plays.
struct Play {
  PlayState state = PlayState::Free;
  bool mark_active = false;
  bool dirty = false;
  bool on_gone_list = false;
  std::uint32_t voice = kNone;
  std::uint32_t number = 0;
  std::uint32_t references = 0;  // actions that name it as subject or anchor
  std::uint32_t start_action = kNone;
  std::uint32_t stop_action = kNone;          // the last one given
  std::uint32_t timer = kNone;                // its own end, or the end of a fade
  std::uint32_t seam = kNone;                 // the next loop event
  std::uint32_t waiting[2] = {kNone, kNone};  // actions anchored to its start, to its end
  std::uint32_t next_dirty = kNone;
  std::uint32_t next_mark = kNone;
  std::uint32_t next_free = kNone;
  std::uint32_t next_gone = kNone;
  std::uint32_t next_visit[2] = {kNone, kNone};
  std::uint64_t visited[2] = {0, 0};
  std::int64_t start = kUnknown;  // known or predicted
  std::int64_t end = kUnknown;
  std::int64_t pause_done = kUnknown;
  std::int64_t fade_end = kUnknown;  // Stopping: the first silent sample
  std::int64_t mark_at = 0;
  std::int64_t passes = 0;
  std::int64_t start_requested = kUnknown;
  std::int64_t stop_requested = kUnknown;
  std::int64_t stop_late = 0;
  std::uint64_t start_request = 0;
  std::uint64_t stop_request = 0;
  std::uint16_t start_client = 0;
  std::uint16_t stop_client = 0;
  bool report_loops = false;
  bool stopped = false;  // a stop has acted on it
  StartPayload how{};
};

enum class Edge : std::uint8_t { Start = 0, End = 1 };

// The order of what falls on one sample.
enum Rank : std::uint8_t {
  kRankParameter = 0,
  kRankTimer,
  kRankSeam,
  kRankStop,
  kRankPause,
  kRankResume,
  kRankStart,
};

/// Something that happens at a sample: asked for by a command, or a voice's own timer.
struct Action {
  Command command;
  std::uint8_t rank = 0;
  Edge edge = Edge::Start;
  bool live = false;
  bool own = false;  // a timer or a seam, not a command
  std::uint32_t voice = kNone;
  std::uint32_t play = kNone;    // what it acts on
  std::uint32_t anchor = kNone;  // the play it waits for
  std::uint32_t heap_at = kNone;
  std::uint32_t waiting_next = kNone;
  std::uint32_t waiting_previous = kNone;
  std::uint32_t voice_next = kNone;
  std::uint32_t voice_previous = kNone;
  std::uint32_t next_free = kNone;
  std::int64_t target = kUnknown;
  std::int64_t requested = kUnknown;  // target, but for a start that a gap put off
  std::int64_t put_off = INT64_MIN;   // the end of that gap: not before
  std::uint64_t sequence = 0;
};

struct Voice {
  // What mixing needs comes first.
  VoiceId id = 0;  // 0 = free
  std::uint32_t segment_head = kNone;
  std::uint32_t segment_tail = kNone;
  SampleView samples{};
  std::uint8_t lanes = 0;
  SourceKind source_kind = SourceKind::Samples;
  bool removing = false;
  bool spatial = false;
  bool dry = false;  // a stream that has run out
  PanLaw pan_law = PanLaw::Balance;
  GapPolicy gap = GapPolicy::KeepTimeline;
  std::uint8_t output[kMaxLanes] = {};
  std::uint32_t source = 0;
  std::uint32_t plays = 0;        // how many starts it has had
  std::uint32_t latest = kNone;   // the last start asked for
  std::uint32_t current = kNone;  // the one that sounds or is paused
  std::uint32_t actions = kNone;
  double gain_db = 0;
  double pan = 0;
  double pitch = 1;
  float place_gain = 1;
  float place_pan = 0;
  double place_pitch = 1;
  std::int64_t underrun = 0;
  EmitterPayload emitter{};
  StreamView stream{};
};

/// What a voice sounded like before something happened to it inside a block.
struct Segment {
  Tone tone;
  std::uint32_t offset = 0;  // in the block
  std::uint32_t length = 0;
  std::uint32_t next = kNone;
};

/// A gain that goes to its goal in a line.
struct GainRamp {
  float from = 1;
  float delta = 0;
  float to = 1;
  std::int64_t begin = 0;
  std::uint32_t length = 0;

  [[nodiscard]] float at(std::int64_t sample) const noexcept {
    return length == 0 || sample >= begin + length
               ? to
               : from + delta * static_cast<float>(static_cast<int>(sample - begin));
  }
  /// The sample from which on there is nothing to multiply with; kEndless where there always is.
  [[nodiscard]] std::int64_t unity_from() const noexcept {
    return to != 1.0F ? kEndless : length == 0 ? INT64_MIN : begin + length;
  }
  [[nodiscard]] bool unity(std::int64_t sample) const noexcept { return sample >= unity_from(); }
  void aim(float goal, std::int64_t sample, std::uint32_t samples) noexcept {
    from = at(sample);
    to = goal;
    begin = sample;
    length = from == to ? 0 : samples;
    delta = length == 0 ? 0.0F : (to - from) / static_cast<float>(length);
  }
};

/// All that a block needs of a voice that simply goes on: half a cache line. Made at the end of a
/// block that looked at the whole tone, forgotten as soon as anything touches the voice; meanwhile
/// the tone itself stays behind.
struct Steady {
  std::uintptr_t base = 0;  // where sample 0 of the timeline would lie
  std::int64_t until = 0;   // the first output sample that this is not true for
  float gain[2] = {0, 0};
  std::uint32_t key = 0;     // bus, outputs, format and path: what may be mixed together; 0 = none
  std::uint32_t stride = 0;  // bytes to the right channel

  static constexpr std::uint32_t kShort = 1U << 24;
  static constexpr std::uint32_t kMono = 1U << 25;
  static constexpr std::uint32_t kStereo = 1U << 26;

  [[nodiscard]] static Steady of(const Tone& tone) noexcept {
    Steady steady;
    const bool is_short = tone.format != SampleFormat::F32;
    const std::int64_t size = is_short ? sizeof(std::int16_t) : sizeof(float);
    if (tone.path == TonePath::Slow || tone.stride > UINT32_MAX) {
      return steady;
    }
    steady.base = reinterpret_cast<std::uintptr_t>(tone.data) +
                  static_cast<std::uintptr_t>((tone.index - tone.at) * size);
    steady.until = tone.run >= kEndless - tone.at ? kEndless : tone.at + tone.run;
    steady.gain[0] = tone.gain[0];
    steady.gain[1] = tone.gain[1];
    steady.stride = static_cast<std::uint32_t>(tone.stride);
    steady.key = tone.bus | std::uint32_t{tone.out[0]} << 8 | std::uint32_t{tone.out[1]} << 16 |
                 (is_short ? kShort : 0U) | (tone.path == TonePath::Mono ? kMono : kStereo);
    return steady;
  }
  [[nodiscard]] static std::uint32_t bus(std::uint32_t key) noexcept { return key & 0xffU; }
  [[nodiscard]] static std::uint32_t left(std::uint32_t key) noexcept { return key >> 8 & 0xffU; }
  [[nodiscard]] static std::uint32_t right(std::uint32_t key) noexcept { return key >> 16 & 0xffU; }
};
static_assert(sizeof(Steady) == 32);

struct Bus {
  bool alive = false;
  bool mute = false;
  bool solo = false;
  std::int32_t parent = -1;
  std::uint32_t depth = 0;
  double gain_db = 0;
  GainRamp gain;    // of all that goes through it
  GainRamp direct;  // of the voices on it (solo elsewhere silences them, not what passes through)
  bool used[kMaxOutputs] = {};
  std::uint32_t jobs = 0;
  std::uint32_t key = 0;  // of the jobs
  std::array<Job, kJobs> job{};
};

/// A record that any thread may copy while its one writer goes on.
template <class T>
class Published {
  static_assert(sizeof(T) % 8 == 0);
  static constexpr std::size_t kWords = sizeof(T) / 8;

 public:
  void store(const T& value) noexcept {
    std::uint64_t words[kWords];
    __builtin_memcpy(words, &value, sizeof(T));
    const std::uint64_t turn = turn_.load(std::memory_order_relaxed);
    turn_.store(turn + 1, std::memory_order_relaxed);
    // The words may not become visible before the odd turn.
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t i = 0; i < kWords; ++i) {
      words_[i].store(words[i], std::memory_order_relaxed);
    }
    turn_.store(turn + 2, std::memory_order_release);
  }
  [[nodiscard]] T load() const noexcept {
    for (;;) {
      const std::uint64_t before = turn_.load(std::memory_order_acquire);
      std::uint64_t words[kWords];
      for (std::size_t i = 0; i < kWords; ++i) {
        words[i] = words_[i].load(std::memory_order_relaxed);
      }
      // Pairs with the fence in store(): a changed word shows a changed turn.
      std::atomic_thread_fence(std::memory_order_acquire);
      if ((before & 1) == 0 && turn_.load(std::memory_order_relaxed) == before) {
        T value;
        __builtin_memcpy(static_cast<void*>(&value), words, sizeof(T));
        return value;
      }
    }
  }

 private:
  std::atomic<std::uint64_t> turn_{0};
  std::atomic<std::uint64_t> words_[kWords] = {};
};

struct State {
  explicit State(const EngineConfig& config);

  EngineConfig config;
  ListenerPayload listener;

  // Time. `cursor` is the sample at which the schedule works; it runs ahead of `position` within
  // a block. Nothing before `cursor` can change any more.
  std::int64_t position = 0;
  std::int64_t cursor = 0;
  std::int64_t block_begin = 0;
  std::int64_t gap_end = kUnknown;  // set while a jump is worked off
  std::uint32_t epoch = 0;
  bool silent = false;      // nothing is rendered: fast forward, or a jump
  bool forwarding = false;  // streams are not read
  bool replaying = false;

  ChunkTable<Voice> voices;
  ChunkTable<Tone> tones;
  ChunkTable<Steady, 10> steady;
  ChunkTable<Published<VoiceStatus>> published;
  ChunkTable<Play> plays;
  ChunkTable<Action> actions;
  ChunkTable<std::uint32_t, 10> heap;
  ChunkTable<SampleView> samples;
  ChunkTable<StreamView> streams;
  ChunkTable<std::uint64_t, 6> active;     // a bit for each voice that sounds
  ChunkTable<std::uint64_t, 6> changed;    // those with segments in this block
  ChunkTable<std::uint64_t, 6> streaming;  // those that sound and are fed by a stream
  ChunkTable<std::uint64_t, 6> retired;    // removed, but the event found no room yet
  std::array<Bus, kMaxBuses> buses;
  std::array<std::uint8_t, kMaxBuses> bus_order{};  // children before parents
  std::uint32_t bus_count = 0;
  std::uint64_t bus_changes = 0;  // of their tree, gains, mutes and solos

  std::uint32_t heap_size = 0;
  std::uint32_t free_play = kNone;
  std::uint32_t free_action = kNone;
  std::uint32_t plays_used = 0;
  std::uint32_t actions_used = 0;
  std::uint32_t dirty = kNone;
  std::uint32_t gone = kNone;
  bool sweeping = false;
  std::uint32_t marks = kNone;
  std::uint32_t retired_count = 0;
  std::uint32_t slots_used = 0;        // no voice has ever been beyond
  std::uint32_t streams_sounding = 0;  // bits in `streaming`
  std::uint64_t sequence = 0;
  std::uint64_t visit = 0;
  std::uint32_t predict_budget = 0;

  std::vector<Segment> segments;
  std::uint32_t segments_used = 0;

  SpscRing<Event> events;
  std::atomic<std::uint64_t> events_lost{0};

  [[nodiscard]] Voice* find(VoiceId id) noexcept;
  [[nodiscard]] Voice& voice_of(const Play& play) noexcept { return voices[play.voice]; }
  [[nodiscard]] Tone& tone_of(const Play& play) noexcept { return tones[play.voice]; }

  [[nodiscard]] std::uint32_t take_play() noexcept;  // kNone when the table is full
  [[nodiscard]] std::uint32_t take_action() noexcept;
  void give_back_action(std::uint32_t index) noexcept;
  /// Free a play that nothing refers to and nothing will.
  void give_back_play(std::uint32_t index) noexcept;

  using Bits = ChunkTable<std::uint64_t, 6>;
  static void set_bit(Bits& bits, std::uint32_t slot, bool on) noexcept {
    std::uint64_t& word = bits[slot >> 6];
    const std::uint64_t bit = std::uint64_t{1} << (slot & 63);
    word = on ? word | bit : word & ~bit;
  }
  void set_streaming(std::uint32_t slot, bool on) noexcept {
    const bool was = ((streaming[slot >> 6] >> (slot & 63)) & 1) != 0;
    streams_sounding += on && !was ? 1U : 0U;
    streams_sounding -= was && !on ? 1U : 0U;
    set_bit(streaming, slot, on);
  }
  [[nodiscard]] bool is_active(std::uint32_t slot) noexcept {
    return ((active[slot >> 6] >> (slot & 63)) & 1) != 0;
  }
  /// Call `act(slot)` for each set bit, in order of the slots.
  template <class Visit>
  void for_each(const Bits& bits, Visit&& act) {
    const std::uint32_t words = (slots_used + 63) / 64;
    for (std::uint32_t w = 0; w < words; ++w) {
      for (std::uint64_t word = bits[w]; word != 0; word &= word - 1) {
        act(w * 64 + static_cast<std::uint32_t>(__builtin_ctzll(word)));
      }
    }
  }

  /// A voice is about to change: bring its tone to the position, and look at all of it next time.
  void disturb(std::uint32_t slot) noexcept;

  bool tell(Event event) noexcept;  // false when there was no room
  void publish(std::uint32_t slot) noexcept;
};

}  // namespace avrig::mixer
