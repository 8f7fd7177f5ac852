// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "stream_output.hpp"

namespace avrig::media_reader {

/// Publishes the samples of one stream, one block per decoded frame; long ones are cut.
class AudioOutput final : public StreamOutput {
 public:
  AudioOutput(stage::StageIo& io,
              std::size_t output,
              const media::StreamInfo& stream,
              const avrig_format& format,
              Timeline timeline);

 private:
  bool publish(media::MediaFrame& frame, std::int64_t round) override;
  bool publish_block(const media::MediaFrame& frame,
                     std::uint32_t first,
                     std::int64_t capture_ns,
                     std::int64_t round);
  void begin_round() override { next_capture_ns_ = INT64_MIN; }

  std::int64_t next_capture_ns_ = INT64_MIN;  ///< for frames without a time
};

}  // namespace avrig::media_reader
