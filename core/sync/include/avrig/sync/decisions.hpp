// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/sync_block.hpp>

#include <cstdint>
#include <optional>
#include <span>

/// The decisions of the sync stages, as pure functions of what the group's block says.
namespace avrig::sync {

/// How the frames of a group are presented.
enum class Mode {
  Live,     ///< at media time + D, by the master's clock
  Offline,  ///< no waiting at all
  Asap      ///< when ready; what happened is stamped
};

/// Options of a group, as the pipeline file gives them.
struct GroupOptions {
  Mode mode = Mode::Live;
  std::optional<std::int64_t> delay_ns;  ///< D; empty = measured in the pre-roll
  std::int64_t max_delay_ns = 500'000'000;
};

/// What a gate may assume about the group's start.
struct Start {
  std::int64_t t0_ns = 0;
  std::int64_t media0_ns = 0;
  std::int64_t delay_ns = 0;
};

/// The leader's decision to start: once every gate of the group has shown its first frame (or has
/// ended), or `patience_ns` after the leader's own; media time starts at the earliest first frame,
/// so that nothing is discarded.
///
/// `sections` of the group; `now_ns` CLOCK_MONOTONIC; `lead_ns` from now to the first frame's due
/// time, so that writers can be ready. Empty: not yet.
[[nodiscard]] std::optional<Start> decide_start(std::span<const shm::SyncSection> sections,
                                                const GroupOptions& options,
                                                std::int64_t now_ns,
                                                std::int64_t leader_first_ns,
                                                std::int64_t patience_ns,
                                                std::int64_t lead_ns);

/// Is a frame late at `now_ns`? By more than max(2 ms, half its duration) past its due time.
[[nodiscard]] bool is_late(std::int64_t due_ns,
                           std::int64_t duration_ns,
                           std::int64_t now_ns) noexcept;

}  // namespace avrig::sync
