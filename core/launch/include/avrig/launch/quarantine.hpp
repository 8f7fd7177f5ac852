// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring.hpp>
#include <avrig/stage/assignment.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace avrig::launch {

/// The frame that a dead stage had in hand on its first input; empty when it had none.
///
/// Thread: control, after the stage's death
[[nodiscard]] std::optional<std::uint64_t> frame_in_hand(const stage::Assignment& assignment,
                                                         const std::deque<shm::Ring>& rings);

/// Save frame `sequence` of the stage's first input as `<run_dir>/quarantine/<stage>-<sequence>`:
/// .raw (the buffer's bytes) and .json (format, stamps, planes, `why`). Returns the path without
/// ending. Throws Error(Open).
std::string save_frame(const stage::Assignment& assignment,
                       const std::deque<shm::Ring>& rings,
                       std::uint64_t sequence,
                       const std::string& why);

}  // namespace avrig::launch
