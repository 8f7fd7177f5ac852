// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <map>
#include <memory>
#include <string>

extern "C" {
#include <libavutil/rational.h>
}

struct AVCodecContext;
struct AVCodecParameters;
struct AVFormatContext;
struct AVFrame;
struct AVPacket;
struct SwrContext;
struct SwsContext;

namespace avrig::media {

/// FFmpeg's own option names and values, as its command line takes them without the dash.
using Options = std::map<std::string, std::string>;

/// The time base of everything that avrig itself stamps: nanoseconds.
inline constexpr AVRational kNanoseconds{1, 1'000'000'000};

struct FrameFree {
  void operator()(AVFrame* frame) const noexcept;
};
struct PacketFree {
  void operator()(AVPacket* packet) const noexcept;
};
struct CodecContextFree {
  void operator()(AVCodecContext* context) const noexcept;
};
struct CodecParametersFree {
  void operator()(AVCodecParameters* parameters) const noexcept;
};

using FramePtr = std::unique_ptr<AVFrame, FrameFree>;
using PacketPtr = std::unique_ptr<AVPacket, PacketFree>;
using CodecContextPtr = std::unique_ptr<AVCodecContext, CodecContextFree>;
using CodecParametersPtr = std::unique_ptr<AVCodecParameters, CodecParametersFree>;

/// An empty AVFrame; throws std::bad_alloc.
[[nodiscard]] FramePtr make_frame();

/// FFmpeg's words for one of its error numbers.
[[nodiscard]] std::string error_text(int ffmpeg_error);

/// How much FFmpeg itself may print on stderr. avrig's own messages say what matters, so programs
/// call this once with Silent; Verbose helps when a codec misbehaves.
enum class FfmpegLog { Silent, Errors, Verbose };
void set_ffmpeg_log(FfmpegLog level) noexcept;

}  // namespace avrig::media
