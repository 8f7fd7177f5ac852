// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/mixer/spatial.hpp>

#include <algorithm>
#include <cmath>

namespace avrig::mixer {

namespace {

float dot(const Vec3& a, const Vec3& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

double doppler(const EmitterPayload& emitter, const ListenerPayload& listener, const Vec3& toward) {
  const double c = static_cast<double>(listener.speed_of_sound);
  const double scale = static_cast<double>(emitter.doppler_scale);
  if (scale == 0.0 || c <= 0.0) {
    return 1.0;
  }
  // Along the line from the source to the listener: positive source speed approaches.
  const double vl = scale * static_cast<double>(dot(listener.velocity, toward));
  const double vs = scale * static_cast<double>(dot(emitter.velocity, toward));
  if (vs >= c) {
    return 2.0;
  }
  return std::clamp((c - vl) / (c - vs), 0.5, 2.0);
}

}  // namespace

float attenuation(const EmitterPayload& emitter, float distance) noexcept {
  const float reference = std::max(emitter.reference_distance, 0.0F);
  const float most = std::max(emitter.max_distance, reference);
  const float d = std::clamp(distance, reference, most);
  switch (emitter.model) {
    case DistanceModel::None:
      return 1.0F;
    case DistanceModel::Linear:
      return emitter.max_distance > 0.0F
                 ? std::clamp(1.0F - distance / emitter.max_distance, 0.0F, 1.0F)
                 : 0.0F;
    case DistanceModel::Inverse: {
      const float below = reference + emitter.rolloff * (d - reference);
      return below > 0.0F ? std::min(1.0F, reference / below) : 1.0F;
    }
    case DistanceModel::Exponential:
      return reference > 0.0F ? std::min(1.0F, std::pow(d / reference, -emitter.rolloff)) : 1.0F;
  }
  return 1.0F;
}

Placement place(const EmitterPayload& emitter, const ListenerPayload& listener) noexcept {
  if (emitter.mode == EmitterMode::Off) {
    return {};
  }
  Vec3 line{emitter.position.x - listener.position.x,
            emitter.position.y - listener.position.y,
            emitter.position.z - listener.position.z};
  if (emitter.mode == EmitterMode::Flat2D) {
    line.z = 0.0F;
  }
  const float distance = std::sqrt(dot(line, line));
  Placement result;
  result.gain = attenuation(emitter, distance);
  if (distance > 0.0F) {
    const Vec3 unit{line.x / distance, line.y / distance, line.z / distance};
    result.pan = std::clamp(dot(listener.right, unit), -1.0F, 1.0F);
    result.pitch = doppler(emitter, listener, Vec3{-unit.x, -unit.y, -unit.z});
  }
  return result;
}

ListenerPayload default_listener() noexcept {
  ListenerPayload listener{};
  listener.right = {1.0F, 0.0F, 0.0F};
  listener.speed_of_sound = 343.0F;
  return listener;
}

}  // namespace avrig::mixer
