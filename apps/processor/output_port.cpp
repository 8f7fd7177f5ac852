// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "output_port.hpp"

#include <avrig/plugin/instance.hpp>
#include <avrig/stage/io.hpp>

#include <algorithm>
#include <memory>
#include <numeric>

namespace avrig::processor {
namespace {

std::int64_t samples_to_ns(std::uint64_t samples, std::uint32_t rate_hz) noexcept {
  return rate_hz == 0 ? 0
                      : static_cast<std::int64_t>(samples / rate_hz * 1'000'000'000 +
                                                  samples % rate_hz * 1'000'000'000 / rate_hz);
}

}  // namespace

std::uint64_t total(const std::array<std::uint64_t, shm::kMaxOrigins>& origin) noexcept {
  return std::accumulate(origin.begin(), origin.end(), std::uint64_t{0});
}

OutputPort::OutputPort(shm::RingMaker& maker, const PortTerms& port, std::uint32_t keep_outputs)
    : maker_(&maker), port_(&port), kept_(keep_outputs, shm::kNoBuffer) {
  const shm::Ring& ring = maker.ring();
  for (std::uint32_t buffer = 0; buffer < ring.buffers(); ++buffer) {
    laid_out_.push_back(stage::blank(ring.buffer(buffer), port.format));
  }
  make_private_frames(keep_outputs > 0 ? keep_outputs + port.entries : 1);
  room_ = private_frames_.front().samples;
  tail_.quality = AVRIG_QUALITY_NONE;
  if (!maker.last()) {
    return;
  }
  const shm::Descriptor& last = *maker.last();
  has_last_ = true;
  last_total_ = total(last.origin);
  last_part_ = last.part;
  shm::Descriptor again;
  shm::Kind kind = shm::Kind::None;
  const bool counts = maker.read(maker.head() - 1, again, kind) &&
                      (kind == shm::Kind::Frame || kind == shm::Kind::Empty);
  const bool is_audio = port.format.media == AVRIG_MEDIA_AUDIO;
  next_index_ = last.index + (is_audio ? std::int64_t{last.samples} : counts ? 1 : 0);
  tail_.capture_ns = last.capture_ns + (is_audio || counts ? last.duration_ns : 0);
  tail_.sigma_ns = last.sigma_ns;
  tail_.quality = last.quality;
  tail_.epoch = last.epoch;
}

// A plug-in that reads what it gave out does so too when its history is run again, unpublished.
void OutputPort::make_private_frames(std::size_t count) {
  constexpr std::uint64_t kAlign = 64;
  const std::uint64_t bytes = stage::frame_bytes(port_->format);
  const std::uint64_t step = (bytes + kAlign - 1) / kAlign * kAlign;
  private_memory_.resize(count * step + kAlign);
  void* at = private_memory_.data();
  std::size_t space = private_memory_.size();
  auto* first = static_cast<std::byte*>(std::align(kAlign, count * step, at, space));
  for (std::size_t index = 0; index < count; ++index) {
    private_frames_.push_back(stage::blank({first + index * step, bytes}, port_->format));
  }
}

bool OutputPort::try_claim(OutputFrame& out) noexcept {
  if (!maker_->may_publish()) {
    return false;
  }
  const auto buffer = maker_->try_claim();
  if (!buffer) {
    return false;
  }
  out.buffer = *buffer;
  out.preset = laid_out_[*buffer];
  return true;
}

void OutputPort::claim_private(OutputFrame& out) noexcept {
  out.buffer = shm::kNoBuffer;
  out.preset = private_frames_[private_next_];
  private_next_ = (private_next_ + 1) % private_frames_.size();
}

void OutputPort::abandon(OutputFrame& frame) noexcept {
  if (frame.buffer != shm::kNoBuffer) {
    maker_->abandon(frame.buffer);
    frame.buffer = shm::kNoBuffer;
  }
}

avrig_frame OutputPort::accepted(const OutputFrame& frame) const noexcept {
  avrig_frame out = plugin::accept_frame(frame.preset, frame.answered, room_);
  if (out.media == AVRIG_MEDIA_AUDIO) {
    out.duration_ns = samples_to_ns(out.samples, port_->format.sample_rate_hz);
  }
  return out;
}

void OutputPort::fill(shm::Descriptor& descriptor, const Commit& commit) const noexcept {
  descriptor.origin = commit.origin;
  descriptor.origin_from = commit.from;
  descriptor.source_position = commit.position;
  descriptor.part = commit.part;
  descriptor.more_parts = commit.more ? 1 : 0;
}

void OutputPort::note_tail(const avrig_frame& frame) noexcept {
  tail_.capture_ns = frame.capture_ns + frame.duration_ns;
  tail_.sigma_ns = frame.sigma_ns;
  tail_.quality = frame.quality;
  tail_.epoch = frame.epoch;
}

void OutputPort::publish(OutputFrame& frame, const Commit& commit, bool quarantined) noexcept {
  avrig_frame out = accepted(frame);
  out.epoch = epoch_.value_or(out.epoch);
  if (breaks_) {
    out.flags |= AVRIG_FRAME_DISCONTINUITY;
    breaks_ = false;
  }
  shm::Descriptor descriptor{};
  stage::describe_frame(out, maker_->memory(frame.buffer), descriptor);
  fill(descriptor, commit);
  descriptor.quarantined = quarantined ? 1 : 0;
  maker_->publish(descriptor, frame.buffer);
  keep(frame.buffer);
  frame.buffer = shm::kNoBuffer;
  next_index_ = out.index + (out.media == AVRIG_MEDIA_AUDIO ? std::int64_t{out.samples} : 1);
  note_tail(out);
}

void OutputPort::publish_empty(const Commit& commit,
                               const avrig_frame& stamps,
                               shm::DropReason reason,
                               bool quarantined) noexcept {
  const bool is_audio = port_->format.media == AVRIG_MEDIA_AUDIO;
  shm::Descriptor descriptor{};
  descriptor.capture_ns = stamps.capture_ns;
  descriptor.sigma_ns = stamps.sigma_ns;
  descriptor.duration_ns = stamps.duration_ns;
  descriptor.quality = stamps.quality;
  descriptor.epoch = epoch_.value_or(stamps.epoch);
  descriptor.index = next_index_;
  // The samples that are missing keep their place in the count.
  descriptor.samples = is_audio && stamps.media == AVRIG_MEDIA_AUDIO ? stamps.samples : 0;
  fill(descriptor, commit);
  descriptor.reason = static_cast<std::uint32_t>(reason);
  descriptor.quarantined = quarantined ? 1 : 0;
  maker_->publish(shm::Kind::Empty, descriptor);
  next_index_ += is_audio ? std::int64_t{descriptor.samples} : 1;
  note_tail(stamps);
}

void OutputPort::publish_mark(shm::Kind kind,
                              const Commit& commit,
                              const shm::Descriptor* from) noexcept {
  shm::Descriptor descriptor{};
  if (from != nullptr) {
    descriptor.gap_samples = from->gap_samples;
    descriptor.epoch = from->epoch;
    descriptor.quality = from->quality;
    descriptor.flags = from->flags;
  }
  descriptor.epoch = epoch_.value_or(descriptor.epoch);
  descriptor.capture_ns = tail_.capture_ns;
  descriptor.quality = tail_.quality;
  descriptor.index = next_index_;
  fill(descriptor, commit);
  maker_->publish(kind, descriptor);
}

void OutputPort::skip(const OutputFrame& frame) noexcept {
  const bool is_audio = port_->format.media == AVRIG_MEDIA_AUDIO;
  next_index_ += is_audio ? std::int64_t{accepted(frame).samples} : 1;
}

void OutputPort::keep(std::uint32_t buffer) noexcept {
  if (kept_.empty()) {
    return;
  }
  maker_->keep(buffer);
  if (kept_[kept_next_] != shm::kNoBuffer) {
    maker_->let_go(kept_[kept_next_]);
  }
  kept_[kept_next_] = buffer;
  kept_next_ = (kept_next_ + 1) % kept_.size();
}

}  // namespace avrig::processor
