// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "offline_output.hpp"
#include "pipeline_input.hpp"
#include "pipeline_mixer.hpp"
#include "playback.hpp"
#include <avrig/jack/output_client.hpp>
#include <avrig/shm/sync_block.hpp>
#include <avrig/stage/stage.hpp>

#include <memory>
#include <optional>
#include <string>

namespace avrig::jack_writer {

/// `write: jack`: the DipStream mixer on a JACK server, with the pipeline's sound as one of its
/// voices; the master clock of its sync group.
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
  void set_parameter(const std::string& name, const std::string& value) override;

 private:
  void find_place(stage::StageIo& io);
  void keep_place();
  void keep_connections(stage::StageIo& io);
  void make_mixer(stage::StageIo& io);
  void open_socket(stage::StageIo& io);
  void open_client(std::int64_t newest_frame);
  void run_offline(stage::StageIo& io);
  void begin_offline(OfflineOutput& output, std::int64_t first_capture_ns);
  void run_live(stage::StageIo& io);
  [[nodiscard]] bool start(stage::StageIo& io);
  void say_needs();
  void begin_cues();
  void publish_clock(stage::StageIo& io);
  void open_client_within(std::int64_t patience_ns, std::int64_t newest_frame);
  void reconnect(stage::StageIo& io);

  jack::ClientOptions options_;
  std::string to_;
  bool offline_ = false;
  std::uint32_t rate_hz_ = 48000;
  std::uint32_t channels_ = 2;
  std::uint32_t outputs_ = 0;  // asked for; 0 = as many as the sound has channels
  std::string id_;
  std::string run_dir_;
  std::int64_t bias_ns_ = 0;
  std::string bus_ = "Master";
  std::optional<std::uint16_t> tcp_;
  double gain_db_ = 0;
  bool mute_ = false;
  MixerTerms terms_;
  std::unique_ptr<SampleFifo> fifo_;
  std::unique_ptr<PipelineInput> live_;
  std::unique_ptr<dipstream::Keeper> keeper_;  // none offline
  std::unique_ptr<PipelineMixer> mixer_;
  std::unique_ptr<jack::OutputClient> client_;  // renders from the mixer: goes first
  std::unique_ptr<Playback> playback_;
  std::optional<shm::SyncBlock> block_;
  std::optional<shm::SyncBlock> own_place_;  // for a successor, where there is no group
  shm::SyncSection section_{};
  std::int64_t anchor_ = 0;
  std::int64_t media0_ns_ = 0;
  bool started_ = false;
};

}  // namespace avrig::jack_writer
