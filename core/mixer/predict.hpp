// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "state.hpp"

namespace avrig::mixer {

/// Records that predict_clip() may look at in one block; beyond it, nothing is predicted.
inline constexpr std::uint32_t kPredictBudget = 8192;

/// Report where `play` and all that is known to sound with it could exceed 1 on an output.
///
/// An upper bound: it adds peaks and gains as they are now, and does not look at the signs.
void predict_clip(State& state, std::uint32_t play) noexcept;

}  // namespace avrig::mixer
