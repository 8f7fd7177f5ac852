// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/commands.hpp>
#include <avrig/mixer/offline_driver.hpp>

#include <cstdint>
#include <deque>
#include <vector>

namespace avrig::mixer::test {

/// An engine on a virtual clock with sample data of its own.
class Rig {
 public:
  explicit Rig(EngineConfig config = {}, std::size_t block = 256) : driver(config, block) {}

  static EngineConfig outputs(std::uint32_t count) {
    EngineConfig config;
    config.outputs = count;
    return config;
  }

  /// Lend mono or planar data; the number of the source.
  std::uint32_t lend(std::vector<float> data, std::uint32_t channels = 1) {
    data_.push_back(std::move(data));
    SampleView view;
    view.data = data_.back().data();
    view.channels = channels;
    view.length = static_cast<std::int64_t>(data_.back().size() / channels);
    view.stride_bytes = static_cast<std::size_t>(view.length) * sizeof(float);
    (void)inspect(view);
    driver.engine().set_samples(sources_, view);
    views_.push_back(view);
    return sources_++;
  }

  /// What was lent; empty where nothing was.
  SampleView view(std::size_t source) const {
    return source < views_.size() ? views_[source] : SampleView{};
  }

  /// A voice on slot `slot` over fresh data.
  VoiceId voice(std::uint32_t slot,
                std::vector<float> data,
                std::initializer_list<unsigned> outputs = {0}) {
    return voice_over(slot, lend(std::move(data)), outputs);
  }
  VoiceId voice_over(std::uint32_t slot,
                     std::uint32_t source,
                     std::initializer_list<unsigned> outputs = {0}) {
    const VoiceId id = make_voice(slot, 1);
    driver.submit(add_voice(id, source, outputs));
    return id;
  }

  bool send(Command command, std::uint64_t request = 0) {
    command.request = request;
    return driver.submit(command);
  }

  /// The first event of a kind for a voice (0 = any); kind None when there is none.
  Event event(EventKind kind, VoiceId voice = 0, std::size_t skip = 0) {
    for (const Event& event : driver.events()) {
      if (event.kind == kind && (voice == 0 || event.voice == voice) && skip-- == 0) {
        return event;
      }
    }
    return {};
  }
  Reason last_reason() {
    return driver.events().empty() ? Reason::None : driver.events().back().reason;
  }

  OfflineDriver driver;

 private:
  std::deque<std::vector<float>> data_;
  std::vector<SampleView> views_;
  std::uint32_t sources_ = 0;
};

inline std::vector<float> counting(std::size_t length, float scale = 1.0F / 65536.0F) {
  std::vector<float> data(length);
  for (std::size_t i = 0; i < length; ++i) {
    data[i] = static_cast<float>(i + 1) * scale;
  }
  return data;
}

}  // namespace avrig::mixer::test
