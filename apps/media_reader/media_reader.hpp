// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "packet_feed.hpp"
#include "pool_buffers.hpp"
#include <avrig/media/decoder.hpp>
#include <avrig/media/demuxer.hpp>
#include <avrig/media/picture_converter.hpp>
#include <avrig/stage/stage.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace avrig::media_reader {

/// What the user asked of the reader; see docs/pipeline-spec.md.
struct ReaderSettings {
  std::string url;
  std::string container;
  media::Options options;
  std::int64_t loop = 1;
  bool audio = true;
  bool video = true;
  bool copy = false;
  int threads = 0;
  std::uint64_t spill_bytes = 256ull << 20;
  std::string pixel_format;
};

/// Where one output goes on: after what its ring already has.
struct ResumePoint {
  std::int64_t round = 0;
  std::int64_t pts = 0;         ///< of the last published frame, in the stream's time base
  std::int64_t capture_ns = 0;  ///< of the last published frame
  std::int64_t next_index = 0;  ///< first sample or picture number of the next one
};

/// Times of a file's streams on one timeline, over the rounds of a loop.
struct Timeline {
  std::int64_t round_ns = 0;  ///< length of one round; all streams advance by the same
};

/// Publishes the pictures of one stream.
class VideoOutput {
 public:
  VideoOutput(stage::StageIo& io,
              std::size_t output,
              const media::StreamInfo& stream,
              const ReaderSettings& settings,
              const avrig_format& format,
              Timeline timeline);

  [[nodiscard]] std::optional<ResumePoint> resume_point() const;
  /// Decode and publish. True at the stream's end, false when the feed or the run ended before.
  /// Thread: the output's own
  bool run(PacketFeed& feed, std::size_t queue, std::int64_t first_round);
  /// Publish the end of stream.
  void finish() noexcept;
  [[nodiscard]] bool ended() const noexcept;

 private:
  bool drain(std::int64_t round);
  bool publish(media::MediaFrame& frame, std::int64_t round);
  bool convert_and_publish(media::MediaFrame& frame, shm::Descriptor& descriptor);

  stage::StageIo* io_;
  std::size_t output_;
  const media::StreamInfo* stream_;
  avrig_format format_;
  Timeline timeline_;
  PoolBuffers pool_;
  bool direct_;
  std::unique_ptr<media::Decoder> decoder_;
  std::unique_ptr<media::PictureConverter> converter_;
  avrig_format converts_from_{};
  std::int64_t next_index_ = 0;
  std::int64_t last_capture_ns_ = INT64_MIN;
  std::int64_t skip_until_ns_ = INT64_MIN;
  bool corrupt_reported_ = false;
};

/// Publishes the samples of one stream, one block per decoded frame.
class AudioOutput {
 public:
  AudioOutput(stage::StageIo& io,
              std::size_t output,
              const media::StreamInfo& stream,
              const avrig_format& format,
              Timeline timeline);

  [[nodiscard]] std::optional<ResumePoint> resume_point() const;
  bool run(PacketFeed& feed, std::size_t queue, std::int64_t first_round);
  /// Publish the end of stream.
  void finish() noexcept;
  [[nodiscard]] bool ended() const noexcept;

 private:
  bool drain(std::int64_t round);
  bool publish(const media::MediaFrame& frame, std::int64_t round);

  stage::StageIo* io_;
  std::size_t output_;
  const media::StreamInfo* stream_;
  avrig_format format_;
  Timeline timeline_;
  PoolBuffers pool_;
  media::Decoder decoder_;
  std::int64_t next_index_ = 0;
  std::int64_t next_capture_ns_ = INT64_MIN;
  std::int64_t skip_until_ns_ = INT64_MIN;
};

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
  [[nodiscard]] Timeline measure_round();
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

/// Nominal frame length of a stream without times.
[[nodiscard]] std::int64_t nominal_frame_ns(const avrig_format& format) noexcept;

}  // namespace avrig::media_reader
