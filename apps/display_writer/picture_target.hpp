// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/types.h>

namespace avrig::display_writer {

/// Where pictures are shown.
///
/// Thread: the stage's
class PictureTarget {
 public:
  PictureTarget() = default;
  PictureTarget(const PictureTarget&) = delete;
  PictureTarget& operator=(const PictureTarget&) = delete;
  virtual ~PictureTarget() = default;

  /// Show it now. Throws Error(Open) when the target is gone.
  virtual void show(const avrig_frame& frame) = 0;
};

}  // namespace avrig::display_writer
