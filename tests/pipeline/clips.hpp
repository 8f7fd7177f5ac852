// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "rig.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace avrig::e2e {

/// A demo clip of a test; the same options give the same bytes.
struct ClipWish {
  std::string name = "clip.mkv";
  double seconds = 1.0;
  std::string audio_codec = "pcm_s16le";
  std::string video_codec = "ffv1";
  std::uint32_t width = 320;
  std::uint32_t height = 240;
};

/// Make it in the rig's folder; returns its path.
std::string make_clip(const Rig& rig, const ClipWish& wish = {});

struct Picture {
  std::int64_t pts_ns = 0;
  std::uint64_t hash = 0;
};

/// A decoded media file.
struct Content {
  std::vector<Picture> pictures;
  std::vector<std::vector<float>> sound;  ///< by channel
  std::int64_t sound_ns = INT64_MIN;      ///< of the first sample
  std::vector<std::int64_t> block_ns;     ///< of each block of sound

  [[nodiscard]] std::size_t samples() const { return sound.empty() ? 0 : sound.front().size(); }
};

[[nodiscard]] Content decode(const std::string& path);

/// The same pictures at the same times (to 1 us), the same samples from the same time.
void check_same(const Content& got, const Content& expected);

/// What the probe says about a recording of the demo clip.
struct Probed {
  std::uint64_t read = 0;
  std::uint64_t missing = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t pairs = 0;
  double offset_min_ms = 0;
  double offset_max_ms = 0;
};
[[nodiscard]] Probed probe(const std::string& path);

}  // namespace avrig::e2e
