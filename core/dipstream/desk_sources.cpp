// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "base64.hpp"
#include "desk_memory.hpp"
#include "desk_reply.hpp"
#include "fields.hpp"
#include <avrig/error.hpp>
#include <avrig/mixer/commands.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

// Requests that bring sound in and take it out.

namespace avrig::dipstream {
namespace {

using mixer::Command;
using nlohmann::json;

constexpr double kLongestStreamSeconds = 600;

SoundShape shape_of(Fields& fields) {
  SoundShape shape;
  shape.format = fields.choice("format", {"f32", "s16"}) == 0 ? mixer::SampleFormat::F32
                                                              : mixer::SampleFormat::S16;
  shape.channels = static_cast<std::uint32_t>(fields.whole("data_channels", 1, 1, 64));
  shape.planar = fields.choice("layout", {"interleaved", "planar"}) == 1;
  return shape;
}

void check_finite(std::span<const std::byte> bytes) {
  if (bytes.size() % sizeof(float) != 0) {
    throw Error(ErrorCode::Spec, "a chunk of 'f32' must be whole numbers of 4 bytes");
  }
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if (!std::isfinite(value)) {
      throw Error(ErrorCode::Spec, "the chunk has a number that is not finite");
    }
  }
}

/// What a stream is fed with.
std::vector<std::byte> chunk_of(Fields& fields, std::vector<UniqueFd>& fds) {
  if (!fields.has("bytes")) {
    return from_base64(fields.text("data"));
  }
  if (fields.has("data") || fds.empty()) {
    throw Error(ErrorCode::Spec, "a chunk comes as 'data' (base64), or as 'bytes' behind its line");
  }
  const shm::Segment segment = shm::Segment::adopt(std::move(fds.front()));
  fds.erase(fds.begin());
  const shm::Mapping mapping(segment, shm::Mapping::Access::ReadOnly);
  const auto bytes = mapping.bytes().first(segment.bytes());
  return {bytes.begin(), bytes.end()};
}

// 1-based channels, as a user counts outputs.
void set_outputs(Command& command, const json* channels, std::uint32_t wanted, std::uint32_t have) {
  mixer::AddVoicePayload& add = command.as.add;
  if (channels == nullptr) {
    for (std::uint32_t output = 0; output < std::min(wanted, have); ++output) {
      add.output[add.lanes++] = static_cast<std::uint8_t>(output);
    }
    return;
  }
  if (!channels->is_array() || channels->empty() || channels->size() > mixer::kMaxLanes) {
    throw Error(ErrorCode::Spec, "'channels' must be a list of 1 to 64 channels, counted from 1");
  }
  for (const json& channel : *channels) {
    const bool good = channel.is_number_integer() && channel.get<std::int64_t>() >= 1 &&
                      channel.get<std::int64_t>() <= have;
    if (!good) {
      throw Error(
          ErrorCode::Spec,
          "channel " + channel.dump() + " does not exist: there are 1 to " + std::to_string(have));
    }
    const auto output = static_cast<std::uint8_t>(channel.get<std::int64_t>() - 1);
    if (std::find(add.output, add.output + add.lanes, output) != add.output + add.lanes) {
      throw Error(ErrorCode::Spec, "channel " + channel.dump() + " is named twice");
    }
    add.output[add.lanes++] = output;
  }
}

}  // namespace

std::shared_ptr<const Sound> Desk::sound_of(Fields& fields, std::vector<UniqueFd>& fds) {
  const int ways = (fields.has("path") ? 1 : 0) + (fields.has("data") ? 1 : 0) +
                   (fields.flag("memfd") ? 1 : 0) + (fields.has("bytes") ? 1 : 0);
  if (ways != 1) {
    throw Error(ErrorCode::Spec,
                "sound comes from one of 'path' (a file), 'data' (base64), 'memfd': true (sent "
                "along with the request) and 'bytes' (behind its line)");
  }
  const bool strict = fields.flag("strict");
  if (fields.has("path")) {
    return cache_.get(fields.text("path"), rate_hz_, strict);
  }
  const std::int64_t rate = fields.whole("rate").value_or(rate_hz_);
  if (rate != rate_hz_) {
    throw Error(ErrorCode::Spec,
                "these samples have " + std::to_string(rate) + " Hz, the stream " +
                    std::to_string(rate_hz_) + " Hz");
  }
  const SoundShape shape = shape_of(fields);
  if (fields.has("data")) {
    const std::vector<std::byte> bytes = from_base64(fields.text("data"));
    return Sound::from_bytes(bytes, shape);
  }
  if (fds.empty()) {
    throw Error(ErrorCode::Spec, "'memfd' is true, but no descriptor came with the request");
  }
  UniqueFd fd = std::move(fds.front());
  fds.erase(fds.begin());
  return Sound::from_memfd(std::move(fd), shape);
}

