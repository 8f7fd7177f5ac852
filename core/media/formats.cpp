// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/media/formats.hpp>

#include <algorithm>
#include <cstring>

extern "C" {
#include <libavcodec/codec_par.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
}

namespace avrig::media {
namespace {

void set_pixel_format(avrig_format& format, std::string_view name) noexcept {
  const std::size_t length = std::min(name.size(), sizeof format.pixel_format - 1);
  std::memset(format.pixel_format, 0, sizeof format.pixel_format);
  std::memcpy(format.pixel_format, name.data(), length);
}

std::uint64_t mask_of(const AVChannelLayout& layout) noexcept {
  return layout.order == AV_CHANNEL_ORDER_NATIVE ? layout.u.mask : 0;
}

void set_aspect(avrig_format& format, AVRational aspect) noexcept {
  if (aspect.num > 0 && aspect.den > 0) {
    format.sample_aspect_num = static_cast<std::uint32_t>(aspect.num);
    format.sample_aspect_den = static_cast<std::uint32_t>(aspect.den);
  }
}

}  // namespace

avrig_format empty_format() noexcept {
  avrig_format format{};
  format.struct_size = sizeof format;
  return format;
}

avrig_format video_format(std::string_view pixel_format,
                          std::uint32_t width,
                          std::uint32_t height) noexcept {
  avrig_format format = empty_format();
  format.media = AVRIG_MEDIA_VIDEO;
  format.width = width;
  format.height = height;
  set_pixel_format(format, pixel_format);
  format.color_space = AVCOL_SPC_UNSPECIFIED;
  format.color_primaries = AVCOL_PRI_UNSPECIFIED;
  format.color_transfer = AVCOL_TRC_UNSPECIFIED;
  return format;
}

avrig_format audio_format(std::uint32_t sample_rate_hz,
                          std::uint32_t channels,
                          std::uint32_t block_samples) noexcept {
  avrig_format format = empty_format();
  format.media = AVRIG_MEDIA_AUDIO;
  format.sample_rate_hz = sample_rate_hz;
  format.channels = channels;
  format.block_samples = block_samples;
  AVChannelLayout layout{};
  av_channel_layout_default(&layout, static_cast<int>(channels));
  format.channel_mask = mask_of(layout);
  av_channel_layout_uninit(&layout);
  return format;
}

avrig_format to_avrig_format(const AVCodecParameters& parameters) noexcept {
  if (parameters.codec_type == AVMEDIA_TYPE_AUDIO) {
    const int channels = std::max(parameters.ch_layout.nb_channels, 0);
    avrig_format format =
        audio_format(static_cast<std::uint32_t>(std::max(parameters.sample_rate, 0)),
                     static_cast<std::uint32_t>(channels),
                     0);
    format.channel_mask = mask_of(parameters.ch_layout);
    return format;
  }
  if (parameters.codec_type != AVMEDIA_TYPE_VIDEO) {
    return empty_format();
  }
  avrig_format format = video_format(pixel_format_name(parameters.format),
                                     static_cast<std::uint32_t>(std::max(parameters.width, 0)),
                                     static_cast<std::uint32_t>(std::max(parameters.height, 0)));
  set_aspect(format, parameters.sample_aspect_ratio);
  format.color_range = parameters.color_range;
  format.color_space = parameters.color_space;
  format.color_primaries = parameters.color_primaries;
  format.color_transfer = parameters.color_trc;
  return format;
}

avrig_format to_avrig_format(const AVFrame& frame) noexcept {
  if (frame.width == 0) {
    avrig_format format =
        audio_format(static_cast<std::uint32_t>(std::max(frame.sample_rate, 0)),
                     static_cast<std::uint32_t>(std::max(frame.ch_layout.nb_channels, 0)),
                     static_cast<std::uint32_t>(std::max(frame.nb_samples, 0)));
    format.channel_mask = mask_of(frame.ch_layout);
    return format;
  }
  avrig_format format = video_format(pixel_format_name(frame.format),
                                     static_cast<std::uint32_t>(frame.width),
                                     static_cast<std::uint32_t>(frame.height));
  set_aspect(format, frame.sample_aspect_ratio);
  format.color_range = frame.color_range;
  format.color_space = frame.colorspace;
  format.color_primaries = frame.color_primaries;
  format.color_transfer = frame.color_trc;
  return format;
}

bool same_layout(const avrig_format& a, const avrig_format& b) noexcept {
  if (a.media != b.media) {
    return false;
  }
  if (a.media == AVRIG_MEDIA_AUDIO) {
    return a.channels == b.channels && a.sample_rate_hz == b.sample_rate_hz;
  }
  return a.width == b.width && a.height == b.height &&
         std::strncmp(a.pixel_format, b.pixel_format, sizeof a.pixel_format) == 0;
}

int pixel_format_number(std::string_view name) noexcept {
  char text[sizeof(avrig_format::pixel_format) * 2] = {};
  std::memcpy(text, name.data(), std::min(name.size(), sizeof text - 1));
  return av_get_pix_fmt(text);
}

std::string pixel_format_name(int number) {
  const char* name = av_get_pix_fmt_name(static_cast<AVPixelFormat>(number));
  return name == nullptr ? std::string() : std::string(name);
}

std::string describe(const avrig_format& format) {
  if (format.media == AVRIG_MEDIA_AUDIO) {
    return "audio " + std::to_string(format.sample_rate_hz) + " Hz " +
           std::to_string(format.channels) + " ch";
  }
  if (format.media != AVRIG_MEDIA_VIDEO) {
    return "neither audio nor video";
  }
  std::string text = "video " + std::to_string(format.width) + "x" + std::to_string(format.height) +
                     " " + format.pixel_format;
  if (format.frame_rate_num != 0 && format.frame_rate_den != 0) {
    text +=
        " " + std::to_string(format.frame_rate_num) + "/" + std::to_string(format.frame_rate_den);
  }
  return text;
}

}  // namespace avrig::media
