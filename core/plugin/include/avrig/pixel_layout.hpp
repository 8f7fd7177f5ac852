// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace avrig {

/// Where the bytes of a picture lie, for the pixel formats one meets (FFmpeg's names).
///
/// Planes 1 and 2 are subsampled by the shifts; plane 3 (alpha) is as large as plane 0.
struct PixelLayout {
  std::string_view name;
  std::uint8_t planes;
  std::uint8_t bytes;         ///< per pixel of plane 0 (and 3)
  std::uint8_t chroma_bytes;  ///< per pixel of planes 1 and 2
  std::uint8_t shift_x;
  std::uint8_t shift_y;

  /// Bytes of one row's pixels, without the padding up to the stride.
  [[nodiscard]] constexpr std::uint32_t row_bytes(std::uint32_t width,
                                                  std::uint32_t plane) const noexcept {
    const bool chroma = plane == 1 || plane == 2;
    return chroma ? round_up_shift(width, shift_x) * chroma_bytes : width * bytes;
  }
  [[nodiscard]] constexpr std::uint32_t rows(std::uint32_t height,
                                             std::uint32_t plane) const noexcept {
    return plane == 1 || plane == 2 ? round_up_shift(height, shift_y) : height;
  }

 private:
  static constexpr std::uint32_t round_up_shift(std::uint32_t n, std::uint8_t shift) noexcept {
    return (n + (1U << shift) - 1U) >> shift;
  }
};

inline constexpr std::array kPixelLayouts = {
    PixelLayout{"gray", 1, 1, 0, 0, 0},        PixelLayout{"gray10le", 1, 2, 0, 0, 0},
    PixelLayout{"gray12le", 1, 2, 0, 0, 0},    PixelLayout{"gray16le", 1, 2, 0, 0, 0},
    PixelLayout{"grayf32le", 1, 4, 0, 0, 0},   PixelLayout{"rgb24", 1, 3, 0, 0, 0},
    PixelLayout{"bgr24", 1, 3, 0, 0, 0},       PixelLayout{"rgba", 1, 4, 0, 0, 0},
    PixelLayout{"bgra", 1, 4, 0, 0, 0},        PixelLayout{"argb", 1, 4, 0, 0, 0},
    PixelLayout{"abgr", 1, 4, 0, 0, 0},        PixelLayout{"rgb0", 1, 4, 0, 0, 0},
    PixelLayout{"bgr0", 1, 4, 0, 0, 0},        PixelLayout{"0rgb", 1, 4, 0, 0, 0},
    PixelLayout{"0bgr", 1, 4, 0, 0, 0},        PixelLayout{"rgb48le", 1, 6, 0, 0, 0},
    PixelLayout{"bgr48le", 1, 6, 0, 0, 0},     PixelLayout{"rgba64le", 1, 8, 0, 0, 0},
    PixelLayout{"yuyv422", 1, 2, 0, 0, 0},     PixelLayout{"uyvy422", 1, 2, 0, 0, 0},
    PixelLayout{"nv12", 2, 1, 2, 1, 1},        PixelLayout{"nv21", 2, 1, 2, 1, 1},
    PixelLayout{"nv16", 2, 1, 2, 1, 0},        PixelLayout{"p010le", 2, 2, 4, 1, 1},
    PixelLayout{"yuv420p", 3, 1, 1, 1, 1},     PixelLayout{"yuvj420p", 3, 1, 1, 1, 1},
    PixelLayout{"yuv422p", 3, 1, 1, 1, 0},     PixelLayout{"yuvj422p", 3, 1, 1, 1, 0},
    PixelLayout{"yuv444p", 3, 1, 1, 0, 0},     PixelLayout{"yuvj444p", 3, 1, 1, 0, 0},
    PixelLayout{"yuv411p", 3, 1, 1, 2, 0},     PixelLayout{"yuv410p", 3, 1, 1, 2, 2},
    PixelLayout{"yuv440p", 3, 1, 1, 0, 1},     PixelLayout{"gbrp", 3, 1, 1, 0, 0},
    PixelLayout{"yuv420p10le", 3, 2, 2, 1, 1}, PixelLayout{"yuv422p10le", 3, 2, 2, 1, 0},
    PixelLayout{"yuv444p10le", 3, 2, 2, 0, 0}, PixelLayout{"yuv420p12le", 3, 2, 2, 1, 1},
    PixelLayout{"yuv422p12le", 3, 2, 2, 1, 0}, PixelLayout{"yuv444p12le", 3, 2, 2, 0, 0},
    PixelLayout{"yuv420p16le", 3, 2, 2, 1, 1}, PixelLayout{"yuv422p16le", 3, 2, 2, 1, 0},
    PixelLayout{"yuv444p16le", 3, 2, 2, 0, 0}, PixelLayout{"gbrp10le", 3, 2, 2, 0, 0},
    PixelLayout{"gbrp12le", 3, 2, 2, 0, 0},    PixelLayout{"gbrp16le", 3, 2, 2, 0, 0},
    PixelLayout{"yuva420p", 4, 1, 1, 1, 1},    PixelLayout{"yuva422p", 4, 1, 1, 1, 0},
    PixelLayout{"yuva444p", 4, 1, 1, 0, 0},    PixelLayout{"gbrap", 4, 1, 1, 0, 0},
};

/// Thread: any      RT-safe: yes (a walk over some fifty names)
/// Returns: empty for a format that is not in the table
[[nodiscard]] constexpr std::optional<PixelLayout> find_pixel_layout(
    std::string_view pixel_format) noexcept {
  for (const PixelLayout& layout : kPixelLayouts) {
    if (layout.name == pixel_format) {
      return layout;
    }
  }
  return std::nullopt;
}

}  // namespace avrig
