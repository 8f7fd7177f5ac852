// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "samples.hpp"
#include <avrig/media/formats.hpp>
#include <avrig/media/media_frame.hpp>

extern "C" {
#include <libavutil/common.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/mathematics.h>
#include <libavutil/pixdesc.h>
}

namespace avrig::media {

MediaFrame::MediaFrame() : frame_(make_frame()) {}

bool MediaFrame::empty() const noexcept {
  return frame_ == nullptr || frame_->buf[0] == nullptr;
}

void MediaFrame::reset() noexcept {
  if (frame_) {
    av_frame_unref(frame_.get());
  }
  cookie_.reset();
}

std::uint32_t MediaFrame::media() const noexcept {
  if (empty()) {
    return AVRIG_MEDIA_NONE;
  }
  return frame_->width > 0 ? AVRIG_MEDIA_VIDEO : AVRIG_MEDIA_AUDIO;
}

avrig_format MediaFrame::format() const noexcept {
  return to_avrig_format(*frame_);
}

std::optional<std::int64_t> MediaFrame::pts() const noexcept {
  if (frame_->pts == AV_NOPTS_VALUE) {
    return std::nullopt;
  }
  return frame_->pts;
}

std::optional<std::int64_t> MediaFrame::pts_ns() const noexcept {
  if (frame_->pts == AV_NOPTS_VALUE) {
    return std::nullopt;
  }
  return av_rescale_q(frame_->pts, time_base_, kNanoseconds);
}

std::int64_t MediaFrame::duration_ns() const noexcept {
  if (media() == AVRIG_MEDIA_AUDIO && frame_->sample_rate > 0) {
    return av_rescale(frame_->nb_samples, 1'000'000'000, frame_->sample_rate);
  }
  return av_rescale_q(frame_->pkt_duration, time_base_, kNanoseconds);
}

bool MediaFrame::key() const noexcept {
  return frame_->key_frame != 0;
}

bool MediaFrame::corrupt() const noexcept {
  return (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame_->decode_error_flags != 0;
}

void MediaFrame::bind(avrig_frame& frame) const noexcept {
  frame.planes = 0;
  if (media() != AVRIG_MEDIA_VIDEO) {
    return;
  }
  const AVPixFmtDescriptor* pixels =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame_->format));
  for (std::uint32_t i = 0; i < AVRIG_MAX_PLANES && frame_->data[i] != nullptr; ++i) {
    const bool chroma = i == 1 || i == 2;
    const bool palette = i == 1 && (pixels->flags & AV_PIX_FMT_FLAG_PAL) != 0;
    const int rows =
        palette ? 1 : AV_CEIL_RSHIFT(frame_->height, chroma ? pixels->log2_chroma_h : 0);
    const auto stride = static_cast<std::uint32_t>(palette ? 1024 : frame_->linesize[i]);
    frame.plane[i] = {frame_->data[i],
                      std::uint64_t{stride} * static_cast<std::uint32_t>(rows),
                      stride,
                      static_cast<std::uint32_t>(rows)};
    frame.planes = i + 1;
  }
}

void MediaFrame::copy_picture(const FrameLayout& layout, void* buffer) const noexcept {
  std::uint8_t* data[4] = {};
  int strides[4] = {};
  for (std::uint32_t i = 0; i < layout.planes; ++i) {
    data[i] = static_cast<std::uint8_t*>(buffer) + layout.plane[i].offset_bytes;
    strides[i] = static_cast<int>(layout.plane[i].stride_bytes);
  }
  const std::uint8_t* from[4] = {
      frame_->data[0], frame_->data[1], frame_->data[2], frame_->data[3]};
  av_image_copy(data,
                strides,
                from,
                frame_->linesize,
                static_cast<AVPixelFormat>(frame_->format),
                frame_->width,
                frame_->height);
}

std::uint32_t MediaFrame::samples() const noexcept {
  return static_cast<std::uint32_t>(frame_->nb_samples);
}

std::uint32_t MediaFrame::channels() const noexcept {
  return static_cast<std::uint32_t>(frame_->ch_layout.nb_channels);
}

void MediaFrame::copy_samples(std::uint32_t first,
                              std::uint32_t count,
                              float* rows,
                              std::size_t stride_bytes) const noexcept {
  samples_to_planar_float(*frame_, first, count, rows, stride_bytes);
}

}  // namespace avrig::media
