// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "offline_output.hpp"

#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>

#include <algorithm>

namespace avrig::jack_writer {
namespace {

constexpr std::uint32_t kPeriod = 1024;

}  // namespace

OfflineOutput::OfflineOutput(const std::string& path,
                             std::uint32_t rate_hz,
                             dipstream::MixerHost& host,
                             SampleFifo& fifo)
    : clock_(rate_hz),
      host_(&host),
      fifo_(&fifo),
      rate_hz_(rate_hz),
      block_(std::size_t{host.engine().config().outputs} * kPeriod, 0.0F) {
  const std::uint32_t channels = host.engine().config().outputs;
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    rows_.push_back(block_.data() + std::size_t{channel} * kPeriod);
  }
  if (path.empty()) {
    return;
  }
  media::EncoderSettings settings;
  settings.input = media::audio_format(rate_hz, channels, kPeriod);
  settings.codec = "pcm_f32le";
  settings.bitexact = true;
  encoder_ = std::make_unique<media::Encoder>(settings);
  media::MuxerOptions options;
  options.bitexact = true;
  muxer_ = std::make_unique<media::Muxer>(path, options);
  (void)muxer_->add_stream(*encoder_);
  muxer_->begin();
}

void OfflineOutput::write_packets() {
  media::Packet packet;
  while (encoder_->receive(packet)) {
    if (muxer_->write(0, std::move(packet)) == media::WriteStatus::Failed) {
      throw Error(ErrorCode::Open, "cannot write '" + muxer_->path() + "': " + muxer_->error());
    }
    packet = media::Packet();
  }
}

void OfflineOutput::render() {
  render_to(fifo_->write_position());
}

void OfflineOutput::render_to(std::int64_t sample) {
  const double ns_per_sample = 1e9 / rate_hz_;
  for (;;) {
    const auto at = static_cast<std::int64_t>(clock_.samples());
    if (sample <= at) {
      return;
    }
    const auto count = static_cast<std::uint32_t>(std::min<std::int64_t>(sample - at, kPeriod));
    host_->render({at, clock_.now_ns(), ns_per_sample, 0, 0}, count, rows_.data());
    if (encoder_) {
      avrig_frame frame{};
      frame.struct_size = sizeof frame;
      frame.media = AVRIG_MEDIA_AUDIO;
      frame.samples = count;
      frame.planes = 1;
      frame.plane[0] = {block_.data(),
                        block_.size() * sizeof(float),
                        kPeriod * sizeof(float),
                        static_cast<std::uint32_t>(rows_.size())};
      if (encoder_->encode(frame, clock_.now_ns()) != media::EncodeStatus::Ok) {
        throw Error(ErrorCode::Open, "cannot encode the rendered sound: " + encoder_->error());
      }
      write_packets();
    }
    clock_.advance(count);
  }
}

void OfflineOutput::finish() {
  if (!encoder_) {
    return;
  }
  (void)encoder_->finish();
  write_packets();
  if (muxer_->finish() != media::WriteStatus::Ok) {
    throw Error(ErrorCode::Open, "cannot finish '" + muxer_->path() + "': " + muxer_->error());
  }
}

}  // namespace avrig::jack_writer
