// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "apply.hpp"

#include <cmath>

namespace avrig::mixer {

namespace {

constexpr std::uint32_t kMaxRamp = 1U << 24;  // counted exactly in a float

bool finite(const Vec3& v) noexcept {
  return std::isfinite(v.x) && std::isfinite(v.y) && std::isfinite(v.z);
}

bool sane(std::int64_t sample) noexcept {
  return sample > -kMaxSample && sample < kMaxSample;
}

Reason check_start(const State& state, const StartPayload& start) noexcept {
  if (start.fade > kMaxRamp || start.shape > FadeShape::RaisedCosine || start.late > Late::Drop) {
    return Reason::BadValue;
  }
  const Mark& mark = start.mark;
  if (mark.bits > 0 && (mark.output >= state.config.outputs || mark.bits > 32 || mark.width == 0 ||
                        mark.width > kMaxRamp || !std::isfinite(mark.level))) {
    return mark.output >= state.config.outputs ? Reason::BadOutput : Reason::BadValue;
  }
  return Reason::None;
}

Reason check_value(const State& state, const Command& command) noexcept {
  const ValuePayload& value = command.as.value;
  if (!std::isfinite(value.value) && command.kind != CommandKind::SetGain &&
      command.kind != CommandKind::SetBusGain) {
    return Reason::BadValue;
  }
  if (std::isnan(value.value) || value.value > 1e6 || value.ramp > kMaxRamp) {
    return Reason::BadValue;
  }
  const bool bus =
      command.kind == CommandKind::SetVoiceBus ||
      (command.kind >= CommandKind::SetBusGain && command.kind <= CommandKind::SetBusParent);
  if (bus && (value.bus >= state.config.buses || !state.buses[value.bus].alive)) {
    return Reason::UnknownBus;
  }
  return Reason::None;
}

Reason check_emitter(const EmitterPayload& emitter) noexcept {
  const bool good = finite(emitter.position) && finite(emitter.velocity) &&
                    std::isfinite(emitter.reference_distance) &&
                    std::isfinite(emitter.max_distance) && std::isfinite(emitter.rolloff) &&
                    std::isfinite(emitter.doppler_scale) &&
                    emitter.model <= DistanceModel::Exponential &&
                    emitter.mode <= EmitterMode::Space3D && emitter.ramp <= kMaxRamp;
  return good ? Reason::None : Reason::BadValue;
}

}  // namespace

Reason check_loop(const LoopSpec& loop, std::int64_t length) noexcept {
  if (loop.count == 1) {
    return Reason::None;
  }
  const std::int64_t end = loop.end == 0 ? length : loop.end;
  const bool good = loop.count >= 0 && loop.begin >= 0 && loop.begin < end && end <= length;
  return good ? Reason::None : Reason::BadLoop;
}

Reason check_values(const State& state, const Command& command) noexcept {
  if (command.when.kind > WhenKind::Later || !sane(command.when.sample)) {
    return Reason::BadTime;
  }
  switch (command.kind) {
    case CommandKind::Start:
      return check_start(state, command.as.start);
    case CommandKind::Stop:
    case CommandKind::Pause:
    case CommandKind::Resume:
    case CommandKind::RemoveVoice:
      return command.as.fade.fade > kMaxRamp || command.as.fade.shape > FadeShape::RaisedCosine
                 ? Reason::BadValue
                 : Reason::None;
    case CommandKind::SetGain:
    case CommandKind::SetPan:
    case CommandKind::SetPitch:
    case CommandKind::SetBusGain:
    case CommandKind::SetBusMute:
    case CommandKind::SetBusSolo:
    case CommandKind::SetBusParent:
    case CommandKind::SetVoiceBus:
      return check_value(state, command);
    case CommandKind::SetEmitter:
      return check_emitter(command.as.emitter);
    case CommandKind::SetListener: {
      const ListenerPayload& ear = command.as.listener;
      const bool good = finite(ear.position) && finite(ear.velocity) && finite(ear.right) &&
                        std::isfinite(ear.speed_of_sound) && ear.ramp <= kMaxRamp;
      return good ? Reason::None : Reason::BadValue;
    }
    default:
      return Reason::None;
  }
}

}  // namespace avrig::mixer
