// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// Black and white rectangles in pictures of the usual 8-bit pixel formats.
///
/// Thread: any      RT-safe: yes

#include <avrig/pixel_layout.hpp>
#include <avrig/types.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace avrig::marks {

struct Point {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
};

struct Rect {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

/// What Canvas and Luma can handle, best first (the form that ports want).
inline constexpr const char* kPixelFormats =
    "yuv420p,yuvj420p,nv12,gray,bgr24,rgb24,yuv422p,yuvj422p,yuv444p,yuvj444p,yuv411p,yuv440p,"
    "nv21,nv16,bgr0,rgb0";

namespace detail {

[[nodiscard]] constexpr bool has_rgb(std::string_view pixel_format) noexcept {
  return pixel_format.find("rgb") != std::string_view::npos ||
         pixel_format.find("bgr") != std::string_view::npos;
}

/// Byte ranges of a plane's rows.
template <class Byte>
[[nodiscard]] std::span<Byte> row_of(const avrig_plane& plane, std::uint32_t y) noexcept {
  auto* const base = static_cast<Byte*>(plane.data);
  return {base + std::size_t{y} * plane.stride_bytes, plane.stride_bytes};
}

}  // namespace detail

/// Draws into a frame. Rectangles must lie inside the picture, at even places.
class Canvas {
 public:
  Canvas(const avrig_frame& frame, const avrig_format& format) noexcept
      : frame_(frame),
        layout_(find_pixel_layout(format.pixel_format).value_or(kPixelLayouts[0])),
        rgb_(detail::has_rgb(format.pixel_format)),
        full_range_(rgb_ || format.color_range == 2 ||
                    std::string_view(format.pixel_format).starts_with("yuvj")) {}

  void fill(Rect rect, bool white) const noexcept {
    const int black_level = full_range_ ? 0 : 16;
    const int white_level = full_range_ ? 255 : 235;
    fill_level(rect, white ? white_level : black_level);
  }

  /// Any grey.
  void fill_level(Rect rect, int level) const noexcept {
    fill_plane(0, {rect.x * layout_.bytes, rect.y, rect.width * layout_.bytes, rect.height}, level);
    for (std::uint32_t p = 1; p < layout_.planes && !rgb_; ++p) {
      const Rect bytes{(rect.x >> layout_.shift_x) * layout_.chroma_bytes,
                       rect.y >> layout_.shift_y,
                       (rect.width >> layout_.shift_x) * layout_.chroma_bytes,
                       rect.height >> layout_.shift_y};
      fill_plane(p, bytes, 128);
    }
  }

 private:
  void fill_plane(std::uint32_t p, Rect bytes, int level) const noexcept {
    for (std::uint32_t y = bytes.y; y < bytes.y + bytes.height; ++y) {
      const auto row = detail::row_of<std::uint8_t>(frame_.plane[p], y);
      std::memset(row.subspan(bytes.x).data(), level, bytes.width);
    }
  }

  const avrig_frame& frame_;
  PixelLayout layout_;
  bool rgb_;
  bool full_range_;
};

/// Reads brightness: luma, or the green of RGB.
class Luma {
 public:
  Luma(const avrig_frame& frame, const avrig_format& format) noexcept
      : plane_(frame.plane[0]),
        width_(format.width),
        height_(format.height),
        step_(find_pixel_layout(format.pixel_format).value_or(kPixelLayouts[0]).bytes),
        offset_(detail::has_rgb(format.pixel_format) ? 1 : 0) {}

  [[nodiscard]] std::uint32_t width() const noexcept { return width_; }
  [[nodiscard]] std::uint32_t height() const noexcept { return height_; }

  /// Rectangles must lie inside the picture.
  [[nodiscard]] int mean(Rect rect) const noexcept {
    std::uint64_t sum = 0;
    for (std::uint32_t y = rect.y; y < rect.y + rect.height; ++y) {
      const auto row = detail::row_of<const std::uint8_t>(plane_, y);
      for (std::uint32_t x = rect.x; x < rect.x + rect.width; ++x) {
        sum += row[std::size_t{x} * step_ + offset_];
      }
    }
    return static_cast<int>(sum / (std::uint64_t{rect.width} * rect.height));
  }

 private:
  avrig_plane plane_;
  std::uint32_t width_;
  std::uint32_t height_;
  std::uint32_t step_;
  std::uint32_t offset_;
};

}  // namespace avrig::marks
