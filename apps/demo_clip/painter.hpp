// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/frame_layout.hpp>
#include <avrig/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace avrig::demo_clip {

/// Paints the clip's pictures, yuv420p.
class Painter {
 public:
  /// Throws Error(Open) when the picture has no room for the marks.
  explicit Painter(const avrig_format& format);

  /// Picture `number`, shown at `time_ns`; valid until the next call.
  [[nodiscard]] const avrig_frame& paint(std::int64_t number, std::int64_t time_ns, bool flash);

 private:
  void paint_background();
  void paint_disc(double x, double y, double radius);

  avrig_format format_;
  std::vector<std::byte> background_;
  std::vector<std::byte> picture_;
  media::FrameLayout layout_;
  avrig_frame frame_{};
};

}  // namespace avrig::demo_clip
