// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "painter.hpp"

#include <avrig/error.hpp>
#include <avrig/marks/mark.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace avrig::demo_clip {

namespace {

std::uint8_t* row_of(const avrig_plane& plane, std::uint32_t y) {
  return static_cast<std::uint8_t*>(plane.data) + std::size_t{y} * plane.stride_bytes;
}

}  // namespace

Painter::Painter(const avrig_format& format)
    : format_(format), layout_(media::FrameLayout::of(format)) {
  const marks::Rect patch = marks::flash_patch(format.width, format.height);
  const auto mark = marks::mark_place(format.width, format.height, "top-left");
  const bool apart =
      mark && (patch.x >= mark->x + marks::kMarkWidth || patch.y >= mark->y + marks::kMarkHeight);
  if (!apart || format.width % 2 != 0 || format.height % 2 != 0) {
    throw Error(ErrorCode::Open,
                "a clip of " + std::to_string(format.width) + "x" + std::to_string(format.height) +
                    " has no room for its marks: take even sizes from 256x96 on");
  }
  background_.resize(layout_.total_bytes);
  picture_.resize(layout_.total_bytes);
  frame_.struct_size = sizeof frame_;
  frame_.media = AVRIG_MEDIA_VIDEO;
  layout_.bind(frame_, background_.data());
  paint_background();
  layout_.bind(frame_, picture_.data());
}

/// A slow gradient in all three planes: what blurs or bends colours shows on it.
void Painter::paint_background() {
  for (std::uint32_t p = 0; p < 3; ++p) {
    const std::uint32_t width = p == 0 ? format_.width : format_.width / 2;
    for (std::uint32_t y = 0; y < frame_.plane[p].rows; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        const std::uint32_t across = 100 * x / width;
        const std::uint32_t down = 100 * y / frame_.plane[p].rows;
        const std::uint32_t level = p == 0   ? 50 + (across + down) / 2
                                    : p == 1 ? 90 + down / 2
                                             : 150 - across / 2;
        row_of(frame_.plane[p], y)[x] = static_cast<std::uint8_t>(level);
      }
    }
  }
}

/// In plane coordinates of each plane; two-pixel soft edge in luma.
void Painter::paint_disc(double x, double y, double radius) {
  for (std::uint32_t p = 0; p < 3; ++p) {
    const double scale = p == 0 ? 1.0 : 0.5;
    const double r = radius * scale;
    const auto first = static_cast<std::uint32_t>(std::max(0.0, y * scale - r));
    const auto last = std::min(static_cast<std::uint32_t>(y * scale + r + 1), frame_.plane[p].rows);
    const auto left = static_cast<std::uint32_t>(std::max(0.0, x * scale - r));
    const auto right = std::min(static_cast<std::uint32_t>(x * scale + r + 1),
                                p == 0 ? format_.width : format_.width / 2);
    const int level = p == 0 ? 190 : p == 1 ? 60 : 170;
    for (std::uint32_t j = first; j < last; ++j) {
      for (std::uint32_t i = left; i < right; ++i) {
        const double inside = r - std::hypot(i - x * scale, j - y * scale);
        const double cover = std::clamp(0.5 * inside, 0.0, 1.0);
        std::uint8_t& pixel = row_of(frame_.plane[p], j)[i];
        pixel = static_cast<std::uint8_t>(std::lround(pixel + cover * (level - pixel)));
      }
    }
  }
}

const avrig_frame& Painter::paint(std::int64_t number, std::int64_t time_ns, bool flash) {
  std::ranges::copy(background_, picture_.begin());
  const double turn = 2 * std::numbers::pi * static_cast<double>(time_ns) * 1e-9;
  paint_disc(format_.width * (0.5 + 0.35 * std::sin(turn / 4)),
             format_.height * (0.55 + 0.25 * std::cos(turn / 3)),
             format_.height / 10.0);
  const marks::Canvas canvas(frame_, format_);
  canvas.fill(marks::flash_patch(format_.width, format_.height), flash);
  marks::draw_mark(canvas,
                   marks::mark_place(format_.width, format_.height, "top-left").value(),
                   static_cast<std::uint16_t>(number),
                   time_ns);
  frame_.index = number;
  frame_.capture_ns = time_ns;
  return frame_;
}

}  // namespace avrig::demo_clip
