// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "encoder_settings.hpp"
#include "samples.hpp"
#include <avrig/media/encoder.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/frame_layout.hpp>
#include <avrig/media/picture_converter.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <optional>
#include <vector>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/mathematics.h>
}

namespace avrig::media {

struct Encoder::Impl {
  /// The codec counts pictures or samples; from here on the count means this time.
  struct Anchor {
    std::int64_t count = 0;
    std::int64_t pts_ns = 0;
    std::int64_t duration_ns = 0;
  };

  EncoderSettings settings;
  OpenEncoder codec;
  CodecParametersPtr parameters;
  std::optional<PictureConverter> converter;
  FramePtr store;          // a picture converted or copied; or the audio frame being filled
  int filled = 0;          // audio: samples in store
  int packet_samples = 0;  // audio: what a frame of the codec takes; 0 = a frame is a block
  bool fixed = false;      // audio: and it takes nothing shorter before the end
  std::int64_t count = 0;
  std::int64_t expected_ns = INT64_MIN;
  std::uint64_t silence = 0;
  std::deque<Anchor> anchors;
  std::deque<Packet> ready;
  std::string error;

  void open();
  void open_video();
  void open_audio();
  [[nodiscard]] EncodeStatus send(AVFrame* frame);
  [[nodiscard]] EncodeStatus drain();
  void stamp(AVPacket& packet);
  [[nodiscard]] const Anchor& anchor_of(std::int64_t at) const;

  [[nodiscard]] EncodeStatus encode_picture(const avrig_frame& frame);
  void wrap(const avrig_frame& frame, AVFrame& wrapped) const;

  [[nodiscard]] EncodeStatus encode_samples(const avrig_frame& frame, std::int64_t pts_ns);
  [[nodiscard]] EncodeStatus bridge_gap(std::int64_t gap_ns);
  [[nodiscard]] EncodeStatus put(const float* rows,
                                 std::size_t stride_bytes,
                                 std::uint32_t samples);
  [[nodiscard]] EncodeStatus send_filled();
  void make_store(int samples);
};

void Encoder::Impl::open() {
  codec = open_encoder(settings);
  parameters.reset(avcodec_parameters_alloc());
  if (!parameters || avcodec_parameters_from_context(parameters.get(), codec.context.get()) < 0) {
    throw std::bad_alloc();
  }
  store = make_frame();
  if (settings.input.media == AVRIG_MEDIA_VIDEO) {
    open_video();
  } else {
    open_audio();
  }
}

void Encoder::Impl::open_video() {
  const avrig_format target =
      video_format(pixel_format_name(codec.pixels), settings.input.width, settings.input.height);
  if (codec.convert) {
    converter.emplace(settings.input, target);
  }
  if (codec.convert || !codec.borrows) {
    store->format = codec.pixels;
    store->width = codec.context->width;
    store->height = codec.context->height;
    if (av_frame_get_buffer(store.get(), 64) < 0) {
      throw std::bad_alloc();
    }
  }
}

void Encoder::Impl::open_audio() {
  const bool variable =
      (codec.context->codec->capabilities & AV_CODEC_CAP_VARIABLE_FRAME_SIZE) != 0;
  fixed = !variable && codec.context->frame_size > 0;
  const int rate = codec.context->sample_rate;
  if (fixed) {
    packet_samples = codec.context->frame_size;
  } else if (settings.input.block_samples * std::int64_t{500} < rate) {
    packet_samples = rate / 100;  // blocks under 2 ms: a packet each would cost more than it holds
  }
}

Encoder::Encoder(EncoderSettings settings) : impl_(std::make_unique<Impl>()) {
  impl_->settings = std::move(settings);
  impl_->open();
}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

// --- the codec ---

EncodeStatus Encoder::Impl::send(AVFrame* frame) {
  const int result = avcodec_send_frame(codec.context.get(), frame);
  if (result < 0 && result != AVERROR_EOF) {
    error = codec.name + " failed on a frame: " + error_text(result);
    return EncodeStatus::Failed;
  }
  return drain();
}

EncodeStatus Encoder::Impl::drain() {
  for (;;) {
    Packet packet;
    const int result = avcodec_receive_packet(codec.context.get(), packet.get());
    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) {
      return EncodeStatus::Ok;
    }
    if (result < 0) {
      error = codec.name + " failed: " + error_text(result);
      return EncodeStatus::Failed;
    }
    stamp(*packet.get());
    ready.push_back(std::move(packet));
  }
}

