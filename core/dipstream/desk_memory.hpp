// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/desk.hpp>
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
    kEvent,        ///< a mixer::Event, dealt with
    kStretch,      ///< an OutputClock and the sample at which its epoch ended
  };
  /// Which event of the engine it is, however often it is told.
  using Identity =
      std::tuple<mixer::EventKind, mixer::VoiceId, std::uint32_t, std::uint64_t, std::int64_t>;

  explicit Memory(Keeper& holder)
      : keeper(&holder), timeline(holder), journal(holder, "desk-log", kChunkBytes) {}

  /// Is it a name of what a desk and its host give into keeping?
  [[nodiscard]] static bool is_ours(std::string_view name) noexcept;
  void note(Kind kind, const nlohmann::json& record);
  void note(const mixer::Event& event);
  void note(const OutputClock& last, std::int64_t end);

  [[nodiscard]] static Identity identity_of(const mixer::Event& event);

  /// Too much to remember: a successor begins anew.
  void give_up() noexcept {
    ended = true;
    timeline.give_up();
    journal.give_up();
  }

  static constexpr std::uint64_t kMostBytes = std::uint64_t{512} << 20;

  bool ended = false;
  Keeper* keeper;
  TimelineLog timeline;
  KeptLog journal;
  std::uint64_t next_memory = 1;  // names of sounds and streams
  /// While a predecessor's time is gone through again: what it dealt with, and how often.
  std::map<Identity, int> told;
  /// Likewise: the voices that it had, by number, and whether they were alive at its end.
  std::map<mixer::VoiceId, nlohmann::json> voices;

 private:
  static constexpr std::uint64_t kChunkBytes = 4 << 20;
  void append(Kind kind, std::span<const std::byte> bytes);
};

}  // namespace avrig::dipstream
