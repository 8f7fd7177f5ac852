// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <string>

namespace avrig::demo_clip {

struct ClipOptions {
  std::string path = {};  ///< its ending says the container
  double seconds = 10.0;
  std::uint32_t width = 640;
  std::uint32_t height = 360;
  std::uint32_t rate_num = 30;
  std::uint32_t rate_den = 1;
  std::uint32_t sample_rate_hz = 48000;
  std::string voice = {};        ///< a sound file that is laid under the beeps; "" = none
  std::string video_codec = {};  ///< FFmpeg's name; "" = libx264
  std::string audio_codec = {};  ///< "" = aac in mp4 and mov, else flac
  bool beeps = true;
  /// Faults for the probe to find.
  double sound_late_ms = 0.0;      ///< of the beeps
  std::int64_t lost_picture = -1;  ///< this one is left out
};

/// Write the clip that avrig shows itself with: a moving picture with the marks of
/// avrig/marks/mark.hpp, flashes at flash_schedule(), a beep in the very sample of each flash, over
/// a voice and a little noise. The same options give the same bytes.
///
/// Throws Error(Open): the file exists, or cannot be written; the voice cannot be read; the picture
/// has no room for the marks.
void write_clip(const ClipOptions& options);

}  // namespace avrig::demo_clip
