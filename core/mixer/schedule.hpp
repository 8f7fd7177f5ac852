// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "state.hpp"

// When things happen: a heap of actions whose sample is known, and lists of those that wait for
// the start or end of a play. Whenever a play's start or end becomes known or moves, whatever
// waits for it moves along.

namespace avrig::mixer {

/// Let `action` act on `play` (kNone: on its voice) and wait as its command says.
void attach(State& state,
            std::uint32_t action,
            std::uint32_t play,
            std::uint32_t anchor,
            Edge edge) noexcept;

/// Take `action` out of the schedule and give it back.
void release(State& state, std::uint32_t action) noexcept;

/// Find out again when `action` happens.
void retarget(State& state, std::uint32_t action) noexcept;

/// Put a voice's own timer, or a deferred start, to `target`; kUnknown takes it out of the heap.
void set_target(State& state, std::uint32_t action, std::int64_t target) noexcept;

/// The action that is due first; kNone when nothing is.
[[nodiscard]] std::uint32_t first_due(const State& state) noexcept;

/// Something about `play` has changed: tell all that waits for it, when settle() is called.
void touch(State& state, std::uint32_t play) noexcept;
void settle(State& state) noexcept;

/// Would the start (or end) of `play` wait for itself if it waited for `anchor`'s `edge`?
[[nodiscard]] bool would_wait_for_itself(
    State& state, std::uint32_t play, Edge what, std::uint32_t anchor, Edge edge) noexcept;

/// When `play` ends, as far as that can be told now.
[[nodiscard]] std::int64_t predict_end(State& state, const Play& play) noexcept;

}  // namespace avrig::mixer
