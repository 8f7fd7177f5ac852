// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/handles.hpp>
#include <avrig/media/packet.hpp>
#include <avrig/types.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace avrig::media {

/// What a container says about one of its streams.
struct StreamInfo {
  int index = 0;
  std::uint32_t media = AVRIG_MEDIA_NONE;  ///< AUDIO, VIDEO, or NONE: subtitles, data, cover art
  std::string codec;                       ///< FFmpeg's name: "h264", "pcm_s16le", ...
  avrig_format format{};                   ///< of its decoded frames; audio block_samples = 0
  AVRational time_base{0, 1};
  std::optional<std::int64_t> start_pts;  ///< in time_base
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;  ///< 0 = unknown
  std::int64_t frames = 0;       ///< 0 = unknown
  bool is_default = false;
  std::string language;
  std::string title;
  const AVCodecParameters* parameters = nullptr;  ///< lives as long as the Demuxer
};

struct DemuxerOptions {
  Options options;        ///< FFmpeg's, for container and protocol; unknown ones are errors
  std::string container;  ///< "" = by content
  std::int64_t open_timeout_ns = 10'000'000'000;  ///< for network sources; 0 = wait for ever
  /// Packets exactly as they are stored, without looking into them first: opens at once, tells a
  /// torn one, but formats may be incomplete. For recovery, not for decoding.
  bool as_stored = false;
  const std::atomic<bool>* interrupt = nullptr;  ///< true ends any blocking call
};

enum class ReadStatus {
  Packet,       ///< one was read
  End,          ///< no more
  Again,        ///< a live source has none yet
  Interrupted,  ///< the interrupt flag went up
  Failed        ///< the source broke: Demuxer::error()
};

/// Where seek_before() must come out for one stream, in its time base.
struct SeekTarget {
  int stream = 0;
  std::int64_t pts = 0;
};

/// A media file or URL: its streams, and their packets in the order of the file.
///
/// Thread: one at a time
class Demuxer {
 public:
  /// Throws Error(Open), which names the url, what was seen and what to do: no such file,
  /// permission, empty, not media, cut off before its header ended, no audio or video in it.
  explicit Demuxer(std::string url, DemuxerOptions options = {});
  Demuxer(Demuxer&&) noexcept;
  Demuxer& operator=(Demuxer&&) noexcept;
  ~Demuxer();

  [[nodiscard]] const std::string& url() const noexcept;
  [[nodiscard]] const std::vector<StreamInfo>& streams() const noexcept;
  /// FFmpeg's choice among the streams of one media (AVRIG_MEDIA_*).
  [[nodiscard]] std::optional<int> best_stream(std::uint32_t media) const noexcept;
  [[nodiscard]] std::string container() const;
  [[nodiscard]] std::int64_t duration_ns() const noexcept;  ///< 0 = unknown (live)
  [[nodiscard]] bool seekable() const noexcept;

  /// Read only these streams; the others' packets are skipped cheaply. At first: all.
  void select(std::span<const int> streams);

  /// The next packet. Damage inside the file is counted and stepped over.
  [[nodiscard]] ReadStatus read(Packet& packet);

  /// Place the file so that decoding from here yields every frame from `pts` on exactly as a
  /// linear decode would: at a key packet at or before it, with room for codecs that need a
  /// run-up. Frames before `pts` come too; the caller drops them. Flush the decoders after it.
  /// Several targets: holds for each. false: the source cannot seek, nothing was changed.
  [[nodiscard]] bool seek_before(int stream, std::int64_t pts);
  [[nodiscard]] bool seek_before(std::span<const SeekTarget> targets);

  /// To the first packet again. false: the source cannot.
  [[nodiscard]] bool rewind();

  [[nodiscard]] std::uint64_t packets_read() const noexcept;
  [[nodiscard]] std::uint64_t corrupt_packets() const noexcept;
  /// Where the next packet will be read, or -1.
  [[nodiscard]] std::int64_t position_bytes() const noexcept;
  [[nodiscard]] const std::string& error() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::media
