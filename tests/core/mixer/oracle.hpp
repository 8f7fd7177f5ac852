// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>
#include <avrig/mixer/event.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace avrig::mixer::test {

/// The mixer's rules once more, written without looking at its data structures: an interpreter
/// that goes sample by sample, keeps every command for ever, and works out from scratch, by
/// recursion, when each of them is due. Slow and plain. Pitch 1, no ramps, no fades.
class Oracle {
 public:
  struct Source {
    std::vector<float> data;
    float gain = 1.0F;
    std::vector<unsigned> outputs;
  };
  /// kind, slot, sample, late, play
  using Happening = std::tuple<EventKind, std::uint32_t, std::int64_t, std::int64_t, std::uint32_t>;

  Oracle(std::vector<Source> sources, unsigned outputs, std::int64_t begin);

  /// Apply a batch at the current sample; true when it was accepted.
  bool apply(const std::vector<Command>& batch);
  /// One more sample on every output.
  std::vector<float> step();
  /// The timeline jumps: so many samples are never heard, but count.
  void lose(std::int64_t samples);

  [[nodiscard]] const std::vector<Happening>& happenings() const { return happenings_; }
  [[nodiscard]] std::int64_t now() const { return now_; }

 private:
  using Time = std::optional<std::int64_t>;
  enum class Phase { Unasked, Waiting, Sounding, Frozen, Over, Never };
  struct Ref {
    int play = -1;
    bool end = false;
  };
  struct Play {
    int voice = 0;
    unsigned number = 0;
    Phase phase = Phase::Unasked;
    Time began;  // what followers count from
    Time ended;
    std::int64_t index = 0;
    std::int64_t passes = 1;
    int start = -1;  // item that starts it
    int stop = -1;   // the last stop given
    StartPayload how{};
  };
  struct Item {
    Command command;
    int play = -1;
    Ref anchor;
    bool pending = true;
    bool bound = false;
    std::int64_t moved = 0;  // by which an as-soon-as-possible set was shifted
    std::int64_t given = 0;
    Time put_off;  // a start that fell into lost samples
  };
  struct Voice {
    int latest = -1;
    int current = -1;
    unsigned starts = 0;
  };

  [[nodiscard]] Time due(const Item& item) const;
  [[nodiscard]] Time wanted(const Item& item) const;
  [[nodiscard]] Time start_of(const Play& play) const;
  [[nodiscard]] Time end_of(const Play& play) const;
  [[nodiscard]] Time work_out_end(const Play& play) const;
  [[nodiscard]] Time left(const Play& play) const;
  [[nodiscard]] bool live(int play) const;
  [[nodiscard]] bool waits(Ref from, Ref goal, std::vector<Ref>& seen) const;
  [[nodiscard]] static int rank(CommandKind kind);

  bool admit(const Command& command);
  bool bind(int item, bool last);
  void shift(std::size_t first);
  bool work();
  void walk(Play& play) const;
  void perform(int item);
  void begin(int item);
  void finish(int play);
  void never(int play);
  void drop_item(int item, bool tell);
  void tell(EventKind kind, int play, std::int64_t late);

  std::vector<Source> sources_;
  unsigned outputs_;
  std::int64_t now_;
  Time sound_from_;  // while samples are lost: where sound comes back
  std::vector<Voice> voices_;
  std::vector<Play> plays_;
  std::vector<Item> items_;
  std::vector<Happening> happenings_;
  // Ends that were worked out since something last changed, so that forks cost no powers of two.
  mutable std::map<const Play*, Time> ends_;
};

}  // namespace avrig::mixer::test
