// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "state.hpp"

// What happens to a play and to its voice, at the cursor.

namespace avrig::mixer {

/// Count what a stream could not deliver of the next `n` samples; say so once per dry spell.
void watch_stream(State& state,
                  std::uint32_t slot,
                  std::int64_t n,
                  std::int64_t delivered) noexcept;

/// Freeze what the voice sounded like up to the cursor, and bring its tone there.
void cut(State& state, std::uint32_t slot) noexcept;

/// Begin to play at the cursor, `late` samples after it was wanted.
void begin_play(State& state, std::uint32_t play, std::int64_t late) noexcept;

/// The play is over; the cursor is its first silent sample.
void end_play(State& state, std::uint32_t play, std::uint32_t flags, Reason reason) noexcept;

/// The play will never start; what waited for it is cancelled as well.
void give_up_play(State& state, std::uint32_t play, Reason reason, EventKind kind) noexcept;

/// Cancel one pending action, and report it.
void cancel_action(State& state, std::uint32_t action, Reason reason) noexcept;

/// Put the timer of a play to what ends it next.
void set_timer(State& state, std::uint32_t play) noexcept;
void set_seam(State& state, std::uint32_t play) noexcept;

/// Gains and step from the voice's parameters, at the cursor.
void refresh(State& state, std::uint32_t slot, std::uint32_t ramp) noexcept;
/// The pitch has changed: ends move.
void repitch(State& state, std::uint32_t slot) noexcept;
/// Which loop can mix this tone.
void classify(const Voice& voice, Tone& tone) noexcept;
/// Where the voice is for its listener.
void refresh_place(State& state, std::uint32_t slot, std::uint32_t ramp) noexcept;

/// Look how much the stream of a voice that sounds has, and whether it is closed.
void look_at_stream(State& state, std::uint32_t slot) noexcept;

/// Free a voice's slot and report it; nothing of it may sound.
void remove_voice(State& state, std::uint32_t slot) noexcept;

/// Do what `action` says, at the cursor.
void execute(State& state, std::uint32_t action) noexcept;

/// Does `action` change more than one voice, so that a block must be cut there?
[[nodiscard]] bool is_global(const Action& action) noexcept;

}  // namespace avrig::mixer
