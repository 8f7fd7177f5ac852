// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/sound.hpp>
#include <avrig/error.hpp>
#include <avrig/media/decoder.hpp>
#include <avrig/media/demuxer.hpp>
#include <avrig/media/resampler.hpp>

#include <algorithm>
#include <array>

namespace avrig::dipstream {
namespace {

// A sound lies in memory whole: an hour of stereo at 48 kHz is 1.3 GiB.
constexpr std::size_t kMostBytes = std::size_t{4} << 30;

/// Rows that grow, one a channel.
class Rows {
 public:
  Rows(const std::string& path, std::uint32_t channels) : path_(path), rows_(channels) {}

  float* grow(std::uint32_t samples, std::vector<float>& block) {
    block.resize(std::size_t{samples} * rows_.size());
    return block.data();
  }
  void append(const std::vector<float>& block, std::uint32_t stride, std::uint32_t samples) {
    if ((rows_[0].size() + samples) * rows_.size() * sizeof(float) > kMostBytes) {
      throw Error(ErrorCode::Spec,
                  "'" + path_ + "' is too long to be held in memory (4 GiB): play it as a stream");
    }
    for (std::size_t channel = 0; channel < rows_.size(); ++channel) {
      const float* from = block.data() + channel * stride;
      rows_[channel].insert(rows_[channel].end(), from, from + samples);
    }
  }
  /// All of it, with 16 bits a sample where that loses nothing.
  [[nodiscard]] std::shared_ptr<const Sound> sound() const {
    const auto channels = static_cast<std::uint32_t>(rows_.size());
    std::vector<std::int16_t> narrow(rows_.size() * rows_[0].size());
    bool fits = true;
    for (std::size_t channel = 0; channel < rows_.size() && fits; ++channel) {
      const std::vector<float>& row = rows_[channel];
      fits = mixer::narrow(row.data(), narrow.data() + channel * row.size(), row.size());
    }
    if (fits) {
      return Sound::from_bytes(std::as_bytes(std::span(narrow)),
                               {mixer::SampleFormat::S16, channels, true});
    }
    std::vector<float> wide;
    wide.reserve(rows_.size() * rows_[0].size());
    for (const std::vector<float>& row : rows_) {
      wide.insert(wide.end(), row.begin(), row.end());
    }
    return Sound::from_bytes(std::as_bytes(std::span(wide)),
                             {mixer::SampleFormat::F32, channels, true});
  }

 private:
  std::string path_;
  std::vector<std::vector<float>> rows_;
};

/// Decoded frames, at the wanted rate, into rows.
class Collector {
 public:
  Collector(Rows& rows, std::uint32_t in_hz, std::uint32_t out_hz, std::uint32_t channels)
      : rows_(&rows) {
    if (in_hz != out_hz) {
      resampler_.emplace(in_hz, out_hz, channels);
    }
  }

  void take(const media::MediaFrame& frame) {
    const std::uint32_t count = frame.samples();
    frame.copy_samples(0, count, rows_->grow(count, block_), count * sizeof(float));
    if (!resampler_) {
      rows_->append(block_, count, count);
      return;
    }
    const std::uint32_t most = resampler_->max_output(count);
    const std::uint32_t made = resampler_->process(block_.data(),
                                                   count * sizeof(float),
                                                   count,
                                                   rows_->grow(most, converted_),
                                                   most * sizeof(float),
                                                   most);
    rows_->append(converted_, most, made);
  }
  void finish() {
    constexpr std::uint32_t kMost = 4096;
    while (resampler_) {
      const std::uint32_t made =
          resampler_->flush(rows_->grow(kMost, converted_), kMost * sizeof(float), kMost);
      if (made == 0) {
        return;
      }
      rows_->append(converted_, kMost, made);
    }
  }

 private:
  Rows* rows_;
  std::optional<media::Resampler> resampler_;
  std::vector<float> block_;
  std::vector<float> converted_;
};

void receive_all(media::Decoder& decoder, Collector& into) {
  media::MediaFrame frame;
  while (decoder.receive(frame) == media::DecodeStatus::Ok) {
    into.take(frame);
    frame.reset();
  }
}

}  // namespace

std::shared_ptr<const Sound> Sound::from_file(const std::string& path,
                                              std::uint32_t rate_hz,
                                              bool strict) {
  media::Demuxer file(path);
  const auto stream = file.best_stream(AVRIG_MEDIA_AUDIO);
  if (!stream) {
    throw Error(ErrorCode::Open, "there is no sound in '" + path + "'");
  }
  const media::StreamInfo& info = file.streams()[static_cast<std::size_t>(*stream)];
  const std::uint32_t in_hz = info.format.sample_rate_hz;
  const std::uint32_t channels = info.format.channels;
  if (strict && in_hz != rate_hz) {
    throw Error(ErrorCode::Spec,
                "'" + path + "' has " + std::to_string(in_hz) + " Hz, the stream " +
                    std::to_string(rate_hz) + " Hz ('strict': false resamples it)");
  }
  file.select(std::array{*stream});
  media::Decoder decoder(info);
  Rows rows(path, channels);
  Collector collector(rows, in_hz, rate_hz, channels);
  media::Packet packet;
  while (file.read(packet) == media::ReadStatus::Packet) {
    while (decoder.send(packet) == media::DecodeStatus::Again) {
      receive_all(decoder, collector);
    }
    receive_all(decoder, collector);
  }
  (void)decoder.send_end();
  receive_all(decoder, collector);
  collector.finish();
  return rows.sound();
}

}  // namespace avrig::dipstream
