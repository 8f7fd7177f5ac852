// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/frame_layout.hpp>

#include <string>

extern "C" {
#include <libavutil/common.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

namespace avrig::media {
namespace {

constexpr std::uint64_t kAlign = 64;
// Vector code reads and writes past the end of the last row.
constexpr std::uint64_t kSlack = 64;

constexpr std::uint64_t align_up(std::uint64_t bytes) noexcept {
  return (bytes + kAlign - 1) & ~(kAlign - 1);
}

FrameLayout one_plane(std::uint64_t stride, std::uint32_t rows) {
  FrameLayout layout;
  layout.planes = 1;
  layout.plane[0] = {0, stride * rows, static_cast<std::uint32_t>(stride), rows};
  layout.total_bytes = align_up(layout.plane[0].size_bytes) + kSlack;
  return layout;
}

std::uint32_t plane_rows(const AVPixFmtDescriptor& pixels, int plane, std::uint32_t height) {
  const bool chroma = plane == 1 || plane == 2;
  const int shift = chroma ? pixels.log2_chroma_h : 0;
  return static_cast<std::uint32_t>(AV_CEIL_RSHIFT(static_cast<int>(height), shift));
}

}  // namespace

FrameLayout FrameLayout::of_picture(std::string_view pixel_format,
                                    std::uint32_t width,
                                    std::uint32_t height) {
  const auto number = static_cast<AVPixelFormat>(pixel_format_number(pixel_format));
  const AVPixFmtDescriptor* pixels = av_pix_fmt_desc_get(number);
  if (pixels == nullptr || (pixels->flags & AV_PIX_FMT_FLAG_HWACCEL) != 0) {
    throw Error(ErrorCode::Open,
                "no picture layout for pixel format '" + std::string(pixel_format) +
                    "': not one that lies in memory (see ffmpeg -pix_fmts)");
  }
  int strides[4] = {};
  constexpr std::uint32_t kMost = 1U << 16;
  if (width == 0 || height == 0 || width > kMost || height > kMost ||
      av_image_check_size(width, height, 0, nullptr) < 0 ||
      av_image_fill_linesizes(strides, number, static_cast<int>(width)) < 0) {
    throw Error(ErrorCode::Open,
                "no picture layout for " + std::to_string(width) + "x" + std::to_string(height) +
                    " " + std::string(pixel_format) + ": size out of range");
  }
  FrameLayout layout;
  const bool palette = (pixels->flags & AV_PIX_FMT_FLAG_PAL) != 0;
  layout.planes = palette ? 2 : static_cast<std::uint32_t>(av_pix_fmt_count_planes(number));
  std::uint64_t offset = 0;
  for (std::uint32_t i = 0; i < layout.planes; ++i) {
    PlaneLayout& plane = layout.plane[i];
    const bool is_palette = palette && i == 1;
    plane.stride_bytes =
        is_palette ? 1024 : static_cast<std::uint32_t>(align_up(static_cast<unsigned>(strides[i])));
    plane.rows = is_palette ? 1 : plane_rows(*pixels, static_cast<int>(i), height);
    plane.offset_bytes = offset;
    plane.size_bytes = std::uint64_t{plane.stride_bytes} * plane.rows;
    offset += plane.size_bytes + kSlack;
  }
  layout.total_bytes = offset;
  return layout;
}

FrameLayout FrameLayout::of_audio(std::uint32_t channels, std::uint32_t samples) {
  return one_plane(audio_stride_bytes(samples), channels);
}

FrameLayout FrameLayout::of(const avrig_format& format) {
  switch (format.media) {
    case AVRIG_MEDIA_VIDEO:
      return of_picture(format.pixel_format, format.width, format.height);
    case AVRIG_MEDIA_AUDIO:
      return of_audio(format.channels, format.block_samples);
    case AVRIG_MEDIA_FEATURES:
      return one_plane(align_up(std::uint64_t{format.columns} * 4), format.max_rows);
    default:
      return one_plane(format.max_packet_bytes, 1);
  }
}

void FrameLayout::bind(avrig_frame& frame, void* buffer) const noexcept {
  frame.planes = planes;
  for (std::uint32_t i = 0; i < planes; ++i) {
    frame.plane[i] = {static_cast<std::uint8_t*>(buffer) + plane[i].offset_bytes,
                      plane[i].size_bytes,
                      plane[i].stride_bytes,
                      plane[i].rows};
  }
}

}  // namespace avrig::media
