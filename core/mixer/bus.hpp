// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "state.hpp"

namespace avrig::mixer {

/// Give every bus the gain that mute and solo leave it, from the cursor on.
void refresh_buses(State& state, std::uint32_t ramp) noexcept;
/// Would `bus` be its own ancestor under `parent`?
[[nodiscard]] bool bus_cycle(const State& state, std::uint32_t bus, std::int32_t parent) noexcept;
/// Order them so that children come before their parents.
void order_buses(State& state) noexcept;

}  // namespace avrig::mixer
