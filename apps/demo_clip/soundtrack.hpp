// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace avrig::demo_clip {

/// The first channel of a sound file at this rate, its peak brought to 0.3. Throws Error(Open).
[[nodiscard]] std::vector<float> read_voice(const std::string& path, std::uint32_t sample_rate_hz);

/// `samples` of voice (repeated after half a second where it is too short), noise at -50 dBFS, and
/// a beep of half of full scale at each of these times.
[[nodiscard]] std::vector<float> make_soundtrack(std::size_t samples,
                                                 std::uint32_t sample_rate_hz,
                                                 std::span<const float> voice,
                                                 std::span<const double> beeps_s);

}  // namespace avrig::demo_clip
