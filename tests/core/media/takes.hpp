// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "clips.hpp"
#include <avrig/media/encoder.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/muxer.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace avrig::media::testing {

struct TakeSettings {
  std::string picture_codec = "ffv1";
  Options picture_options;
  std::string pixel_format = "yuv420p";
  std::string sound_codec = "pcm_s16le";
  int sound_bits = 16;  // 0 = any float
  double seconds = 1.0;
  std::int64_t start_ns = 1'234'567'000;
  bool bitexact = false;
  std::uint32_t sound_rate_hz = 48'000;
  std::uint32_t block_samples = 480;
};

/// Pictures and samples made from a seed, with their times: a variable frame rate, a start that is
/// on nobody's grid.
struct Take {
  avrig_format picture_format{};
  avrig_format sound_format{};
  std::vector<std::vector<std::uint8_t>> pictures;
  std::vector<std::int64_t> picture_ns;
  std::vector<std::uint64_t> hashes;
  std::vector<std::vector<float>> sound;
  std::int64_t sound_ns = 0;
};

inline Take make_take(const TakeSettings& settings) {
  Take take;
  std::mt19937 random(7);
  take.picture_format = video_format(settings.pixel_format, 176, 144);
  take.picture_format.frame_rate_num = 30;
  take.picture_format.frame_rate_den = 1;
  take.sound_format = audio_format(settings.sound_rate_hz, 2, settings.block_samples);
  const FrameLayout layout = FrameLayout::of(take.picture_format);
  const auto pictures = static_cast<std::size_t>(settings.seconds * 30.0);
  std::int64_t at = settings.start_ns;
  for (std::size_t i = 0; i < pictures; ++i) {
    std::vector<std::uint8_t> bytes(layout.total_bytes, 0);
    for (std::uint32_t p = 0; p < layout.planes; ++p) {
      const std::uint32_t width = 176U >> (p > 0 && layout.planes == 3 ? 1U : 0U);
      const std::uint32_t row_bytes = layout.planes == 1 ? 176 * 3 : width;
      for (std::uint32_t y = 0; y < layout.plane[p].rows; ++y) {
        for (std::uint32_t x = 0; x < row_bytes; ++x) {
          bytes[layout.plane[p].offset_bytes + std::size_t{y} * layout.plane[p].stride_bytes + x] =
              static_cast<std::uint8_t>(x * 2 + y * 3 + i * 5 + (random() & 15U));
        }
      }
    }
    take.hashes.push_back(fnv(0xcbf29ce484222325ULL, bytes.data(), bytes.size()));
    take.pictures.push_back(std::move(bytes));
    take.picture_ns.push_back(at);
    at += 30'000'000 + static_cast<std::int64_t>(random() % 7'000'000);
  }
  take.sound_ns = settings.start_ns;
  take.sound.resize(2);
  const auto samples = static_cast<std::size_t>(settings.seconds * settings.sound_rate_hz);
  for (auto& channel : take.sound) {
    for (std::size_t i = 0; i < samples; ++i) {
      const auto word = static_cast<std::int32_t>(random());
      const int shift = 32 - (settings.sound_bits == 0 ? 24 : settings.sound_bits);
      channel.push_back(static_cast<float>(word >> shift) / static_cast<float>(1U << (31 - shift)));
    }
    channel[0] = -1.0F;
  }
  return take;
}

inline EncoderSettings picture_settings(const Take& take, const TakeSettings& settings) {
  EncoderSettings out;
  out.input = take.picture_format;
  out.codec = settings.picture_codec;
  out.options = settings.picture_options;
  out.bitexact = settings.bitexact;
  return out;
}

inline EncoderSettings sound_settings(const Take& take, const TakeSettings& settings) {
  EncoderSettings out;
  out.input = take.sound_format;
  out.codec = settings.sound_codec;
  out.sample_bits = settings.sound_bits;
  out.bitexact = settings.bitexact;
  return out;
}

