// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "parts.hpp"
#include "track.hpp"
#include <avrig/media/muxer.hpp>
#include <avrig/stage/stage.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace avrig::media_writer {

/// What the user asked of the writer; see docs/pipeline-spec.md.
struct WriterSettings {
  std::string url;
  std::string container;
  std::string video_codec;
  std::string audio_codec;
  std::string pixel_format;
  std::string preset;
  std::int64_t crf = -1;
  std::int64_t bit_rate = 0;
  std::int64_t threads = 0;
  bool lossless = false;
  bool bitexact = false;
};

/// `write: media`: a recording of several inputs that survives kill -9.
class MediaWriter final : public stage::Stage {
 public:
  std::vector<stage::ParameterDescription> parameters(const stage::Request& request) override;
  stage::Description describe(const stage::Request& request) override;
  stage::Configured configure(std::span<const avrig_format> inputs,
                              std::span<const stage::Wish> wishes) override;
  void prepare(stage::StageIo& io) override;
  void run(stage::StageIo& io) override;

 private:
  [[nodiscard]] media::EncoderSettings encoder_settings(const avrig_format& format) const;
  void open_part();
  [[nodiscard]] Track* choose(stage::StageIo& io);
  [[nodiscard]] bool may_go_on_without(const stage::StageIo& io);
  [[nodiscard]] bool all_ended() noexcept;
  void wait_for_frames(stage::StageIo& io);
  void write_marks(stage::StageIo& io);
  void close(stage::StageIo& io);

  WriterSettings settings_;
  media::ContainerTraits traits_;
  std::vector<std::unique_ptr<Track>> tracks_;
  std::optional<Parts> parts_;
  std::unique_ptr<media::Muxer> muxer_;
  std::int64_t missing_since_ns_ = 0;  // a track has had nothing since then; 0 = all have
};

}  // namespace avrig::media_writer
