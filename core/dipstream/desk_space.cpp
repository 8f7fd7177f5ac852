// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "fields.hpp"
#include <avrig/dipstream/desk.hpp>
#include <avrig/error.hpp>
#include <avrig/mixer/commands.hpp>

#include <cmath>

// Requests that place voices, and the one who hears them, in space.

namespace avrig::dipstream {
namespace {

using mixer::EmitterMode;
using mixer::Vec3;
using nlohmann::json;

constexpr double kFarthest = 1e9;
constexpr double kMax2d = 2000;  // where it has faded away, if nobody says otherwise
constexpr double kMax3d = 100;

float within(Fields& fields, const char* name, double standard, double least) {
  const double value = fields.number(name, standard);
  if (!(value >= least) || value > kFarthest) {
    fields.refuse(name,
                  ("a number from " + std::to_string(static_cast<int>(least)) + " up").c_str());
  }
  return static_cast<float>(value);
}

Vec3 vector_of(Fields& fields, const char* name, const Vec3& standard) {
  const json* given = fields.find(name);
  if (given == nullptr) {
    return standard;
  }
  float part[3] = {};
  bool good = given->is_array() && (given->size() == 2 || given->size() == 3);
  for (std::size_t at = 0; good && at < given->size(); ++at) {
    const json& one = (*given)[at];
    good = one.is_number() && std::abs(one.get<double>()) <= kFarthest;
    part[at] = good ? one.get<float>() : 0.0F;
  }
  if (!good) {
    fields.refuse(name, "two or three numbers");
  }
  return {part[0], part[1], part[2]};
}

Vec3 unit(Fields& fields, const char* name, const Vec3& v) {
  const float length = std::hypot(v.x, v.y, v.z);
  if (!(length > 0)) {
    fields.refuse(name, "a direction: it has no length");
  }
  return {v.x / length, v.y / length, v.z / length};
}

Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

std::uint32_t ramp_of(Fields& fields) {
  return static_cast<std::uint32_t>(fields.whole("ramp", 64, 0, 1 << 24));
}

}  // namespace

// What is not said stays as it was. The first time: 3D, linear, at rest at the origin.
mixer::Command Desk::emitter_of(Fields& fields, mixer::VoiceId voice, bool host) {
  const auto found = voices_.find(voice);
  mixer::EmitterPayload emitter =
      found == voices_.end() ? mixer::EmitterPayload{} : found->second.emitter;
  const bool first = emitter.max_distance == 0.0F;
  if (first) {
    emitter.reference_distance = 1;
    emitter.rolloff = 1;
    emitter.doppler_scale = 1;
    emitter.model = mixer::DistanceModel::Linear;
  }
  if (first || fields.has("mode")) {
    constexpr std::array kModes{EmitterMode::Space3D, EmitterMode::Flat2D, EmitterMode::Off};
    emitter.mode = kModes[fields.choice("mode", {"3d", "2d", "off"})];
  }
  if (fields.has("model")) {
    constexpr std::array kModels{mixer::DistanceModel::Linear,
                                 mixer::DistanceModel::Inverse,
                                 mixer::DistanceModel::Exponential,
                                 mixer::DistanceModel::None};
    emitter.model = kModels[fields.choice("model", {"linear", "inverse", "exponential", "none"})];
  }
  const double farthest = first ? (emitter.mode == EmitterMode::Flat2D ? kMax2d : kMax3d)
                                : static_cast<double>(emitter.max_distance);
  emitter.position = vector_of(fields, "position", emitter.position);
  emitter.velocity = vector_of(fields, "velocity", emitter.velocity);
  emitter.max_distance = within(fields, "max_distance", farthest, 0);
  if (!(emitter.max_distance > 0)) {
    fields.refuse("max_distance", "more than 0");
  }
  emitter.reference_distance =
      within(fields, "reference_distance", static_cast<double>(emitter.reference_distance), 0);
  emitter.rolloff = within(fields, "rolloff", static_cast<double>(emitter.rolloff), 0);
  emitter.doppler_scale =
      within(fields, "doppler_scale", static_cast<double>(emitter.doppler_scale), 0);
  emitter.ramp = ramp_of(fields);
  return mixer::set_emitter(voice, emitter, when_of(fields, host));
}

// What was asked for of space and buses is what the next request builds upon.
void Desk::remember(const Commands& commands) {
  for (const mixer::Command& command : commands) {
    if (command.kind == mixer::CommandKind::SetListener) {
      listener_ = command.as.listener;
      continue;
    }
    const auto found = voices_.find(command.voice);
    if (found == voices_.end()) {
      continue;
    }
    if (command.kind == mixer::CommandKind::SetEmitter) {
      found->second.emitter = command.as.emitter;
    } else if (command.kind == mixer::CommandKind::SetVoiceBus) {
      found->second.bus = layout_.buses()[command.as.value.bus].name;
    }
  }
}

void Desk::listener(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  mixer::ListenerPayload ear = listener_;
  ear.position = vector_of(fields, "position", ear.position);
  ear.velocity = vector_of(fields, "velocity", ear.velocity);
  if (fields.has("right")) {
    if (fields.has("forward") || fields.has("up")) {
      throw Error(ErrorCode::Spec, "'right' and 'forward' with 'up' cannot both be given");
    }
    ear.right = unit(fields, "right", vector_of(fields, "right", ear.right));
  } else if (fields.has("forward") || fields.has("up")) {
    const Vec3 forward = vector_of(fields, "forward", {0, 0, -1});
    const Vec3 up = vector_of(fields, "up", {0, 1, 0});
    ear.right = unit(fields, "forward", cross(forward, up));
  }
  ear.speed_of_sound = within(fields, "speed_of_sound", static_cast<double>(ear.speed_of_sound), 1);
  ear.ramp = ramp_of(fields);
  const Commands commands{mixer::set_listener(ear, when_of(fields, client == host_client_))};
  fields.finish();
  send(client, id, {commands}, json::object(), false);
  remember(commands);
}

}  // namespace avrig::dipstream
