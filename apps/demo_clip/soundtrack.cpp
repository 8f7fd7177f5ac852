// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "soundtrack.hpp"

#include <avrig/error.hpp>
#include <avrig/marks/beep.hpp>
#include <avrig/media/decoder.hpp>
#include <avrig/media/demuxer.hpp>
#include <avrig/media/resampler.hpp>

#include <algorithm>
#include <cmath>

namespace avrig::demo_clip {

namespace {

/// All samples of the file's first channel.
std::vector<float> decode_first_channel(media::Demuxer& demuxer, const media::StreamInfo& stream) {
  media::Decoder decoder(stream);
  std::vector<float> sound;
  std::vector<float> rows;
  media::MediaFrame frame;
  const auto fetch = [&] {
    for (;;) {
      const media::DecodeStatus status = decoder.receive(frame);
      if (status == media::DecodeStatus::Corrupt) {
        continue;
      }
      if (status != media::DecodeStatus::Ok) {
        return;
      }
      rows.resize(std::size_t{frame.samples()} * frame.channels());
      frame.copy_samples(0, frame.samples(), rows.data(), std::size_t{frame.samples()} * 4);
      sound.insert(sound.end(), rows.begin(), rows.begin() + frame.samples());
    }
  };
  media::Packet packet;
  while (demuxer.read(packet) == media::ReadStatus::Packet) {
    if (packet.stream() != stream.index) {
      continue;
    }
    while (decoder.send(packet) == media::DecodeStatus::Again) {
      fetch();
    }
    fetch();
  }
  static_cast<void>(decoder.send_end());
  fetch();
  return sound;
}

std::vector<float> resample(const std::vector<float>& in, std::uint32_t from, std::uint32_t to) {
  media::Resampler resampler(from, to, 1);
  const auto samples = static_cast<std::uint32_t>(in.size());
  std::vector<float> out(resampler.max_output(samples) + 4096);
  const auto room = [&](std::uint32_t used) {
    return static_cast<std::uint32_t>(out.size()) - used;
  };
  std::uint32_t count = resampler.process(in.data(), 0, samples, out.data(), 0, room(0));
  while (const std::uint32_t more = resampler.flush(out.data() + count, 0, room(count))) {
    count += more;
  }
  out.resize(count);
  return out;
}

}  // namespace

std::vector<float> read_voice(const std::string& path, std::uint32_t sample_rate_hz) {
  media::Demuxer demuxer(path);
  const auto index = demuxer.best_stream(AVRIG_MEDIA_AUDIO);
  if (!index) {
    throw Error(ErrorCode::Open, "cannot use '" + path + "' as the voice: there is no sound in it");
  }
  const media::StreamInfo& stream = demuxer.streams()[static_cast<std::size_t>(*index)];
  std::vector<float> voice = decode_first_channel(demuxer, stream);
  if (stream.format.sample_rate_hz != sample_rate_hz && !voice.empty()) {
    voice = resample(voice, stream.format.sample_rate_hz, sample_rate_hz);
  }
  float peak = 1e-6F;
  for (const float x : voice) {
    peak = std::max(peak, std::abs(x));
  }
  for (float& x : voice) {
    x *= 0.3F / peak;
  }
  return voice;
}

std::vector<float> make_soundtrack(std::size_t samples,
                                   std::uint32_t sample_rate_hz,
                                   std::span<const float> voice,
                                   std::span<const double> beeps_s) {
  constexpr float kNoise = 0.0055F;  // the peak of even noise at -50 dBFS
  std::vector<float> sound(samples);
  std::uint32_t state = 1;
  for (float& x : sound) {
    state = state * 1664525U + 1013904223U;
    x = kNoise * (static_cast<float>(state >> 8) / 8388608.0F - 1.0F);
  }
  const std::size_t period = voice.size() + sample_rate_hz / 2;
  for (std::size_t n = 0; n < samples && !voice.empty(); ++n) {
    sound[n] += n % period < voice.size() ? voice[n % period] : 0.0F;
  }
  for (const double at_s : beeps_s) {
    // Rounded where a nanosecond's rounding would put a whole sample between two.
    const double exact = std::max(0.0, at_s * sample_rate_hz);
    const double at = std::abs(exact - std::round(exact)) < 1e-3 ? std::round(exact) : exact;
    const auto first = static_cast<std::size_t>(at);
    const auto beep = marks::make_beep(sample_rate_hz, at - static_cast<double>(first));
    for (std::size_t k = 0; k < beep.size() && first + k < samples; ++k) {
      sound[first + k] += 0.5F * beep[k];
    }
  }
  return sound;
}

}  // namespace avrig::demo_clip
