// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/buffer_source.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

struct AVCodecContext;
struct AVFrame;

namespace avrig::media {

/// Claimed buffers that FFmpeg refers to now, so that a frame can be told from one in FFmpeg's own
/// memory. Lives as long as the last of them: frames may outlive their decoder.
class PictureLeases : public std::enable_shared_from_this<PictureLeases> {
 public:
  explicit PictureLeases(BufferSource& source) : source_(&source) {}

  /// Claim `bytes` and make them frame.buf[0]. TooBig and Ended leave the frame alone.
  BufferSource::Outcome lease(AVFrame& frame, std::uint64_t bytes);
  /// Whose memory the frame lies in.
  [[nodiscard]] std::optional<std::uint64_t> cookie_of(const AVFrame& frame) const;

 private:
  struct Lease;
  static void release(void* opaque, std::uint8_t* data);
  void forget(const void* data);

  BufferSource* source_;
  mutable std::mutex mutex_;
  std::vector<std::pair<const void*, std::uint64_t>> out_;  // data, cookie
};

/// Where a decoder wants the planes of a picture of `width` x `height` (coded, before cropping).
struct CodedLayout {
  int strides[4] = {};
  std::uint64_t offsets[4] = {};
  int planes = 0;
  std::uint64_t total_bytes = 0;  // 0: no layout for this format
};
[[nodiscard]] CodedLayout coded_layout(AVCodecContext& context, int pixels, int width, int height);

}  // namespace avrig::media
