// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/buffer_source.hpp>
#include <avrig/media/demuxer.hpp>
#include <avrig/media/media_frame.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace avrig::media {

/// How a decoder uses threads. Slices add no delay; frames add one frame a thread but suit files
/// without slices, and each thread holds a buffer more.
enum class Threading { Slices, Frames, Both };

struct DecoderOptions {
  BufferSource* buffers = nullptr;  ///< pictures go straight in; null = FFmpeg's own memory
  int threads = 1;                  ///< 0 = one a core
  Threading threading = Threading::Both;
  Options options;  ///< FFmpeg's, of the codec
};

enum class DecodeStatus {
  Ok,       ///< send: taken. receive: a frame
  Again,    ///< send: receive first, then send the same packet. receive: send more
  End,      ///< receive: every frame is out after send_end()
  Corrupt,  ///< damage, counted; go on
  Ended,    ///< the BufferSource ended the run
  Failed    ///< broken for good: error()
};

/// Packets of one stream in, frames out.
///
/// With a BufferSource and a software codec that can render into foreign memory (H.264, HEVC,
/// MPEG-2/4, VP8/9, FFV1, MJPEG, ...) pictures are decoded where they will be read, and are never
/// copied: direct() is true. Other codecs' pictures are copied once, into a claimed buffer.
/// Codec priming and padding (AAC, MP3, Opus) is trimmed and the times are right.
///
/// Thread: one at a time (its own threads call the BufferSource)
class Decoder {
 public:
  /// Throws Error(Open): no such decoder in this FFmpeg, or it refuses the stream.
  explicit Decoder(const StreamInfo& stream, DecoderOptions options = {});
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  [[nodiscard]] DecodeStatus send(const Packet& packet);
  /// No more packets: receive() until End.
  [[nodiscard]] DecodeStatus send_end();
  [[nodiscard]] DecodeStatus receive(MediaFrame& frame);
  /// After a seek, or to use it again after End. Drops what it holds.
  void flush();

  /// Video: renders straight into the BufferSource's memory.
  [[nodiscard]] bool direct() const noexcept;
  /// Video: bytes of a buffer that holds a picture of this stream, with the decoder's alignment
  /// and padding. Known before the first packet; a stream that grows midway asks for more.
  [[nodiscard]] std::uint64_t buffer_bytes() const;
  /// Video: the most buffers that it may keep at once, beside those in living MediaFrames:
  /// references, delay and threads.
  [[nodiscard]] int held_buffers() const noexcept;

  [[nodiscard]] std::uint64_t frames() const noexcept;
  [[nodiscard]] std::uint64_t copied_pictures() const noexcept;
  [[nodiscard]] std::uint64_t corrupt_packets() const noexcept;
  [[nodiscard]] const std::string& error() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::media
