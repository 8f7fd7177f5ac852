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
  Asap      ///< when ready, and no stream far ahead of another; what happened is stamped
};

/// Options of a group, as the pipeline file gives them.
struct GroupOptions {
  Mode mode = Mode::Live;
  std::optional<std::int64_t> delay_ns;  ///< D; empty = measured in the pre-roll
  std::int64_t max_delay_ns = 500'000'000;
  std::int64_t max_unsynced_ns = 10'000'000;
  bool ends_with_first = false;  ///< end: any
};

/// The moment at which a leader looks at its group.
struct Moment {
  std::int64_t now_ns = 0;           ///< CLOCK_MONOTONIC
  std::int64_t leader_ready_ns = 0;  ///< when its own first frame was there
  std::int64_t patience_ns = 0;      ///< how long it waits for gates that show nothing
  std::int64_t preroll_ns = 0;       ///< what devices feed is watched for so long
  std::int64_t lead_ns = 0;          ///< from now to the first frame's due time: writers get ready
};

/// What a gate may assume about the group's start.
struct Start {
  std::int64_t t0_ns = 0;
  std::int64_t media0_ns = 0;
  std::int64_t delay_ns = 0;   ///< D, as it is used
  std::int64_t needed_ns = 0;  ///< D, as it was measured
};

/// The D that a stream asks for by its pre-roll: its longest way from capture to the gate, what the
/// group's writers need before a frame is due, and 5 ms for being woken late now and then.
[[nodiscard]] std::int64_t needed_delay_ns(const shm::SyncSection& gate,
                                           std::span<const shm::SyncSection> sections) noexcept;

/// The leader's decision to start: once every gate of the group has shown its first frame (or has
/// ended), or patience_ns after the leader's own.
///
/// A file waits for us, so that nothing of it is discarded: media time begins at the earliest first
/// frame, D counts from when that was there. A device does not: after preroll_ns its frames are
/// presented from then on, each D after its capture. Where a stream measured in that time would
/// need more than max_delay_ns, there is no start; its own gate says why.
///
/// Empty: not yet.
[[nodiscard]] std::optional<Start> decide_start(std::span<const shm::SyncSection> sections,
                                                const GroupOptions& options,
                                                const Moment& moment);

/// Is a frame late at `now_ns`? By more than max(2 ms, half its duration) past its due time.
[[nodiscard]] bool is_late(std::int64_t due_ns,
                           std::int64_t duration_ns,
                           std::int64_t now_ns) noexcept;

// --- mode: asap
// ------------------------------------------------------------------------------------

/// Write down that a frame of this stream was released.
void note_release(shm::SyncSection& own, std::int64_t capture_ns, std::int64_t now_ns) noexcept;

/// The moment from which a frame may be released without leading another stream by more than
/// `max_unsynced_ns`; empty: at once.
///
/// Where another stream is follows from its newest release, at rate 1 from there on, or where sound
/// is heard from the writer's map. So the faster stream is held back, the slowest sets the pace,
/// and one that is dead goes on in thought, so that the others do not stop. A stream that has shown
/// nothing yet, or has ended, holds nobody.
[[nodiscard]] std::optional<std::int64_t> release_ns(std::span<const shm::SyncSection> sections,
                                                     std::uint32_t own,
                                                     const shm::MediaMap& heard,
                                                     std::int64_t capture_ns,
                                                     std::int64_t max_unsynced_ns) noexcept;

// --- end: any
// --------------------------------------------------------------------------------------

/// Where the group ends: with the first of its streams, as far as that is known. A stream without a
/// single frame ends nothing.
[[nodiscard]] std::optional<std::int64_t> group_end_ns(
    std::span<const shm::SyncSection> sections) noexcept;

/// Does every other stream go on until `until_ns` for certain, or is its end known? Only then it is
/// known what of a frame that reaches so far belongs to the group.
[[nodiscard]] bool others_reach(std::span<const shm::SyncSection> sections,
                                std::uint32_t own,
                                std::int64_t until_ns) noexcept;

}  // namespace avrig::sync