const Encoder::Impl::Anchor& Encoder::Impl::anchor_of(std::int64_t at) const {
  auto after =
      std::upper_bound(anchors.begin(), anchors.end(), at, [](std::int64_t value, const Anchor& a) {
        return value < a.count;
      });
  return after == anchors.begin() ? anchors.front() : *std::prev(after);
}

void Encoder::Impl::stamp(AVPacket& packet) {
  packet.time_base = kNanoseconds;
  if (anchors.empty() || packet.pts == AV_NOPTS_VALUE) {
    packet.pts = packet.dts = expected_ns == INT64_MIN ? 0 : expected_ns;  // end-of-stream data
    return;
  }
  const AVRational base = codec.context->time_base;
  const auto to_ns = [&](std::int64_t at) {
    const Anchor& anchor = anchor_of(at);
    return anchor.pts_ns + av_rescale_q(at - anchor.count, base, kNanoseconds);
  };
  const std::int64_t dts = packet.dts == AV_NOPTS_VALUE ? packet.pts : packet.dts;
  const bool is_video = settings.input.media == AVRIG_MEDIA_VIDEO;
  const std::int64_t duration = is_video ? anchor_of(packet.pts).duration_ns
                                         : av_rescale_q(packet.duration, base, kNanoseconds);
  const std::int64_t pts_ns = to_ns(packet.pts);
  packet.dts = dts == packet.pts ? pts_ns : std::min(to_ns(dts), pts_ns);
  packet.pts = pts_ns;
  packet.duration = duration;
  while (anchors.size() > 1 && anchors[1].count <= dts) {
    anchors.pop_front();
  }
}

// --- pictures ---

namespace {
void keep(void*, std::uint8_t*) noexcept {}  // the caller owns it
}  // namespace

void Encoder::Impl::wrap(const avrig_frame& frame, AVFrame& wrapped) const {
  for (std::uint32_t i = 0; i < frame.planes; ++i) {
    wrapped.data[i] = static_cast<std::uint8_t*>(frame.plane[i].data);
    wrapped.linesize[i] = static_cast<int>(frame.plane[i].stride_bytes);
  }
  wrapped.buf[0] = av_buffer_create(
      wrapped.data[0], frame.plane[0].size_bytes, &keep, nullptr, AV_BUFFER_FLAG_READONLY);
}

EncodeStatus Encoder::Impl::encode_picture(const avrig_frame& frame) {
  FramePtr wrapped;
  AVFrame* picture = store.get();
  if (codec.borrows && !codec.convert) {
    wrapped = make_frame();
    picture = wrapped.get();
    wrap(frame, *picture);
    picture->format = codec.pixels;
    picture->width = codec.context->width;
    picture->height = codec.context->height;
  } else {
    if (av_frame_make_writable(picture) < 0) {
      throw std::bad_alloc();
    }
    std::array<avrig_plane, 4> to{};
    for (std::size_t i = 0; i < 4 && picture->data[i] != nullptr; ++i) {
      to[i] = {picture->data[i], 0, static_cast<std::uint32_t>(picture->linesize[i]), 0};
    }
    if (!converter) {
      converter.emplace(settings.input, settings.input);
    }
    converter->convert({frame.plane, frame.planes}, to);
  }
  picture->color_range = codec.context->color_range;
  picture->colorspace = codec.context->colorspace;
  picture->color_primaries = codec.context->color_primaries;
  picture->color_trc = codec.context->color_trc;
  picture->pts = count++;
  return send(picture);
}

// --- sound ---

void Encoder::Impl::make_store(int samples) {
  av_frame_unref(store.get());
  store->format = codec.context->sample_fmt;
  store->sample_rate = codec.context->sample_rate;
  store->nb_samples = samples;
  if (av_channel_layout_copy(&store->ch_layout, &codec.context->ch_layout) < 0 ||
      av_frame_get_buffer(store.get(), 0) < 0) {
    throw std::bad_alloc();
  }
  filled = 0;
}

EncodeStatus Encoder::Impl::send_filled() {
  if (filled == 0) {
    return EncodeStatus::Ok;
  }
  store->nb_samples = filled;
  store->pts = count;
  count += filled;
  filled = 0;
  const EncodeStatus status = send(store.get());
  av_frame_unref(store.get());
  return status;
}

EncodeStatus Encoder::Impl::put(const float* rows,
                                std::size_t stride_bytes,
                                std::uint32_t samples) {
  while (samples > 0) {
    if (store->buf[0] == nullptr) {
      make_store(packet_samples > 0 ? packet_samples : static_cast<int>(samples));
    }
    const int room = (packet_samples > 0 ? packet_samples : static_cast<int>(samples)) - filled;
    const auto n = std::min(samples, static_cast<std::uint32_t>(room));
    planar_float_to_samples(
        rows, stride_bytes, n, codec.sample_bits, *store, static_cast<std::uint32_t>(filled));
    filled += static_cast<int>(n);
    rows += n;
    samples -= n;
    if (static_cast<int>(n) == room) {
      if (const EncodeStatus status = send_filled(); status != EncodeStatus::Ok) {
        return status;
      }
    }
  }
  return EncodeStatus::Ok;
}

