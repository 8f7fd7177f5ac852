// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/mixer_host.hpp>
#include <avrig/mixer/commands.hpp>

#include <cstdint>
#include <vector>

namespace avrig::dipstream::test {

inline constexpr double kNsPerSample = 1e9 / 48000;

/// A device of our own making: cycles when told, and keeps what it was given.
class Device {
 public:
  Device(MixerHost& host, std::uint32_t block) : host_(&host), block_(block) {
    rows_.resize(host.engine().config().outputs);
  }

  void cycle() {
    const auto before = rows_[0].size();
    std::vector<float*> pointers;
    for (std::vector<float>& row : rows_) {
      row.resize(before + block_, -9.0F);
      pointers.push_back(row.data() + before);
    }
    host_->render({frame,
                   start_ns + static_cast<std::int64_t>(static_cast<double>(frame) * kNsPerSample),
                   kNsPerSample,
                   1000,
                   epoch},
                  block_,
                  pointers.data());
    frame += block_;
  }
  void cycle(int times) {
    for (int turn = 0; turn < times; ++turn) {
      cycle();
    }
  }
  [[nodiscard]] const std::vector<float>& row(std::size_t output) const { return rows_[output]; }

  std::int64_t frame = 1000;
  std::int64_t start_ns = 5'000'000'000;
  std::uint64_t epoch = 1;

 private:
  MixerHost* host_;
  std::uint32_t block_;
  std::vector<std::vector<float>> rows_;
};

inline mixer::EngineConfig outputs(std::uint32_t count) {
  mixer::EngineConfig config;
  config.outputs = count;
  config.voices = 64;
  config.actions = 256;
  config.sources = 64;
  return config;
}

/// Lend mono samples under a number.
inline void lend(mixer::Engine& engine, std::uint32_t source, const std::vector<float>& data) {
  mixer::SampleView view;
  view.data = data.data();
  view.length = static_cast<std::int64_t>(data.size());
  view.channels = 1;
  view.stride_bytes = data.size() * sizeof(float);
  (void)mixer::inspect(view);
  engine.set_samples(source, view);
}
inline void lend(MixerHost& host, std::uint32_t source, const std::vector<float>& data) {
  lend(host.engine(), source, data);
}

/// The next event of a kind; kind None where there is none.
inline mixer::Event next(MixerHost& host, mixer::EventKind kind) {
  mixer::Event event;
  while (host.engine().next_event(event)) {
    if (event.kind == kind) {
      return event;
    }
  }
  return {};
}

}  // namespace avrig::dipstream::test