inline EncodeStatus encode_picture(Encoder& encoder, const Take& take, std::size_t i) {
  avrig_frame frame{};
  frame.media = AVRIG_MEDIA_VIDEO;
  FrameLayout::of(take.picture_format)
      .bind(frame, const_cast<std::uint8_t*>(take.pictures[i].data()));
  return encoder.encode(frame, take.picture_ns[i], 30'000'000);
}

inline EncodeStatus encode_block(
    Encoder& encoder, const Take& take, std::size_t first, std::size_t count, std::int64_t pts_ns) {
  const std::size_t stride = audio_stride_bytes(static_cast<std::uint32_t>(count));
  std::vector<float> rows(stride / 4 * take.sound.size());
  for (std::size_t c = 0; c < take.sound.size(); ++c) {
    std::copy_n(take.sound[c].begin() + static_cast<std::ptrdiff_t>(first),
                count,
                rows.begin() + static_cast<std::ptrdiff_t>(c * stride / 4));
  }
  avrig_frame frame{};
  frame.media = AVRIG_MEDIA_AUDIO;
  frame.samples = static_cast<std::uint32_t>(count);
  frame.planes = 1;
  frame.plane[0] = {rows.data(),
                    rows.size() * 4,
                    static_cast<std::uint32_t>(stride),
                    static_cast<std::uint32_t>(take.sound.size())};
  return encoder.encode(frame, pts_ns);
}

/// Where the first of those samples is in time.
inline std::int64_t sample_ns(const Take& take, std::size_t sample) {
  return take.sound_ns + static_cast<std::int64_t>(std::llround(static_cast<double>(sample) * 1e9 /
                                                                take.sound_format.sample_rate_hz));
}

struct Span {
  std::size_t first_picture = 0;
  std::size_t first_sample = 0;
  std::size_t end_picture = SIZE_MAX;
};

inline void send(Encoder& encoder, Muxer& muxer, int stream) {
  Packet packet;
  while (encoder.receive(packet)) {
    REQUIRE(muxer.write(stream, std::move(packet)) == WriteStatus::Ok);
  }
}

/// Records the take, or the part of it that a writer restarted at `span` would.
inline void record(const Take& take,
                   const TakeSettings& settings,
                   const std::string& path,
                   const Span& span = {},
                   bool finish = true) {
  Encoder pictures(picture_settings(take, settings));
  Encoder sound(sound_settings(take, settings));
  MuxerOptions options;
  options.bitexact = settings.bitexact;
  Muxer muxer(path, options);
  const int p = muxer.add_stream(pictures);
  const int s = muxer.add_stream(sound);
  muxer.begin();
  const std::size_t end = std::min(span.end_picture, take.pictures.size());
  std::size_t sample = span.first_sample;
  for (std::size_t i = span.first_picture; i <= end; ++i) {
    const bool all = i == end && span.end_picture == SIZE_MAX;
    while (sample < take.sound[0].size() &&
           (all || (i < end && sample_ns(take, sample) <= take.picture_ns[i]))) {
      const std::size_t n =
          std::min<std::size_t>(settings.block_samples, take.sound[0].size() - sample);
      REQUIRE(encode_block(sound, take, sample, n, sample_ns(take, sample)) == EncodeStatus::Ok);
      sample += n;
      send(sound, muxer, s);
    }
    if (i < end) {
      REQUIRE(encode_picture(pictures, take, i) == EncodeStatus::Ok);
      send(pictures, muxer, p);
    }
  }
  if (finish) {
    REQUIRE(pictures.finish() == EncodeStatus::Ok);
    REQUIRE(sound.finish() == EncodeStatus::Ok);
    send(pictures, muxer, p);
    send(sound, muxer, s);
    REQUIRE_MESSAGE(muxer.finish() == WriteStatus::Ok, muxer.error());
  }
}

}  // namespace avrig::media::testing
