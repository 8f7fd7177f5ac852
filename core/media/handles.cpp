// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/media/handles.hpp>

#include <new>

extern "C" {
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
}

namespace avrig::media {

void FrameFree::operator()(AVFrame* frame) const noexcept {
  av_frame_free(&frame);
}

FramePtr make_frame() {
  FramePtr frame(av_frame_alloc());
  if (!frame) {
    throw std::bad_alloc();
  }
  return frame;
}

std::string error_text(int ffmpeg_error) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(ffmpeg_error, text, sizeof text);
  return text;
}

void set_ffmpeg_log(FfmpegLog level) noexcept {
  switch (level) {
    case FfmpegLog::Silent:
      return av_log_set_level(AV_LOG_QUIET);
    case FfmpegLog::Errors:
      return av_log_set_level(AV_LOG_ERROR);
    case FfmpegLog::Verbose:
      return av_log_set_level(AV_LOG_VERBOSE);
  }
}

}  // namespace avrig::media
