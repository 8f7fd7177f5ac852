// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// Where the marks lie in a picture.
///
///  - The *mark* is 192 x 48 pixels: the frame code above the time. It stands in a corner, kMargin
///    from both edges unless told otherwise; x is a multiple of 4 and y even, so that whole chroma
///    pixels lie under it.
///  - The *flash patch* is a square in the lower right corner, kMargin from both edges; its side is
///    a quarter of the picture's height, down to a multiple of 16, at least 16. Black, and white
///    from the flash's frame on for about 100 ms.

#include <avrig/marks/frame_code.hpp>
#include <avrig/marks/picture.hpp>
#include <avrig/marks/time_text.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace avrig::marks {

inline constexpr std::uint32_t kMarkWidth = kCodeWidth;
inline constexpr std::uint32_t kMarkHeight = kCodeHeight + kCellPx;
inline constexpr std::uint32_t kMargin = 16;
inline constexpr const char* kCorners = "top-left,top-right,bottom-left,bottom-right";
static_assert(kTimeCells * kCellPx == kMarkWidth);

/// Where the mark lies, `dx` and `dy` pixels from the edges of a corner named as in kCorners.
///
/// Returns: empty when it does not fit into the picture
[[nodiscard]] inline std::optional<Point> mark_place(std::uint32_t width,
                                                     std::uint32_t height,
                                                     std::string_view corner,
                                                     std::uint32_t dx = kMargin,
                                                     std::uint32_t dy = kMargin) noexcept {
  if (width < kMarkWidth || height < kMarkHeight || dx > width - kMarkWidth ||
      dy > height - kMarkHeight) {
    return std::nullopt;
  }
  const std::uint32_t x = corner.ends_with("right") ? width - kMarkWidth - dx : dx;
  const std::uint32_t y = corner.starts_with("bottom") ? height - kMarkHeight - dy : dy;
  return Point{x & ~3U, y & ~1U};
}

/// RT-safe: yes
inline void draw_mark(const Canvas& canvas,
                      Point at,
                      std::uint16_t number,
                      std::int64_t time_ns) noexcept {
  draw_code(canvas, at, number);
  draw_time(canvas, {at.x, at.y + kCodeHeight}, format_time(time_ns));
}

[[nodiscard]] constexpr Rect flash_patch(std::uint32_t width, std::uint32_t height) noexcept {
  const std::uint32_t side = std::max(16U, height / 4 / 16 * 16);
  const std::uint32_t x = width > side + kMargin ? width - side - kMargin : 0;
  const std::uint32_t y = height > side + kMargin ? height - side - kMargin : 0;
  return {x & ~3U, y & ~1U, std::min(side, width), std::min(side, height)};
}

}  // namespace avrig::marks
