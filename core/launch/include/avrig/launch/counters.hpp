// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring.hpp>
#include <avrig/shm/run_block.hpp>
#include <avrig/shm/sync_block.hpp>
#include <avrig/stage/assignment.hpp>

#include <cstdint>
#include <deque>
#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace avrig::launch {

/// A run's memory as an onlooker has it: mapped read-only, by index of the plan.
struct RunView {
  shm::RunBlock block;
  std::deque<shm::Ring> rings;
  std::deque<shm::SyncBlock> groups;
};

/// What the stages have counted in shared memory: read, never written, so that looking disturbs
/// nothing. The launcher's report and `avrig top` show the same.
///
/// {"stages": [{id, state, pid, frames_in, frames_out, drops{}, quarantined, latency_ns{p50, p99,
/// max}, counters{}, media_ns, first_frame_ns}],
///  "edges": [{from, to, loss, produced, delivered, dropped, drops{}, quarantined, in_flight}],
///  "sync": [{group, offset_ns{count, min, mean, max}, delay_ns, held, dropped, late, unsynced}]}
///
/// `stopped`: the run was stopped and nobody is there any more. What was under way then is counted
/// as dropped, because it was `stopped`.
///
/// Thread: any process
[[nodiscard]] nlohmann::json count_run(std::span<const stage::Assignment> stages,
                                       std::span<const std::string> groups,
                                       const RunView& view,
                                       bool stopped = false);

/// Frames that a `must` edge lost to lag or lack of room: each is a broken promise. What a
/// processor drops on purpose is none.
[[nodiscard]] std::uint64_t broken_promises(std::span<const stage::Assignment> stages,
                                            const std::deque<shm::Ring>& rings);

}  // namespace avrig::launch
