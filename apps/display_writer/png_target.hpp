// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "picture_target.hpp"
#include <avrig/media/encoder.hpp>
#include <avrig/media/frame_layout.hpp>
#include <avrig/media/picture_converter.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace avrig::display_writer {

/// A PNG file for every n-th picture, named by its number: what a window would have shown.
class PngTarget final : public PictureTarget {
 public:
  /// Creates `folder`. Throws Error(Open).
  PngTarget(std::string folder, const avrig_format& format, std::int64_t every);
  void take(const avrig_frame& frame) override;
  void show() override;

 private:
  std::string folder_;
  std::int64_t every_;
  std::int64_t taken_ = 0;
  std::int64_t index_ = 0;
  bool wanted_ = false;
  avrig_format rgb_;
  media::FrameLayout layout_;
  media::PictureConverter converter_;
  media::Encoder encoder_;
  std::vector<std::byte> picture_;
};

}  // namespace avrig::display_writer
