// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// A time that a person can read: `HH:MM:SS.mmm` in twelve cells of 16 x 16 pixels.

#include <avrig/marks/picture.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace avrig::marks {

inline constexpr std::uint32_t kCellPx = 16;
inline constexpr std::uint32_t kTimeCells = 12;

/// 5 x 7 pixels each, a byte a row, the leftmost pixel in bit 4: the digits, colon, point.
inline constexpr std::array<std::array<std::uint8_t, 7>, 12> kGlyphs = {{
    {0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E},
    {0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E},
    {0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F},
    {0x1F, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0E},
    {0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02},
    {0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E},
    {0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E},
    {0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08},
    {0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E},
    {0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C},
    {0x00, 0x0C, 0x0C, 0x00, 0x0C, 0x0C, 0x00},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x0C, 0x0C},
}};

using TimeText = std::array<char, kTimeCells>;

/// Rounded down to the millisecond, modulo 100 hours; before zero it stays at zero.
[[nodiscard]] constexpr TimeText format_time(std::int64_t time_ns) noexcept {
  const std::int64_t ms = std::max<std::int64_t>(time_ns, 0) / 1'000'000 % 360'000'000;
  const auto digit = [ms](std::int64_t unit, std::int64_t base) {
    return static_cast<char>('0' + ms / unit % base);
  };
  return {digit(36'000'000, 10),
          digit(3'600'000, 10),
          ':',
          digit(600'000, 6),
          digit(60'000, 10),
          ':',
          digit(10'000, 6),
          digit(1'000, 10),
          '.',
          digit(100, 10),
          digit(10, 10),
          digit(1, 10)};
}

/// White on black, each glyph pixel 2 x 2.  RT-safe: yes
inline void draw_time(const Canvas& canvas, Point at, const TimeText& text) noexcept {
  canvas.fill({at.x, at.y, kTimeCells * kCellPx, kCellPx}, false);
  for (std::uint32_t c = 0; c < kTimeCells; ++c) {
    const char letter = text[c];
    const std::size_t index = letter == ':'   ? 10
                              : letter == '.' ? 11
                                              : static_cast<std::size_t>(letter - '0');
    for (std::uint32_t y = 0; y < 7; ++y) {
      for (std::uint32_t x = 0; x < 5; ++x) {
        if (((std::uint32_t{kGlyphs[index][y]} >> (4 - x)) & 1U) != 0) {
          canvas.fill({at.x + c * kCellPx + 4 + 2 * x, at.y + 2 + 2 * y, 2, 2}, true);
        }
      }
    }
  }
}

}  // namespace avrig::marks
