// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/handles.hpp>
#include <avrig/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace avrig::media {

/// How much care a conversion takes. Fast is what the ffmpeg command does; Exact rounds correctly
/// and interpolates chroma fully, at several times the cost.
enum class Conversion { Fast, Exact };

/// Turns pictures of one format and size into another; caller's memory on both sides.
///
/// Same format and size: a plain copy. Colour space and range of both formats are honoured;
/// unspecified ones are BT.601 below 720 lines and BT.709 above, limited range for YUV.
///
/// Thread: one at a time      RT-safe: convert() after the first call, apart from its length
class PictureConverter {
 public:
  /// Throws Error(Open) when swscale cannot do it (hardware formats, absurd sizes).
  PictureConverter(const avrig_format& from,
                   const avrig_format& to,
                   Conversion conversion = Conversion::Fast);
  PictureConverter(PictureConverter&&) noexcept;
  PictureConverter& operator=(PictureConverter&&) noexcept;
  ~PictureConverter();

  /// Planes as in avrig_frame::plane. Output rows should have room up to their stride and 64 bytes
  /// after the plane (FrameLayout does): vector code writes past the last pixel.
  void convert(std::span<const avrig_plane> from, std::span<const avrig_plane> to) noexcept;

  /// Nothing but a copy is done.
  [[nodiscard]] bool is_copy() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::media