Command Desk::voice_command(Fields& fields, Voice& voice) {
  Command command = mixer::command(mixer::CommandKind::AddVoice);
  mixer::AddVoicePayload& add = command.as.add;
  add = {};
  const std::uint32_t outputs = host_->engine().config().outputs;
  // A mono sound without a wish is heard on the first two.
  set_outputs(command, fields.find("channels"), std::max(2U, voice.channels), outputs);
  if (voice.channels != 1 && voice.channels != add.lanes) {
    throw Error(ErrorCode::Spec,
                "sound of " + std::to_string(voice.channels) + " channels cannot go to " +
                    std::to_string(add.lanes) + " outputs: as many, or a mono sound");
  }
  add.gain_db = static_cast<float>(std::clamp(fields.number("gain_db", 0), -1e6, 1e6));
  add.pan = static_cast<float>(std::clamp(fields.number("pan", 0), -1.0, 1.0));
  add.pitch = std::clamp(fields.number("pitch", 1), mixer::kMinPitch, mixer::kMaxPitch);
  add.pan_law = static_cast<mixer::PanLaw>(fields.choice("pan_law", {"balance", "constant_power"}));
  add.quality = static_cast<mixer::Quality>(fields.choice("quality", {"linear", "cubic", "sinc"}));
  add.gap =
      static_cast<mixer::GapPolicy>(fields.choice("on_gap", {"keep_timeline", "keep_content"}));
  voice.bus = fields.text("bus", "Master");
  add.bus = static_cast<std::uint8_t>(layout_.number(voice.bus));
  voice.name = fields.text("name");
  voice.on_exit = static_cast<OnExit>(fields.choice("on_owner_exit", {"fade", "stop", "keep"}));
  if (!voice.name.empty() && (voice.name == "pipeline" || names_.count(voice.name) != 0)) {
    throw Error(ErrorCode::Spec, "a voice '" + voice.name + "' exists already");
  }
  return command;
}

void Desk::make_voice(
    ClientId client, const json& id, Command command, Voice voice, json more, int fd) {
  voice.owner = client;
  command.voice = take_voice();
  command.as.add.source = voice.source;
  const std::string name = voice.name;
  more.update({{"voice", command.voice},
               {"length", voice.length},
               {"data_channels", voice.channels},
               {"data_duration", static_cast<double>(voice.length) / rate_hz_}});
  voices_[command.voice] = std::move(voice);
  if (!name.empty()) {
    names_[name] = command.voice;
  }
  try {
    note_voice(command.voice, voices_[command.voice]);
    send(client, id, {{command}}, more, false, fd);
  } catch (const Error&) {
    give_back(command.voice);
    throw;
  }
}

void Desk::add(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>& fds) {
  Voice voice;
  std::shared_ptr<const Sound> sound = sound_of(fields, fds);
  voice.length = sound->view().length;
  voice.channels = sound->view().channels;
  const Command command = voice_command(fields, voice);
  fields.finish();
  voice.source = take_source(std::move(sound));
  make_voice(client, id, command, std::move(voice), json::object(), -1);
}

