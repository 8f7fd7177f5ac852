// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_reply.hpp"
#include "fields.hpp"
#include <avrig/error.hpp>
#include <avrig/mixer/commands.hpp>

#include <algorithm>
#include <cmath>

// Requests that say what happens to voices, and when.

namespace avrig::dipstream {
namespace {

using mixer::Command;
using mixer::CommandKind;
using nlohmann::json;

constexpr double kLongestSeconds = 1e9;  // thirty years

std::int64_t rounded(Fields& fields, const char* name, double seconds, double rate) {
  if (!(std::abs(seconds) <= kLongestSeconds)) {
    fields.refuse(name, "a time in seconds");
  }
  return std::llround(seconds * rate);
}

}  // namespace

std::uint32_t Desk::samples_of(Fields& fields, const char* name, double standard) {
  const double seconds = fields.number(name, standard);
  if (!(seconds >= 0) || seconds > 60) {
    fields.refuse(name, "a time in seconds, 0 to 60");
  }
  return static_cast<std::uint32_t>(std::llround(seconds * rate_hz_));
}

// One of at, at_sample, at_ns, with_start, with_end; `offset` moves the last two. None: now.
mixer::When Desk::when_of(Fields& fields, bool host) {
  const std::array<const char*, 5> ways{"at", "at_sample", "at_ns", "with_start", "with_end"};
  const char* way = nullptr;
  for (const char* name : ways) {
    if (!fields.has(name)) {
      continue;
    }
    if (way != nullptr) {
      throw Error(ErrorCode::Spec,
                  std::string("'") + way + "' and '" + name + "' cannot both be given");
    }
    way = name;
  }
  std::int64_t offset = 0;
  if (fields.has("offset") && fields.has("offset_samples")) {
    throw Error(ErrorCode::Spec, "'offset' and 'offset_samples' cannot both be given");
  }
  if (const auto seconds = fields.number("offset")) {
    offset = rounded(fields, "offset", *seconds, rate_hz_);
  }
  offset = fields.whole("offset_samples").value_or(offset);
  const std::string how = way == nullptr ? "" : way;
  if (how == "with_start" || how == "with_end") {
    const mixer::VoiceId voice = voice_of(fields, way);
    return how == "with_start" ? mixer::with_start(voice, offset) : mixer::with_end(voice, offset);
  }
  if (offset != 0 || fields.has("offset") || fields.has("offset_samples")) {
    throw Error(ErrorCode::Spec, "an offset needs 'with_start' or 'with_end'");
  }
  if (how == "at_sample") {
    return mixer::at(fields.whole("at_sample").value_or(0) + (host ? origin_ : 0));
  }
  if (how == "at") {
    const double seconds = *fields.number("at");
    // A host's own times count from its origin; others' are the moment it is heard.
    return mixer::at(host ? rounded(fields, "at", seconds, rate_hz_) + origin_
                          : rounded(fields, "at", seconds - bias_ / rate_hz_, rate_hz_) - delay());
  }
  if (how == "at_ns") {
    OutputClock clock;
    if (!host_->clock(clock)) {
      throw Error(ErrorCode::Open, "'at_ns' needs a device that runs; it has not begun yet");
    }
    const double ahead = static_cast<double>(*fields.whole("at_ns") - clock.time_ns);
    if (!(std::abs(ahead) <= kLongestSeconds * 1e9)) {
      fields.refuse("at_ns", "a time of CLOCK_MONOTONIC in ns");
    }
    return mixer::at(clock.sample + std::llround(ahead / clock.ns_per_sample - bias_) - delay());
  }
  return mixer::now();
}

Command Desk::start_of(Fields& fields, mixer::VoiceId voice, bool host) {
  mixer::LoopSpec loop = mixer::kNoLoop;
  if (const json* given = fields.find("loop")) {
    if (given->is_object()) {
      Fields region(*given);
      loop.begin = region.whole("begin", 0, 0, mixer::kMaxSample);
      loop.end = region.whole("end", 0, 0, mixer::kMaxSample);
      loop.count = region.whole("count", 0, 0, mixer::kMaxSample);
      region.finish();
    } else {
      loop = fields.flag("loop") ? mixer::kLoopForever : mixer::kNoLoop;
    }
  }
  const auto late = static_cast<mixer::Late>(fields.choice("late", {"play", "skip", "drop"}));
  Command command = mixer::start(
      voice, when_of(fields, host), loop, fields.whole("starting_idx").value_or(0), late);
  command.as.start.fade = samples_of(fields, "fade", 0);
  command.as.start.shape =
      static_cast<mixer::FadeShape>(fields.choice("fade_shape", {"linear", "raised_cosine"}));
  command.flags |= fields.flag("report_loops") ? std::uint32_t{mixer::kCommandReportLoops} : 0U;
  if (const json* given = fields.find("mark")) {
    Fields mark(*given);
    mixer::Mark& out = command.as.start.mark;
    out.output = static_cast<std::uint8_t>(mark.whole("channel", 0, 1, 255) - 1);
    out.width = static_cast<std::uint32_t>(mark.whole("width", 48, 1, 1 << 20));
    out.code = static_cast<std::uint32_t>(mark.whole("code", 1, 0, 0xffffffffLL));
    const int bits = out.code <= 1 ? 1 : 32 - __builtin_clz(out.code);
    out.bits = static_cast<std::uint8_t>(mark.whole("bits", bits, 1, 32));
    out.level = static_cast<float>(std::clamp(mark.number("level", 0.9), -8.0, 8.0));
    mark.finish();
  }
  return command;
}

Desk::Commands Desk::settings(Fields& fields, mixer::VoiceId voice, bool host) {
  const mixer::When when = when_of(fields, host);
  const auto ramp = static_cast<std::uint32_t>(fields.whole("ramp", 64, 0, 1 << 24));
  Commands commands;
  if (const auto db = fields.number("gain_db")) {
    commands.push_back(mixer::set_gain(voice, *db, when, ramp));
  }
  if (const auto pan = fields.number("pan")) {
    commands.push_back(mixer::set_pan(voice, std::clamp(*pan, -1.0, 1.0), when, ramp));
  }
  if (const auto pitch = fields.number("pitch")) {
    commands.push_back(mixer::set_pitch(voice, std::max(*pitch, mixer::kMinPitch), when));
  }
  if (const json* given = fields.find("loop")) {
    mixer::LoopSpec loop = mixer::kNoLoop;
    if (given->is_object()) {
      Fields region(*given);
      loop = {region.whole("begin", 0, 0, mixer::kMaxSample),
              region.whole("end", 0, 0, mixer::kMaxSample),
              region.whole("count", 0, 0, mixer::kMaxSample)};
      region.finish();
    } else {
      loop = fields.flag("loop") ? mixer::kLoopForever : mixer::kNoLoop;
    }
    commands.push_back(mixer::set_loop(voice, loop, when));
  }
  if (fields.has("bus")) {
    commands.push_back(
        mixer::set_voice_bus(voice, layout_.number(fields.text("bus")), when, ramp));
  }
  if (commands.empty()) {
    throw Error(ErrorCode::Spec, "nothing to set: give gain_db, pan, pitch, loop or bus");
  }
  return commands;
}

Desk::Commands Desk::commands_of(const std::string& what, Fields& fields, bool host) {
  const mixer::VoiceId voice = voice_of(fields);
  if (what == "set") {
    Commands commands = settings(fields, voice, host);
    const bool live = voice == MixerHost::kLiveVoice && host_->live_channels() > 0;
    for (const Command& command : commands) {
      if (live && command.kind != CommandKind::SetGain && command.kind != CommandKind::SetPan) {
        throw Error(ErrorCode::Spec, "of the pipeline's voice gain_db and pan can be set");
      }
    }
    return commands;
  }
  if (voice == MixerHost::kLiveVoice && host_->live_channels() > 0) {
    throw Error(ErrorCode::Spec,
                "the pipeline's voice has its place on the timeline: its gain_db and pan can be "
                "set, but '" +
                    what + "' is not for it");
  }
  if (what == "emitter") {
    return {emitter_of(fields, voice, host)};
  }
  if (what == "start") {
    return {start_of(fields, voice, host)};
  }
  if (what == "seek") {
    return {mixer::seek(voice, fields.whole("index").value_or(0), when_of(fields, host))};
  }
  std::uint32_t flags = fields.flag("at_loop_end") ? std::uint32_t{mixer::kCommandAtLoopEnd} : 0U;
  flags |= fields.flag("fade_before") ? std::uint32_t{mixer::kCommandFadeBefore} : 0U;
  const mixer::When when = when_of(fields, host);
  const std::uint32_t fade = samples_of(fields, "fade", 0);
  const CommandKind kind = what == "stop"    ? CommandKind::Stop
                           : what == "pause" ? CommandKind::Pause
                                             : CommandKind::Resume;
  return {mixer::faded(kind, voice, when, fade, flags)};
}

void Desk::schedule(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  Commands commands = commands_of(fields.text("do"), fields, client == host_client_);
  fields.finish();
  send(client, id, {commands}, json::object(), false);
  remember(commands);
}

void Desk::batch(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const json* list = fields.find("commands");
  if (list == nullptr || !list->is_array() || list->empty()) {
    fields.refuse("commands", "a list of requests");
  }
  fields.finish();
  Commands all;
  for (const json& request : *list) {
    Fields one(request);
    const std::string what = one.text("do");
    const std::array allowed{"start", "stop", "pause", "resume", "set", "seek", "emitter"};
    if (std::find(allowed.begin(), allowed.end(), what) == allowed.end()) {
      throw Error(
          ErrorCode::Spec,
          "'" + what +
              "' cannot be part of a batch: start, stop, pause, resume, set, seek, emitter");
    }
    const Commands commands = commands_of(what, one, client == host_client_);
    one.finish();
    all.insert(all.end(), commands.begin(), commands.end());
  }
  if (all.size() > mixer::kMaxBatch) {
    throw Error(ErrorCode::Spec, "a batch has at most 256 commands");
  }
  send(client, id, {all}, json::object(), true);
  remember(all);
}

void Desk::cancel(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const json* request = fields.find("request");
  if (request == nullptr) {
    fields.refuse("request", "the id of an earlier request");
  }
  fields.finish();
  const auto joined = clients_.find(client);
  if (joined == clients_.end()) {
    return;
  }
  const auto found = joined->second.asked.find(request->dump());
  if (found == joined->second.asked.end()) {
    throw Error(ErrorCode::Spec, "you have made no request " + request->dump());
  }
  // Its own id stays the earlier request's.
  send(client,
       nullptr == id ? json() : id,
       {{mixer::cancel(found->second.voice, found->second.request)}},
       json::object(),
       false);
}

}  // namespace avrig::dipstream
