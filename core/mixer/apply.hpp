// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "output.hpp"
#include "state.hpp"

#include <array>
#include <span>

namespace avrig::mixer {

/// Checks commands and puts them into the schedule, a batch at a time: all of it, or none.
///
/// First every command is staged, which only links records together; then, when none was refused,
/// the batch is committed, which cannot fail. A refusal takes the staged ones apart again.
class Apply {
 public:
  Apply(State& state, Output& output) : state_(state), output_(output) {}

  bool operator()(std::span<const Command> batch) noexcept;

 private:
  struct Staged {
    CommandKind kind;
    std::uint32_t action;
    std::uint32_t play;
    std::uint32_t old_latest;
    std::uint32_t old_stop;
    std::uint32_t slot;
    std::uint32_t awaited;  // the play that was made because somebody waits for it
    bool placeholder;
    bool bound;
    bool superseded;  // a stop that a later one of the batch replaces
  };

  Reason stage(const Command& command, Staged& staged) noexcept;
  Reason stage_start(const Command& command, Staged& staged) noexcept;
  Reason stage_scheduled(const Command& command, Staged& staged) noexcept;
  Reason stage_add(const Command& command, Staged& staged) noexcept;
  Reason bind(Staged& staged, bool last) noexcept;
  Reason bind_anchor(Staged& staged, std::uint32_t anchor) noexcept;
  std::uint32_t anchor_play(Staged& staged, VoiceId id, bool last) noexcept;
  void take_apart(std::size_t count) noexcept;
  void take_apart_start(const Staged& staged) noexcept;
  void commit(std::size_t count) noexcept;
  void shift_asap(std::size_t count) noexcept;
  void accept(const Staged& staged) noexcept;
  void refuse(std::span<const Command> batch, std::size_t culprit, Reason reason) noexcept;

  Reason immediate(const Command& command) noexcept;
  Reason set_bus_parent(const ValuePayload& value) noexcept;
  Reason set_clip(const ClipPayload& clip) noexcept;
  Reason remove(const Command& command) noexcept;
  Reason cancel(const Command& command) noexcept;
  Reason resolve(const Command& command) noexcept;
  Reason add_bus(const BusPayload& bus) noexcept;
  [[nodiscard]] std::uint32_t find_pending(const Command& command, std::uint64_t request) noexcept;

  State& state_;
  Output& output_;
  std::array<Staged, kMaxBatch> staged_{};
};

/// What is wrong with the numbers in a command, apart from what it refers to.
[[nodiscard]] Reason check_values(const State& state, const Command& command) noexcept;
[[nodiscard]] Reason check_loop(const LoopSpec& loop, std::int64_t length) noexcept;

}  // namespace avrig::mixer