EncodeStatus Encoder::Impl::bridge_gap(std::int64_t gap_ns) {
  const std::int64_t missing = av_rescale(gap_ns, codec.context->sample_rate, 1'000'000'000);
  std::int64_t wanted = missing;
  if (!settings.fill_gaps) {
    if (!fixed) {
      return send_filled();
    }
    // A packet begins `initial_padding` samples early: the silence ends where one begins.
    const std::int64_t into = (count + filled + codec.context->initial_padding) % packet_samples;
    wanted = std::min(missing, (packet_samples - into) % packet_samples);
  }
  if (wanted <= 0) {
    return EncodeStatus::Ok;
  }
  anchors.push_back({count + filled, expected_ns, 0});
  silence += static_cast<std::uint64_t>(wanted);
  const std::vector<float> zeros(4096, 0.0F);
  while (wanted > 0) {
    const auto n = static_cast<std::uint32_t>(std::min<std::int64_t>(wanted, 4096));
    if (const EncodeStatus status = put(zeros.data(), 0, n); status != EncodeStatus::Ok) {
      return status;
    }
    wanted -= n;
  }
  return EncodeStatus::Ok;
}

EncodeStatus Encoder::Impl::encode_samples(const avrig_frame& frame, std::int64_t pts_ns) {
  constexpr std::int64_t kGapNs = 1'000'000;
  if (frame.samples == 0) {
    return EncodeStatus::Ok;
  }
  if (expected_ns != INT64_MIN && pts_ns - expected_ns > kGapNs) {
    if (const EncodeStatus status = bridge_gap(pts_ns - expected_ns); status != EncodeStatus::Ok) {
      return status;
    }
  }
  anchors.push_back({count + filled, pts_ns, 0});
  expected_ns = pts_ns + av_rescale(frame.samples, 1'000'000'000, codec.context->sample_rate);
  return put(
      static_cast<const float*>(frame.plane[0].data), frame.plane[0].stride_bytes, frame.samples);
}

// --- outside ---

EncodeStatus Encoder::encode(const avrig_frame& frame,
                             std::int64_t pts_ns,
                             std::int64_t duration_ns) {
  const avrig_format& input = impl_->settings.input;
  if (frame.media != input.media || frame.planes == 0 || frame.plane[0].data == nullptr) {
    return EncodeStatus::WrongFormat;
  }
  if (input.media == AVRIG_MEDIA_AUDIO) {
    const bool fits = frame.plane[0].rows == input.channels &&
                      std::uint64_t{frame.samples} * 4 <= frame.plane[0].stride_bytes;
    return fits ? impl_->encode_samples(frame, pts_ns) : EncodeStatus::WrongFormat;
  }
  if (frame.plane[0].rows != input.height) {
    return EncodeStatus::WrongFormat;
  }
  impl_->anchors.push_back({impl_->count, pts_ns, duration_ns});
  impl_->expected_ns = pts_ns + duration_ns;
  return impl_->encode_picture(frame);
}

EncodeStatus Encoder::finish() {
  if (const EncodeStatus status = impl_->send_filled(); status != EncodeStatus::Ok) {
    return status;
  }
  return impl_->send(nullptr);
}

bool Encoder::receive(Packet& packet) {
  if (impl_->ready.empty()) {
    return false;
  }
  packet = std::move(impl_->ready.front());
  impl_->ready.pop_front();
  return true;
}

const AVCodecParameters& Encoder::parameters() const noexcept {
  return *impl_->parameters;
}
std::uint32_t Encoder::media() const noexcept {
  return impl_->settings.input.media;
}
AVRational Encoder::frame_rate() const noexcept {
  const avrig_format& input = impl_->settings.input;
  return {static_cast<int>(input.frame_rate_num), static_cast<int>(input.frame_rate_den)};
}
const avrig_format& Encoder::input() const noexcept {
  return impl_->settings.input;
}
std::string Encoder::stored_pixel_format() const {
  return media() == AVRIG_MEDIA_VIDEO ? pixel_format_name(impl_->codec.pixels) : std::string();
}
std::uint64_t Encoder::silence_samples() const noexcept {
  return impl_->silence;
}
const std::string& Encoder::error() const noexcept {
  return impl_->error;
}

}  // namespace avrig::media
