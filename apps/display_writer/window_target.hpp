// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "picture_target.hpp"
#include <avrig/media/frame_layout.hpp>
#include <avrig/media/picture_converter.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace avrig::display_writer {

/// A window through OpenCV, where there is a display.
class WindowTarget final : public PictureTarget {
 public:
  /// Throws Error(Open): no display, or this build has no window.
  WindowTarget(std::string title, const avrig_format& format);
  void take(const avrig_frame& frame) override;
  void show() override;

  /// Is there a display to open a window on?
  [[nodiscard]] static bool has_display() noexcept;

 private:
  using Show = int (*)(const char*, int, int, void*, unsigned long);

  std::string title_;
  avrig_format bgr_;
  media::FrameLayout layout_;
  media::PictureConverter converter_;
  std::vector<std::byte> picture_;
  Show show_ = nullptr;
};

}  // namespace avrig::display_writer
