// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "samples.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

extern "C" {
#include <libavutil/frame.h>
#include <libavutil/samplefmt.h>
}

namespace avrig::media {
namespace {

/// Where a channel's samples lie, and how far apart, in samples of type T.
template <typename T>
struct Track {
  T* data;
  std::size_t step;
};

template <typename T, typename Frame>
Track<T> track_of(Frame& frame, int channel, std::uint32_t first) noexcept {
  const auto channels = static_cast<std::size_t>(frame.ch_layout.nb_channels);
  if (av_sample_fmt_is_planar(static_cast<AVSampleFormat>(frame.format)) != 0) {
    return {reinterpret_cast<T*>(frame.extended_data[channel]) + first, 1};
  }
  return {reinterpret_cast<T*>(frame.extended_data[0]) + first * channels +
              static_cast<std::size_t>(channel),
          channels};
}

template <typename T, typename Map>
void read_track(const AVFrame& frame,
                int channel,
                std::uint32_t first,
                std::uint32_t count,
                float* out,
                Map map) noexcept {
  const auto track = track_of<const T>(frame, channel, first);
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = map(track.data[i * track.step]);
  }
}

template <typename T, typename Map>
void write_track(AVFrame& frame,
                 int channel,
                 std::uint32_t at,
                 std::uint32_t count,
                 const float* in,
                 Map map) noexcept {
  const auto track = track_of<T>(frame, channel, at);
  for (std::size_t i = 0; i < count; ++i) {
    track.data[i * track.step] = map(in[i]);
  }
}

void read_channel(const AVFrame& frame,
                  int channel,
                  std::uint32_t first,
                  std::uint32_t count,
                  float* out) noexcept {
  switch (av_get_packed_sample_fmt(static_cast<AVSampleFormat>(frame.format))) {
    case AV_SAMPLE_FMT_U8:
      return read_track<std::uint8_t>(frame, channel, first, count, out, [](std::uint8_t x) {
        return static_cast<float>(int{x} - 128) * (1.0F / 128.0F);
      });
    case AV_SAMPLE_FMT_S16:
      return read_track<std::int16_t>(frame, channel, first, count, out, [](std::int16_t x) {
        return static_cast<float>(x) * (1.0F / 32768.0F);
      });
    case AV_SAMPLE_FMT_S32:
      return read_track<std::int32_t>(frame, channel, first, count, out, [](std::int32_t x) {
        return static_cast<float>(x) * (1.0F / 2147483648.0F);
      });
    case AV_SAMPLE_FMT_S64:
      return read_track<std::int64_t>(frame, channel, first, count, out, [](std::int64_t x) {
        return static_cast<float>(static_cast<double>(x) * (1.0 / 9223372036854775808.0));
      });
    case AV_SAMPLE_FMT_DBL:
      return read_track<double>(
          frame, channel, first, count, out, [](double x) { return static_cast<float>(x); });
    case AV_SAMPLE_FMT_FLT:
      return read_track<float>(frame, channel, first, count, out, [](float x) { return x; });
    default:
      std::memset(out, 0, count * sizeof(float));
  }
}

std::int64_t scaled(float x, double full_scale) noexcept {
  const double wanted = static_cast<double>(x) * full_scale;
  if (!(wanted >
        -full_scale)) {  // also NaN, which becomes the lowest value, as any clip must go somewhere
    return std::isnan(wanted) ? 0 : static_cast<std::int64_t>(-full_scale);
  }
  return static_cast<std::int64_t>(std::llrint(std::min(wanted, full_scale - 1.0)));
}

void write_channel(AVFrame& frame,
                   int channel,
                   std::uint32_t at,
                   std::uint32_t count,
                   int bits,
                   const float* in) noexcept {
  switch (av_get_packed_sample_fmt(static_cast<AVSampleFormat>(frame.format))) {
    case AV_SAMPLE_FMT_U8:
      return write_track<std::uint8_t>(frame, channel, at, count, in, [](float x) {
        return static_cast<std::uint8_t>(scaled(x, 128.0) + 128);
      });
    case AV_SAMPLE_FMT_S16:
      return write_track<std::int16_t>(frame, channel, at, count, in, [](float x) {
        return static_cast<std::int16_t>(scaled(x, 32768.0));
      });
    case AV_SAMPLE_FMT_S32:
      return write_track<std::int32_t>(frame, channel, at, count, in, [bits](float x) {
        if (bits == 24) {
          return static_cast<std::int32_t>(scaled(x, 8388608.0) * 256);
        }
        return static_cast<std::int32_t>(scaled(x, 2147483648.0));
      });
    case AV_SAMPLE_FMT_DBL:
      return write_track<double>(
          frame, channel, at, count, in, [](float x) { return static_cast<double>(x); });
    case AV_SAMPLE_FMT_FLT:
      return write_track<float>(frame, channel, at, count, in, [](float x) { return x; });
    default:
      return;
  }
}

}  // namespace

void samples_to_planar_float(const AVFrame& frame,
                             std::uint32_t first,
                             std::uint32_t count,
                             float* rows,
                             std::size_t stride_bytes) noexcept {
  for (int c = 0; c < frame.ch_layout.nb_channels; ++c) {
    auto* out = reinterpret_cast<float*>(reinterpret_cast<std::uint8_t*>(rows) +
                                         static_cast<std::size_t>(c) * stride_bytes);
    if (frame.format == AV_SAMPLE_FMT_FLTP) {
      std::memcpy(out,
                  reinterpret_cast<const float*>(frame.extended_data[c]) + first,
                  count * sizeof(float));
    } else {
      read_channel(frame, c, first, count, out);
    }
  }
}

void planar_float_to_samples(const float* rows,
                             std::size_t stride_bytes,
                             std::uint32_t count,
                             int bits,
                             AVFrame& frame,
                             std::uint32_t at) noexcept {
  for (int c = 0; c < frame.ch_layout.nb_channels; ++c) {
    const auto* in = reinterpret_cast<const float*>(reinterpret_cast<const std::uint8_t*>(rows) +
                                                    static_cast<std::size_t>(c) * stride_bytes);
    write_channel(frame, c, at, count, bits, in);
  }
}

}  // namespace avrig::media
