// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>

namespace avrig::mixer {

inline constexpr double kSilenceDb = -80.0;

struct Pair {
  float left;
  float right;
};

/// Amplitude of a level in dB; -80 and below is exactly 0, 0 is exactly 1.
///
/// Thread: any      RT-safe: yes
[[nodiscard]] float db_to_linear(double db) noexcept;

/// The amplitudes of a pan position, -1 (left) to +1 (right), clamped. Balance leaves the centre
/// at unity; constant power has it 3 dB down.
///
/// Thread: any      RT-safe: yes
[[nodiscard]] Pair pan_gains(PanLaw law, float pan) noexcept;

}  // namespace avrig::mixer
