// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/frame_layout.hpp>
#include <avrig/media/handles.hpp>

#include <cstdint>
#include <optional>

namespace avrig::media {

/// One decoded or filtered frame: a borrowed or owned picture, or a run of samples.
///
/// Move-only. While it lives its memory stays as it is; where the memory came from a BufferSource,
/// let_go() follows when this and the codec's own references are gone. It may outlive the Decoder
/// that made it, never the BufferSource.
class MediaFrame {
 public:
  MediaFrame();

  [[nodiscard]] bool empty() const noexcept;
  void reset() noexcept;

  /// AVRIG_MEDIA_VIDEO or AVRIG_MEDIA_AUDIO.
  [[nodiscard]] std::uint32_t media() const noexcept;
  [[nodiscard]] avrig_format format() const noexcept;

  /// Its presentation time as the file has it, and that in ns; nullopt when the file gave none.
  [[nodiscard]] std::optional<std::int64_t> pts() const noexcept;
  [[nodiscard]] std::optional<std::int64_t> pts_ns() const noexcept;
  [[nodiscard]] AVRational time_base() const noexcept { return time_base_; }
  /// 0 = unknown. Audio: from its number of samples.
  [[nodiscard]] std::int64_t duration_ns() const noexcept;
  [[nodiscard]] bool key() const noexcept;
  /// The decoder concealed damage in it.
  [[nodiscard]] bool corrupt() const noexcept;

  /// The cookie of the supplied buffer that it lies in; nullopt = FFmpeg's own memory.
  [[nodiscard]] std::optional<std::uint64_t> cookie() const noexcept { return cookie_; }

  /// Pictures: where the planes are, wherever they lie. Strides may be larger than a row.
  /// Thread: any      RT-safe: yes
  void bind(avrig_frame& frame) const noexcept;

  /// Pictures: copy into `buffer`, laid out as `layout`. Same pixel format and size.
  void copy_picture(const FrameLayout& layout, void* buffer) const noexcept;

  [[nodiscard]] std::uint32_t samples() const noexcept;
  [[nodiscard]] std::uint32_t channels() const noexcept;

  /// Audio: samples [first, first + count) as planar float32 into rows `stride_bytes` apart.
  /// Exact for integers up to 24 bits and for float; 32-bit integers and doubles are rounded.
  /// Thread: any      RT-safe: yes
  void copy_samples(std::uint32_t first,
                    std::uint32_t count,
                    float* rows,
                    std::size_t stride_bytes) const noexcept;

  /// For the parts of this library.
  [[nodiscard]] AVFrame* get() const noexcept { return frame_.get(); }
  void set_time_base(AVRational time_base) noexcept { time_base_ = time_base; }
  void set_cookie(std::optional<std::uint64_t> cookie) noexcept { cookie_ = cookie; }

 private:
  FramePtr frame_;
  AVRational time_base_ = kNanoseconds;
  std::optional<std::uint64_t> cookie_;
};

}  // namespace avrig::media
