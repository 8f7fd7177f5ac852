// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/desk.hpp>
#include <avrig/dipstream/replay.hpp>
#include <avrig/dipstream/timeline_log.hpp>

#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include <nlohmann/json.hpp>

namespace avrig::dipstream {

/// What a desk writes down for its successor, before it has an effect: who is there, which voices
/// there are, what was asked and what was reported.
class Desk::Memory {
 public:
  /// Kinds of records; all but the last two are JSON.
  enum Kind : std::uint32_t {
    kSession = 1,  ///< {client, token}
    kSubscribed,   ///< {client, events}
    kVoice,        ///< {voice, owner, name, ..., sound | stream}
    kSent,         ///< {client, id, requests, more, batch}
    kBuses,        ///< [{name, gain_db, mute, solo, send_to}]
    kQueue,        ///< {client, queue}
    kLeft,         ///< {client}
    kHeard,        ///< {sample}: what the ledger then gave was published
    kLatency,      ///< {samples}
    kReady,        ///< {}: set up; before that, a successor begins anew
    kDevice,       ///< {runs}
    kEvent,        ///< a mixer::Event, dealt with
    kStretch,      ///< an OutputClock and the sample at which its epoch ended
    kState,        ///< in the state alone: Desk::portrait() as CBOR ...
    kEngine,       ///< ... and the engine's image
  };
  /// Which event of the engine it is, however often it is told.
  using Identity =
      std::tuple<mixer::EventKind, mixer::VoiceId, std::uint32_t, std::uint64_t, std::int64_t>;

  explicit Memory(Keeper& holder)
      : keeper(&holder), timeline(holder), journal(holder, "desk-log", kChunkBytes) {}

  /// Is it a name of what a desk and its host give into keeping?
  [[nodiscard]] static bool is_ours(std::string_view name) noexcept;
  /// A descriptor of its own of what a predecessor gave; empty where it gave no such thing.
  [[nodiscard]] UniqueFd copy_of(const std::string& name) const;
  void note(Kind kind, const nlohmann::json& record);
  void note(const mixer::Event& event);
  void note(const OutputClock& last, std::int64_t end);

  [[nodiscard]] static Identity identity_of(const mixer::Event& event);

  /// Has so much been written that a new state is worth its while?
  [[nodiscard]] bool is_due() const noexcept;
  /// Put a state in the place of all that the logs said up to the standpoint and to here.
  /// Whenever we die, the keeper has one state and all that was written behind it.
  void commit(nlohmann::json portrait, Standpoint reached);
  /// The last one that was committed, null where there is none. Throws Error(Open).
  [[nodiscard]] nlohmann::json recall();

  /// Too much to remember: a successor begins anew.
  void give_up() noexcept {
    ended = true;
    keeper->forget(kStateName);
    timeline.give_up();
    journal.give_up();
  }

  static constexpr const char* kStateName = "mixer-state";
  static constexpr std::uint64_t kMostBytes = std::uint64_t{512} << 20;

  bool ended = false;
  bool ready = false;  // a successor goes on
  Keeper* keeper;
  TimelineLog timeline;
  KeptLog journal;
  std::uint64_t next_memory = 1;  // names of sounds and streams
  // Of the last state.
  std::uint64_t condense_bytes = std::uint64_t{4} << 20;  // of logs, before the next one, ...
  std::uint64_t times_state = 4;                          // ... and in relation to its size
  std::uint64_t state_bytes = 0;
  std::uint64_t written_then = 0;
  Standpoint standpoint;
  KeptLog::Place beginning;  // of the journal behind it
  /// What was dealt with and comes again, and how often, when a successor replays from there.
  std::map<Identity, int> told;
  /// The voices that may be named then, by number: their last record.
  std::map<mixer::VoiceId, nlohmann::json> voices;
  /// While a predecessor's time is gone through again: of `told`, what has not come yet.
  std::map<Identity, int> expected;

 private:
  static constexpr std::uint64_t kChunkBytes = 4 << 20;
  void append(Kind kind, std::span<const std::byte> bytes);
};

}  // namespace avrig::dipstream
