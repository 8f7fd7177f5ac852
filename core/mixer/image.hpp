// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "output.hpp"
#include "state.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace avrig::mixer {

/// The state of an engine between two blocks as bytes: its tables as they lie, but for what can be
/// computed from them and for pointers to what is only lent.
///
/// RT-safe: no
[[nodiscard]] std::vector<std::byte> image_of(State& state, const Output& output);

/// Make a new engine's state the one of an image; `lend` as Engine::load() says.
///
/// RT-safe: no. Throws Error(Open) on bytes that are no image for such an engine.
void become(State& state,
            Output& output,
            std::span<const std::byte> image,
            const std::function<void(VoiceId, std::uint32_t source)>& lend);

}  // namespace avrig::mixer
