// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_memory.hpp"
#include <avrig/error.hpp>

// Samples and streams for engines that go through a log: those of a voice that lives are what its
// predecessor lent; of one that is gone, and for an engine that nobody hears, their shape is
// enough.

namespace avrig::dipstream {

using nlohmann::json;

mixer::SampleView Desk::view_from(const json& record) {
  // Somewhere to point to: nothing is read while a log is replayed.
  static const std::byte kNowhere{};
  mixer::SampleView view;
  view.data = &kNowhere;
  view.length = record.at("length");
  view.channels = record.at("channels");
  view.format = static_cast<mixer::SampleFormat>(record.at("format").get<int>());
  view.stride_bytes = record.value("stride", std::size_t{0});
  view.peak = record.value("peak", 1.0F);
  return view;
}

// The voice's samples, before the command that names them.
void Desk::lend_again(std::span<const mixer::Command> batch) {
  remember(Commands(batch.begin(), batch.end()));
  for (const mixer::Command& command : batch) {
    if (command.kind == mixer::CommandKind::AddVoice) {
      lend_voice(command.voice);
    }
  }
}

// Of a voice that is gone, their length is enough.
void Desk::lend_voice(mixer::VoiceId id) {
  const auto found = memory_->voices.find(id);
  if (found == memory_->voices.end()) {
    return;
  }
  const json& record = found->second;
  const auto alive = voices_.find(id);
  const std::uint32_t number = record.at("source");
  UniqueFd fd = memory_->copy_of(record.value("sound", record.value("stream", std::string())));
  if (record.contains("stream")) {
    lend_stream(number, record, alive == voices_.end() ? nullptr : &alive->second, std::move(fd));
    return;
  }
  mixer::SampleView view = view_from(record);
  if (alive != voices_.end() && fd) {
    Source& source = sources_[number];
    if (!source.sound) {
      source.sound = Sound::from_kept(std::move(fd), view);
    }
    view = source.sound->view();
  }
  host_->engine().set_samples(number, view);
}

void Desk::lend_stream(std::uint32_t number, const json& record, Voice* alive, UniqueFd fd) {
  const std::uint32_t channels = record.at("channels");
  const std::uint64_t capacity = record.at("capacity");
  const auto format = static_cast<mixer::SampleFormat>(record.at("format").get<int>());
  const std::size_t bytes = mixer::stream_bytes(channels, capacity, format);
  shm::Segment memory = fd ? shm::Segment::adopt(std::move(fd))
                           : shm::Segment::create("avrig-dipstream-stream", bytes);
  shm::Mapping mapped(memory, shm::Mapping::Access::ReadWrite);
  if (memory.bytes() < bytes) {
    throw Error(ErrorCode::Open, "this memory is too small for its stream");
  }
  const mixer::StreamView view =
      mixer::stream_in(mapped.bytes().data(), channels, capacity, format);
  host_->engine().set_stream(number, view);
  if (alive != nullptr) {
    alive->memory.emplace(std::move(memory));
    alive->mapped.emplace(std::move(mapped));
    alive->stream = view;
    alive->feeder = std::make_unique<mixer::StreamFeeder>(view);
  } else {
    past_streams_.push_back(std::move(mapped));  // the engine looks at it until it is removed
  }
}

// What a voice's samples, or its stream, look like from outside.
void Desk::lend_shape(mixer::Engine& engine, mixer::StreamHeader& header, mixer::VoiceId id) const {
  static std::byte nowhere{};
  const auto found = memory_->voices.find(id);
  const bool live = id == MixerHost::kLiveVoice && host_->live_channels() > 0;
  if (!live && found == memory_->voices.end()) {
    return;
  }
  if (!live && !found->second.contains("stream")) {
    engine.set_samples(found->second.at("source"), view_from(found->second));
    return;
  }
  mixer::StreamView view{&header, &nowhere, 64, host_->live_channels()};
  if (!live) {
    view.channels = found->second.at("channels");
  }
  engine.set_stream(live ? 0 : found->second.at("source").get<std::uint32_t>(), view);
}

}  // namespace avrig::dipstream
