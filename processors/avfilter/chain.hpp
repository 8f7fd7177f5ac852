// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace avrig::avfilter {

/// The names of the filters in a chain as ffmpeg's -vf and -af take it:
/// "hflip,eq=contrast=1.2" gives hflip, eq.
[[nodiscard]] std::vector<std::string> filter_names(std::string_view chain);

/// What the chain works on, AVRIG_MEDIA_AUDIO or AVRIG_MEDIA_VIDEO, by its first filter.
/// Throws std::invalid_argument naming a filter that this FFmpeg does not have.
[[nodiscard]] std::uint32_t medium_of(std::string_view chain);

/// While it lives, what FFmpeg would print about errors is kept instead.
///
/// Thread: one at a time in a process
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  /// The lines so far, joined; empty when there are none.
  [[nodiscard]] static std::string text();
};

}  // namespace avrig::avfilter
