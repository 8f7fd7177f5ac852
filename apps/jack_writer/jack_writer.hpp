// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "jack_client.hpp"
#include "playback.hpp"
#include <avrig/shm/sync_block.hpp>
#include <avrig/stage/stage.hpp>

#include <memory>
#include <optional>
#include <string>

namespace avrig::jack_writer {

/// `write: jack`: the pipeline's sound on a JACK server; the master clock of its sync group.
///
/// Killed, its successor takes the same anchor (device frame and media time) from the sync block
/// and goes on along the timeline: what was not heard meanwhile is a hole, nothing is shifted.
class JackWriter final : public stage::Stage {
 public:
  std::vector<stage::ParameterDescription> parameters(const stage::Request& request) override;
  stage::Description describe(const stage::Request& request) override;
  stage::Configured configure(std::span<const avrig_format> inputs,
                              std::span<const stage::Wish> wishes) override;
  void prepare(stage::StageIo& io) override;
  void run(stage::StageIo& io) override;

 private:
  void open_client(std::int64_t newest_frame);
  void run_offline(stage::StageIo& io);
  void run_live(stage::StageIo& io);
  [[nodiscard]] bool start(stage::StageIo& io);
  void publish_clock(stage::StageIo& io);
  void reconnect(stage::StageIo& io);

  ClientOptions options_;
  std::string to_;
  bool offline_ = false;
  std::uint32_t rate_hz_ = 48000;
  std::uint32_t channels_ = 2;
  std::unique_ptr<SampleFifo> fifo_;
  std::unique_ptr<JackClient> client_;
  std::unique_ptr<Playback> playback_;
  std::optional<shm::SyncBlock> block_;
  shm::SyncSection section_{};
  std::int64_t anchor_ = 0;
  std::int64_t media0_ns_ = 0;
  bool started_ = false;
};

}  // namespace avrig::jack_writer
