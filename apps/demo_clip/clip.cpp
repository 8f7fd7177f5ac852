// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clip.hpp"

#include "painter.hpp"
#include "soundtrack.hpp"
#include <avrig/error.hpp>
#include <avrig/marks/schedule.hpp>
#include <avrig/media/encoder.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/frame_layout.hpp>
#include <avrig/media/muxer.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace avrig::demo_clip {

namespace {

constexpr std::uint32_t kChannels = 2;
constexpr std::uint32_t kBlock = 1024;
constexpr std::int64_t kFlashNs = 100'000'000;

media::EncoderSettings picture_settings(const ClipOptions& options) {
  media::EncoderSettings settings;
  settings.input = media::video_format("yuv420p", options.width, options.height);
  settings.input.frame_rate_num = options.rate_num;
  settings.input.frame_rate_den = options.rate_den;
  settings.codec = options.video_codec;
  settings.bitexact = true;
  return settings;
}

media::EncoderSettings sound_settings(const ClipOptions& options) {
  const bool lossy = options.path.ends_with(".mp4") || options.path.ends_with(".mov");
  media::EncoderSettings settings;
  settings.input = media::audio_format(options.sample_rate_hz, kChannels, kBlock);
  settings.codec = !options.audio_codec.empty() ? options.audio_codec : lossy ? "aac" : "flac";
  settings.bitexact = true;
  return settings;
}

media::MuxerOptions muxer_options() {
  media::MuxerOptions options;
  options.bitexact = true;
  return options;
}

/// One file in the making.
class ClipWriter {
 public:
  explicit ClipWriter(const ClipOptions& options)
      : options_(options),
        count_(std::llround(options.seconds * options.rate_num / options.rate_den)),
        flashes_(marks::flash_schedule(count_,
                                       static_cast<double>(options.rate_num) / options.rate_den)),
        sound_(make_sound()),
        painter_(picture_settings(options).input),
        pictures_(picture_settings(options)),
        sounds_(sound_settings(options)),
        muxer_(options.path, muxer_options()) {
    picture_stream_ = muxer_.add_stream(pictures_);
    sound_stream_ = muxer_.add_stream(sounds_);
    muxer_.begin();
  }

  void write() {
    for (std::int64_t n = 0; n < count_; ++n) {
      write_sound_until(picture_ns(n));
      if (n != options_.lost_picture) {
        write_picture(n);
      }
    }
    write_sound_until(INT64_MAX);
    finish(pictures_, picture_stream_);
    finish(sounds_, sound_stream_);
    require(muxer_.finish() == media::WriteStatus::Ok, muxer_.error());
  }

 private:
  void require(bool good, const std::string& why) const {
    if (!good) {
      throw Error(ErrorCode::Open, "cannot write '" + options_.path + "': " + why);
    }
  }

  [[nodiscard]] std::int64_t picture_ns(std::int64_t n) const {
    return n * 1'000'000'000 * options_.rate_den / options_.rate_num;
  }

  [[nodiscard]] std::vector<float> make_sound() const {
    std::vector<double> beeps;
    for (const std::int64_t flash : flashes_) {
      if (options_.beeps) {
        beeps.push_back(static_cast<double>(flash) * options_.rate_den / options_.rate_num +
                        options_.sound_late_ms * 1e-3);
      }
    }
    std::vector<float> voice;
    if (!options_.voice.empty()) {
      voice = read_voice(options_.voice, options_.sample_rate_hz);
    }
    const double length_s = static_cast<double>(count_) * options_.rate_den / options_.rate_num;
    return make_soundtrack(
        static_cast<std::size_t>(std::llround(length_s * options_.sample_rate_hz)),
        options_.sample_rate_hz,
        voice,
        beeps);
  }

  void write_picture(std::int64_t n) {
    const bool flash = std::ranges::any_of(flashes_, [&](std::int64_t first) {
      return n >= first && picture_ns(n) - picture_ns(first) < kFlashNs;
    });
    const avrig_frame& frame = painter_.paint(n, picture_ns(n), flash);
    const auto status = pictures_.encode(frame, picture_ns(n), picture_ns(n + 1) - picture_ns(n));
    require(status == media::EncodeStatus::Ok, pictures_.error());
    send(pictures_, picture_stream_);
  }

  void write_sound_until(std::int64_t time_ns) {
    while (sounded_ < sound_.size() && sound_ns() < time_ns) {
      const auto count = std::min<std::size_t>(kBlock, sound_.size() - sounded_);
      std::vector<float> rows(2 * std::size_t{kBlock});
      for (std::uint32_t c = 0; c < kChannels; ++c) {
        std::copy_n(sound_.begin() + static_cast<std::ptrdiff_t>(sounded_),
                    count,
                    rows.begin() + c * kBlock);
      }
      avrig_frame frame{};
      frame.struct_size = sizeof frame;
      frame.media = AVRIG_MEDIA_AUDIO;
      frame.samples = static_cast<std::uint32_t>(count);
      media::FrameLayout::of_audio(kChannels, kBlock).bind(frame, rows.data());
      require(sounds_.encode(frame, sound_ns()) == media::EncodeStatus::Ok, sounds_.error());
      send(sounds_, sound_stream_);
      sounded_ += count;
    }
  }

  [[nodiscard]] std::int64_t sound_ns() const {
    return static_cast<std::int64_t>(sounded_ * 1'000'000'000 / options_.sample_rate_hz);
  }

  void finish(media::Encoder& encoder, int stream) {
    require(encoder.finish() == media::EncodeStatus::Ok, encoder.error());
    send(encoder, stream);
    muxer_.end_stream(stream);
  }

  void send(media::Encoder& encoder, int stream) {
    media::Packet packet;
    while (encoder.receive(packet)) {
      require(muxer_.write(stream, std::move(packet)) == media::WriteStatus::Ok, muxer_.error());
    }
  }

  const ClipOptions& options_;
  // Before the muxer: what cannot be read must leave no file behind.
  std::int64_t count_;
  std::vector<std::int64_t> flashes_;
  std::vector<float> sound_;
  Painter painter_;
  media::Encoder pictures_;
  media::Encoder sounds_;
  media::Muxer muxer_;
  int picture_stream_ = 0;
  int sound_stream_ = 0;
  std::size_t sounded_ = 0;
};

}  // namespace

void write_clip(const ClipOptions& options) {
  if (!(options.seconds > 0.0 && options.seconds <= 86400.0) || options.rate_num == 0 ||
      options.rate_den == 0) {
    throw Error(ErrorCode::Open, "a clip lasts up to a day and has a frame rate above 0");
  }
  ClipWriter(options).write();
}

}  // namespace avrig::demo_clip
