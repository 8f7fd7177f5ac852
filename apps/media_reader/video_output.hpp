// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "reader_settings.hpp"
#include "stream_output.hpp"
#include <avrig/media/picture_converter.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace avrig::media_reader {

/// Publishes the pictures of one stream: decoded where they lie, or converted in the last step.
class VideoOutput final : public StreamOutput {
 public:
  VideoOutput(stage::StageIo& io,
              std::size_t output,
              const media::StreamInfo& stream,
              const ReaderSettings& settings,
              const avrig_format& format,
              Timeline timeline);

 private:
  bool publish(media::MediaFrame& frame, std::int64_t round) override;
  bool convert_and_publish(media::MediaFrame& frame,
                           const avrig_frame& stamps,
                           shm::Descriptor& descriptor);
  void convert(const media::MediaFrame& frame, avrig_frame& target);
  [[nodiscard]] std::int64_t capture_of(const media::MediaFrame& frame,
                                        std::int64_t round,
                                        std::int64_t length_ns) const noexcept;

  bool direct_;
  std::unique_ptr<media::PictureConverter> converter_;
  avrig_format converts_from_{};
  std::vector<std::byte> upright_;  ///< a picture that the codec keeps upside down, turned
  std::int64_t last_capture_ns_ = INT64_MIN;
  bool corrupt_reported_ = false;
};

/// Nominal frame length of a stream without times.
[[nodiscard]] std::int64_t nominal_frame_ns(const avrig_format& format) noexcept;

}  // namespace avrig::media_reader
