// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/types.h>

namespace avrig::display_writer {

/// Where pictures are shown: taken over first, so that none lies in its maker's buffer for as long
/// as a window may take.
///
/// Thread: the stage's
class PictureTarget {
 public:
  PictureTarget() = default;
  PictureTarget(const PictureTarget&) = delete;
  PictureTarget& operator=(const PictureTarget&) = delete;
  virtual ~PictureTarget() = default;

  /// Copy it to the target's own surface.
  virtual void take(const avrig_frame& frame) = 0;
  /// Show what was taken last, now. Throws Error(Open) when the target is gone.
  virtual void show() = 0;
};

}  // namespace avrig::display_writer
