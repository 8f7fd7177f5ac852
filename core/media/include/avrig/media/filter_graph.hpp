// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/handles.hpp>
#include <avrig/media/media_frame.hpp>
#include <avrig/types.h>

#include <cstdint>
#include <memory>
#include <string>

namespace avrig::media {

struct FilterGraphOptions {
  std::string filters;               ///< as for ffmpeg's -vf or -af: "hue=s=0,scale=640:-2"
  avrig_format input{};              ///< pictures, or planar float32
  std::string pixel_format;          ///< wanted out; "" = the input's, where the chain allows it
  std::uint32_t sample_rate_hz = 0;  ///< wanted out; 0 = what the chain gives
  int threads = 1;
};

enum class FilterStatus {
  Ok,
  Again,  ///< pull: push more
  End,    ///< pull: all is out
  Failed  ///< error()
};

/// An FFmpeg filter chain with one input and one output, audio or video.
///
/// Link avrig::media_filter for it: libavfilter brings many libraries, so nothing else does.
///
/// Thread: one at a time
class FilterGraph {
 public:
  /// Throws Error(Open): no such filter, bad options, more than one input or output, a chain that
  /// turns one medium into the other.
  explicit FilterGraph(FilterGraphOptions options);
  FilterGraph(FilterGraph&&) noexcept;
  FilterGraph& operator=(FilterGraph&&) noexcept;
  ~FilterGraph();

  /// Of the frames that come out, known before the first. Audio is planar float32, its
  /// block_samples the input's (a chain may give longer runs: read MediaFrame::samples()).
  [[nodiscard]] const avrig_format& output() const noexcept;

  /// One picture or block; copied, as filters keep references.
  [[nodiscard]] FilterStatus push(const avrig_frame& frame,
                                  std::int64_t pts_ns,
                                  std::int64_t duration_ns = 0);
  /// No more input: pull() until End.
  [[nodiscard]] FilterStatus finish();
  [[nodiscard]] FilterStatus pull(MediaFrame& frame);
  /// As new; what was inside is dropped. Throws as the constructor.
  void reset();

  /// Set one of a filter's options while it runs; `target` is a filter's name, or "all" for the
  /// first that knows the option. false: none does.
  [[nodiscard]] bool command(const std::string& target,
                             const std::string& name,
                             const std::string& value);

  /// Measured: how far the newest output was behind the newest input when it came, in ns.
  [[nodiscard]] std::int64_t delay_ns() const noexcept;
  [[nodiscard]] const std::string& error() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::media
