// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "packet_feed.hpp"
#include "pool_buffers.hpp"
#include <avrig/media/decoder.hpp>
#include <avrig/stage/io.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace avrig::media_reader {

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

/// One stream of the file on its way into its ring: packets in, decoded frames published.
///
/// Thread: run() and what it calls the output's own; the rest before and after it
class StreamOutput {
 public:
  StreamOutput(stage::StageIo& io,
               std::size_t output,
               const media::StreamInfo& stream,
               const avrig_format& format,
               Timeline timeline);
  virtual ~StreamOutput() = default;
  StreamOutput(const StreamOutput&) = delete;
  StreamOutput& operator=(const StreamOutput&) = delete;

  /// What the ring already has; empty: nothing.
  [[nodiscard]] const std::optional<ResumePoint>& resume_point() const noexcept { return resume_; }
  /// Decode and publish. True at the stream's end, false when the feed or the run ended before.
  [[nodiscard]] bool run(PacketFeed& feed, std::size_t queue, std::int64_t first_round);
  /// Publish the end of stream.
  void finish() noexcept;
  /// A predecessor published the end.
  [[nodiscard]] bool ended() const noexcept { return io_->output(output_).ended(); }

 protected:
  /// Publish one decoded frame. False: the run ends.
  virtual bool publish(media::MediaFrame& frame, std::int64_t round) = 0;
  virtual void begin_round() {}

  /// Was a frame of this time published before we were restarted?
  [[nodiscard]] bool is_published(std::int64_t capture_ns) noexcept;
  void set_decoder(std::unique_ptr<media::Decoder> decoder) { decoder_ = std::move(decoder); }

  [[nodiscard]] stage::StageIo& io() noexcept { return *io_; }
  [[nodiscard]] PoolBuffers& pool() noexcept { return pool_; }
  [[nodiscard]] const avrig_format& format() const noexcept { return format_; }
  [[nodiscard]] const Timeline& timeline() const noexcept { return timeline_; }

  std::int64_t next_index_ = 0;  ///< sample or picture number of the next frame

 private:
  bool send(const media::Packet& packet, std::int64_t round);
  bool drain(std::int64_t round);

  stage::StageIo* io_;
  std::size_t output_;
  std::string codec_;
  avrig_format format_;
  Timeline timeline_;
  PoolBuffers pool_;
  std::optional<ResumePoint> resume_;
  std::int64_t skip_until_ns_ = INT64_MIN;
  std::unique_ptr<media::Decoder> decoder_;
};

}  // namespace avrig::media_reader
