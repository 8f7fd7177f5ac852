// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>

#include <cstdint>
#include <initializer_list>

/// Commands in one line each; every field that is not named has the default that a user expects.
/// All of these: Thread any, RT-safe yes.

namespace avrig::mixer {

inline constexpr LoopSpec kNoLoop{0, 0, 1};
inline constexpr LoopSpec kLoopForever{0, 0, 0};

[[nodiscard]] inline Command command(CommandKind kind, VoiceId voice = 0, When when = {}) {
  Command made;
  made.kind = kind;
  made.voice = voice;
  made.when = when;
  return made;
}

/// A voice over lent samples (or a stream), on 0-based outputs; 0 dB, centre, pitch 1, bus 0.
[[nodiscard]] inline Command add_voice(VoiceId voice,
                                       std::uint32_t source,
                                       std::initializer_list<unsigned> outputs,
                                       SourceKind kind = SourceKind::Samples) {
  Command made = command(CommandKind::AddVoice, voice);
  made.as.add = {};
  made.as.add.source = source;
  made.as.add.source_kind = kind;
  made.as.add.pitch = 1.0;
  for (const unsigned output : outputs) {
    if (made.as.add.lanes < kMaxLanes) {
      made.as.add.output[made.as.add.lanes++] =
          static_cast<std::uint8_t>(output < 256 ? output : 255);
    }
  }
  return made;
}

[[nodiscard]] inline Command start(VoiceId voice,
                                   When when = {},
                                   LoopSpec loop = kNoLoop,
                                   std::int64_t starting_idx = 0,
                                   Late late = Late::Play) {
  Command made = command(CommandKind::Start, voice, when);
  made.as.start = {};
  made.as.start.loop = loop;
  made.as.start.starting_idx = starting_idx;
  made.as.start.late = late;
  return made;
}

[[nodiscard]] inline Command faded(CommandKind kind,
                                   VoiceId voice,
                                   When when,
                                   std::uint32_t fade,
                                   std::uint32_t flags = 0,
                                   FadeShape shape = FadeShape::RaisedCosine) {
  Command made = command(kind, voice, when);
  made.flags = flags;
  made.as.fade = {fade, shape, {}};
  return made;
}
[[nodiscard]] inline Command stop(VoiceId voice,
                                  When when = {},
                                  std::uint32_t fade = 0,
                                  std::uint32_t flags = 0) {
  return faded(CommandKind::Stop, voice, when, fade, flags);
}
[[nodiscard]] inline Command pause(VoiceId voice, When when = {}, std::uint32_t fade = 0) {
  return faded(CommandKind::Pause, voice, when, fade);
}
[[nodiscard]] inline Command resume(VoiceId voice, When when = {}, std::uint32_t fade = 0) {
  return faded(CommandKind::Resume, voice, when, fade);
}
[[nodiscard]] inline Command remove_voice(VoiceId voice,
                                          std::uint32_t flags = 0,
                                          std::uint32_t fade = 0) {
  return faded(CommandKind::RemoveVoice, voice, {}, fade, flags);
}

[[nodiscard]] inline Command set_value(
    CommandKind kind, VoiceId voice, double value, When when = {}, std::uint32_t ramp = 64) {
  Command made = command(kind, voice, when);
  made.as.value = {value, ramp, 0};
  return made;
}
[[nodiscard]] inline Command set_gain(VoiceId voice,
                                      double db,
                                      When when = {},
                                      std::uint32_t ramp = 64) {
  return set_value(CommandKind::SetGain, voice, db, when, ramp);
}
[[nodiscard]] inline Command set_pan(VoiceId voice,
                                     double pan,
                                     When when = {},
                                     std::uint32_t ramp = 64) {
  return set_value(CommandKind::SetPan, voice, pan, when, ramp);
}
[[nodiscard]] inline Command set_pitch(VoiceId voice, double pitch, When when = {}) {
  return set_value(CommandKind::SetPitch, voice, pitch, when, 0);
}

/// Over to another bus, in a line from that sample on.
[[nodiscard]] inline Command set_voice_bus(VoiceId voice,
                                           std::uint32_t bus,
                                           When when = {},
                                           std::uint32_t ramp = 64) {
  Command made = command(CommandKind::SetVoiceBus, voice, when);
  made.as.value = {0, ramp, bus};
  return made;
}

[[nodiscard]] inline Command set_bus(
    CommandKind kind, std::uint32_t bus, double value, When when = {}, std::uint32_t ramp = 64) {
  Command made = command(kind, 0, when);
  made.as.value = {value, ramp, bus};
  return made;
}
[[nodiscard]] inline Command add_bus(std::uint32_t bus, std::int32_t parent, double db = 0.0) {
  Command made = command(CommandKind::AddBus);
  made.as.bus = {bus, parent, static_cast<float>(db), 0};
  return made;
}

[[nodiscard]] inline Command seek(VoiceId voice, std::int64_t index, When when = {}) {
  Command made = command(CommandKind::Seek, voice, when);
  made.as.seek = {index};
  return made;
}
[[nodiscard]] inline Command set_emitter(VoiceId voice,
                                         const EmitterPayload& emitter,
                                         When when = {}) {
  Command made = command(CommandKind::SetEmitter, voice, when);
  made.as.emitter = emitter;
  return made;
}
[[nodiscard]] inline Command set_listener(const ListenerPayload& listener, When when = {}) {
  Command made = command(CommandKind::SetListener, 0, when);
  made.as.listener = listener;
  return made;
}
[[nodiscard]] inline Command set_loop(VoiceId voice, LoopSpec loop, When when = {}) {
  Command made = command(CommandKind::SetLoop, voice, when);
  made.as.loop = loop;
  return made;
}
[[nodiscard]] inline Command cancel(VoiceId voice, std::uint64_t request) {
  Command made = command(CommandKind::Cancel, voice);
  made.as.cancel = {request};
  return made;
}
[[nodiscard]] inline Command resolve(VoiceId voice, std::uint64_t request, std::int64_t sample) {
  Command made = command(CommandKind::Resolve, voice);
  made.as.resolve = {request, sample};
  return made;
}
[[nodiscard]] inline Command jump(std::int64_t samples, std::uint32_t epoch) {
  Command made = command(CommandKind::Jump);
  made.as.jump = {samples, epoch, 0};
  return made;
}
[[nodiscard]] inline Command set_clip(unsigned output, ClipPolicy policy) {
  Command made = command(CommandKind::SetClip);
  made.as.clip = {static_cast<std::uint8_t>(output), policy, {}};
  return made;
}

}  // namespace avrig::mixer
