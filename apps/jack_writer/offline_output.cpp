// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "offline_output.hpp"

#include <avrig/error.hpp>
#include <avrig/media/decoder.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/recovery.hpp>

#include <algorithm>
#include <filesystem>

namespace avrig::jack_writer {
namespace {

constexpr std::uint32_t kPeriod = 1024;

}  // namespace

OfflineOutput::OfflineOutput(const std::string& path,
                             std::uint32_t rate_hz,
                             dipstream::MixerHost& host,
                             SampleFifo& fifo,
                             bool successor)
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
  if (successor) {
    recover(path);
  } else {
    open(path);
  }
}

void OfflineOutput::open(const std::string& path) {
  media::EncoderSettings settings;
  settings.input = media::audio_format(rate_hz_, static_cast<std::uint32_t>(rows_.size()), kPeriod);
  settings.codec = "pcm_f32le";
  settings.bitexact = true;
  encoder_ = std::make_unique<media::Encoder>(settings);
  media::MuxerOptions options;
  options.bitexact = true;
  muxer_ = std::make_unique<media::Muxer>(path, options);
  (void)muxer_->add_stream(*encoder_);
  muxer_->begin();
}

// A file that was cut off cannot be appended to by every container: its samples begin a new one.
// While the old one is there it is the better of the two.
void OfflineOutput::recover(const std::string& path) {
  namespace fs = std::filesystem;
  const std::string before = path + ".before";
  if (fs::exists(before)) {
    fs::remove(path);
  } else if (fs::exists(path)) {
    fs::rename(path, before);
  }
  open(path);
  if (fs::exists(before)) {
    copy_from(before);
    fs::remove(before);
  }
}

void OfflineOutput::copy_from(const std::string& path) {
  if (!media::read_back(path).readable) {
    return;  // killed before its header was whole: it holds nothing
  }
  media::Demuxer demuxer(path);
  media::Decoder decoder(demuxer.streams().front());
  media::Packet packet;
  media::MediaFrame frame;
  const auto drain = [&] {
    while (decoder.receive(frame) == media::DecodeStatus::Ok) {
      for (std::uint32_t first = 0; first < frame.samples(); first += kPeriod) {
        const std::uint32_t count = std::min(frame.samples() - first, kPeriod);
        frame.copy_samples(first, count, block_.data(), kPeriod * sizeof(float));
        encode(0, count);
      }
    }
  };
  while (demuxer.read(packet) == media::ReadStatus::Packet) {
    (void)decoder.send(packet);
    drain();
  }
  (void)decoder.send_end();
  drain();
}

// Samples [first, first + count) of block_.
void OfflineOutput::encode(std::uint32_t first, std::uint32_t count) {
  avrig_frame frame{};
  frame.struct_size = sizeof frame;
  frame.media = AVRIG_MEDIA_AUDIO;
  frame.samples = count;
  frame.planes = 1;
  frame.plane[0] = {block_.data() + first,
                    (block_.size() - first) * sizeof(float),
                    kPeriod * sizeof(float),
                    static_cast<std::uint32_t>(rows_.size())};
  const auto time_ns = static_cast<std::int64_t>(static_cast<double>(written_) * 1e9 / rate_hz_);
  if (encoder_->encode(frame, time_ns) != media::EncodeStatus::Ok) {
    throw Error(ErrorCode::Open, "cannot encode the rendered sound: " + encoder_->error());
  }
  written_ += count;
  write_packets();
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
  while (samples() < sample) {
    const auto at = static_cast<std::int64_t>(clock_.samples());
    const auto count =
        static_cast<std::uint32_t>(std::min<std::int64_t>(sample - samples(), kPeriod));
    host_->render({at, clock_.now_ns(), ns_per_sample, 0, 0}, count, rows_.data());
    const auto there =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(written_ - samples(), 0, count));
    if (encoder_ && there < count) {
      encode(there, count - there);
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
