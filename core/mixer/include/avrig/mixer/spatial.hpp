// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>

namespace avrig::mixer {

/// What a place in space does to a voice.
struct Placement {
  float gain = 1;
  float pan = 0;
  double pitch = 1;
};

/// Attenuation at a distance: linear is 1 at 0 and 0 from `max_distance` on; inverse and
/// exponential are 1 up to `reference_distance` and keep falling to `max_distance`.
///
/// Thread: any      RT-safe: yes
[[nodiscard]] float attenuation(const EmitterPayload& emitter, float distance) noexcept;

/// Gain, pan and Doppler pitch of an emitter for a listener. Pan is the cosine of the angle to
/// the right ear; pitch is (c - s*vl) / (c - s*vs) along the line, within 0.5 .. 2. In 2D, z is
/// ignored.
///
/// Thread: any      RT-safe: yes
[[nodiscard]] Placement place(const EmitterPayload& emitter,
                              const ListenerPayload& listener) noexcept;

/// A listener at the origin who looks along -z, in air.
[[nodiscard]] ListenerPayload default_listener() noexcept;

}  // namespace avrig::mixer