void Desk::open_stream(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  Voice voice;
  voice.channels = static_cast<std::uint32_t>(fields.whole("data_channels", 2, 1, 64));
  const auto format = static_cast<mixer::SampleFormat>(fields.choice("format", {"f32", "s16"}));
  const double seconds = fields.number("buffer_seconds", 0.5);
  if (!(seconds > 0) || seconds > kLongestStreamSeconds) {
    fields.refuse("buffer_seconds", "more than 0 and at most 600");
  }
  const bool shared = fields.flag("shared");
  Command command = voice_command(fields, voice);
  fields.finish();
  const std::uint64_t capacity = std::bit_ceil(
      std::max<std::uint64_t>(64, static_cast<std::uint64_t>(std::ceil(seconds * rate_hz_))));
  const std::size_t bytes = mixer::stream_bytes(voice.channels, capacity, format);
  voice.memory.emplace(shm::Segment::create("avrig-dipstream-stream", bytes));
  voice.mapped.emplace(*voice.memory, shm::Mapping::Access::ReadWrite);
  voice.stream = mixer::stream_in(voice.mapped->bytes().data(), voice.channels, capacity, format);
  voice.feeder = std::make_unique<mixer::StreamFeeder>(voice.stream);
  voice.source = free_source();
  sources_[voice.source].voices = 1;
  host_->engine().set_stream(voice.source, voice.stream);
  command.as.add.source_kind = mixer::SourceKind::Stream;
  json more = {{"capacity", capacity},
               {"format", format == mixer::SampleFormat::F32 ? "f32" : "s16"}};
  const int fd = shared ? voice.memory->fd() : -1;
  make_voice(client, id, command, std::move(voice), std::move(more), fd);
}

// Told where in the stream they belong, bytes that are there already are not taken a second time:
// what was not answered can be said again.
void Desk::feed(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>& fds) {
  const mixer::VoiceId number = voice_of(fields);
  const std::vector<std::byte> bytes = chunk_of(fields, fds);
  const auto position = fields.whole("position");
  const bool close = fields.flag("close");
  fields.finish();
  const auto found = voices_.find(number);
  if (found == voices_.end() || !found->second.feeder) {
    throw Error(ErrorCode::Spec, "voice " + std::to_string(number) + " is no stream");
  }
  mixer::StreamFeeder& feeder = *found->second.feeder;
  const mixer::StreamView& view = found->second.stream;
  if (view.format == mixer::SampleFormat::F32) {
    check_finite(bytes);
  }
  std::size_t there = 0;
  if (position) {
    const std::uint64_t arrived = feeder.arrived();
    if (*position < 0 || static_cast<std::uint64_t>(*position) > arrived) {
      throw Error(ErrorCode::Spec,
                  "'position' must be 0 to " + std::to_string(arrived) +
                      ": so many bytes have come, and none may be left out");
    }
    there = static_cast<std::size_t>(
        std::min<std::uint64_t>(bytes.size(), arrived - static_cast<std::uint64_t>(*position)));
  }
  mixer::FeedResult result{mixer::FeedStatus::Done, 0};
  if (there < bytes.size() || bytes.empty()) {
    result = feeder.feed_bytes(std::span(bytes).subspan(there));
  }
  result.taken += there;
  if (close && result.taken == bytes.size()) {
    feeder.close();
  }
  reply(client,
        id,
        {{"taken", result.taken},
         {"would_block", result.status == mixer::FeedStatus::WouldBlock},
         {"closed", result.status == mixer::FeedStatus::Closed},
         {"arrived", feeder.arrived()},
         {"level", feeder.level()},
         {"space", feeder.space()},
         {"underrun", view.header->underrun.load()}});
}

void Desk::remove(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const mixer::VoiceId voice = voice_of(fields);
  const bool force = fields.flag("force");
  const std::uint32_t fade = samples_of(fields, "fade", 0.005);
  fields.finish();
  if (voice == MixerHost::kLiveVoice && host_->live_channels() > 0) {
    throw Error(ErrorCode::Spec, "the pipeline's voice stays; it can be muted");
  }
  const Command command = mixer::remove_voice(
      voice, force ? std::uint32_t{mixer::kCommandForce} : 0U, force ? fade : 0);
  send(client, id, {{command}}, json::object(), false);
}

void Desk::clear_sources(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const bool all = fields.flag("all");
  const std::uint32_t fade = samples_of(fields, "fade", 0);
  fields.finish();
  std::vector<Commands> groups;
  for (const auto& [voice, entry] : voices_) {
    if (all || entry.owner == client) {
      groups.push_back({mixer::remove_voice(voice, mixer::kCommandForce, fade)});
    }
  }
  const json more = {{"removed", groups.size()}};
  if (groups.empty()) {
    reply(client, id, more);
    return;
  }
  send(client, id, std::move(groups), more, false);
}

}  // namespace avrig::dipstream
