// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "audio_output.hpp"
#include "reader_settings.hpp"
#include "video_output.hpp"
#include <avrig/media/demuxer.hpp>
#include <avrig/stage/stage.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace avrig::media_reader {

/// `read: media`: any file or URL through FFmpeg; one demuxer for both streams.
class MediaReader final : public stage::Stage {
 public:
  std::vector<stage::ParameterDescription> parameters(const stage::Request& request) override;
  stage::Description describe(const stage::Request& request) override;
  stage::Configured configure(std::span<const avrig_format> inputs,
                              std::span<const stage::Wish> wishes) override;
  void prepare(stage::StageIo& io) override;
  void run(stage::StageIo& io) override;

 private:
  [[nodiscard]] Timeline measure_round(stage::StageIo& io);
  void refresh_streams();

  ReaderSettings settings_;
  std::unique_ptr<media::Demuxer> demuxer_;
  std::optional<media::StreamInfo> video_;
  std::optional<media::StreamInfo> audio_;
  avrig_format video_format_{};
  avrig_format audio_format_{};
  std::unique_ptr<VideoOutput> video_output_;
  std::unique_ptr<AudioOutput> audio_output_;
};

}  // namespace avrig::media_reader
