// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/media/packet.hpp>

#include <new>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/mathematics.h>
}

namespace avrig::media {
namespace {

std::optional<std::int64_t> known(std::int64_t time) noexcept {
  return time == AV_NOPTS_VALUE ? std::nullopt : std::optional(time);
}

}  // namespace

void PacketFree::operator()(AVPacket* packet) const noexcept {
  av_packet_free(&packet);
}
void CodecContextFree::operator()(AVCodecContext* context) const noexcept {
  avcodec_free_context(&context);
}
void CodecParametersFree::operator()(AVCodecParameters* parameters) const noexcept {
  avcodec_parameters_free(&parameters);
}

Packet::Packet() : packet_(av_packet_alloc()) {
  if (!packet_) {
    throw std::bad_alloc();
  }
}

int Packet::stream() const noexcept {
  return packet_->stream_index;
}
std::optional<std::int64_t> Packet::pts() const noexcept {
  return known(packet_->pts);
}
std::optional<std::int64_t> Packet::dts() const noexcept {
  return known(packet_->dts);
}
std::optional<std::int64_t> Packet::pts_ns() const noexcept {
  if (packet_->pts == AV_NOPTS_VALUE) {
    return std::nullopt;
  }
  return av_rescale_q(packet_->pts, packet_->time_base, kNanoseconds);
}
std::int64_t Packet::duration_ns() const noexcept {
  return av_rescale_q(packet_->duration, packet_->time_base, kNanoseconds);
}
AVRational Packet::time_base() const noexcept {
  return packet_->time_base;
}
bool Packet::key() const noexcept {
  return (packet_->flags & AV_PKT_FLAG_KEY) != 0;
}
bool Packet::corrupt() const noexcept {
  return (packet_->flags & AV_PKT_FLAG_CORRUPT) != 0;
}
std::span<const std::uint8_t> Packet::bytes() const noexcept {
  return {packet_->data, static_cast<std::size_t>(packet_->size)};
}
std::int64_t Packet::position_bytes() const noexcept {
  return packet_->pos;
}
Packet Packet::share() const {
  Packet other;
  if (av_packet_ref(other.get(), get()) < 0) {
    throw std::bad_alloc();
  }
  return other;
}
void Packet::reset() noexcept {
  av_packet_unref(packet_.get());
}

}  // namespace avrig::media
