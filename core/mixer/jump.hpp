// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "state.hpp"

namespace avrig::mixer {

/// Work off the schedule up to `end`, or less: to where the block must be cut, because something
/// changes the mix as a whole or because there is no room to remember more. Moves the cursor.
void run(State& state, std::int64_t end) noexcept;

/// Bring every voice that sounds to the cursor without rendering it, and the position as well.
void skip_sound(State& state) noexcept;

/// The timeline jumps: `samples` samples are lost.
void jump(State& state, std::int64_t samples, std::uint32_t epoch) noexcept;

/// Look how much the streams have.
void look_at_streams(State& state) noexcept;
/// Tell the streams how far they were read.
void release_streams(State& state) noexcept;
/// Report the voices whose removal found no room in the queue.
void report_retired(State& state) noexcept;

}  // namespace avrig::mixer
