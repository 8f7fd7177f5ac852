// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "track.hpp"

#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>

namespace avrig::media_writer {
namespace {

// Matroska keeps whole milliseconds: a read-back time is up to half of one away.
constexpr std::int64_t kCoarseNs = 600'000;

std::int64_t to_samples(std::int64_t ns, std::uint32_t rate_hz) noexcept {
  const double samples = static_cast<double>(ns) * rate_hz / 1e9;
  return static_cast<std::int64_t>(samples < 0 ? samples - 0.5 : samples + 0.5);
}

}  // namespace

Track::Track(stage::StageIo& io, std::size_t input, media::EncoderSettings settings)
    : io_(&io), input_(input), format_(io.input_format(input)) {
  settings.input = format_;
  encoder_ = std::make_unique<media::Encoder>(std::move(settings));
  for (std::uint64_t sequence = follower().hold(); sequence < follower().next(); ++sequence) {
    replay_.push_back(sequence);
  }
}

void Track::resume_after(const Recorded& recorded, const media::ContainerTraits& traits) {
  recorded_ = recorded;
  exact_times_ = traits.exact_ns;
  keeps_times_ = traits.keeps_times;
}

int Track::add_to(media::Muxer& muxer) {
  stream_ = muxer.add_stream(*encoder_);
  return stream_;
}

// A file's frames keep the file's times; a device's count from the start of the run, the same for
// all streams and all parts.
std::int64_t Track::time_ns(const shm::Taken& taken) const noexcept {
  return taken.descriptor.quality == AVRIG_QUALITY_FILE_PTS
             ? taken.descriptor.capture_ns
             : taken.descriptor.capture_ns - io_->assignment().started_ns;
}

bool Track::peek() {
  if (peeked_) {
    return true;
  }
  while (!replay_.empty()) {
    const std::uint64_t sequence = replay_.front();
    replay_.pop_front();
    if (follower().look_back(sequence, taken_) && taken_.kind == shm::Kind::Frame) {
      replaying_ = true;
      peeked_ = true;
      return true;
    }
  }
  replaying_ = false;
  for (;;) {
    switch (follower().try_next(taken_)) {
      case shm::RingFollower::Next::Nothing:
        return false;
      case shm::RingFollower::Next::Broken:
        throw Error(ErrorCode::Internal,
                    std::string("input '") + io_->assignment().inputs[input_].from +
                        "' is damaged: " + follower().broken());
      case shm::RingFollower::Next::Taken:
        break;
    }
    if (taken_.kind == shm::Kind::Frame) {
      peeked_ = true;
      return true;
    }
    follower().complete(taken_);
    if (unwritten_.empty()) {
      follower().release_all();
    }
    if (taken_.kind == shm::Kind::End) {
      return false;
    }
  }
}

// Is it in a part already? A block that is there in part is cut: `frame` and `time` then begin at
// its first missing sample.
bool Track::is_recorded(avrig_frame& frame, std::int64_t& time) const noexcept {
  if (!recorded_.any) {
    return false;
  }
  const std::int64_t slack = exact_times_ ? 0 : kCoarseNs;
  if (frame.media != AVRIG_MEDIA_AUDIO) {
    return time <= recorded_.last_ns + slack;
  }
  std::int64_t there = to_samples(recorded_.end_ns - time, format_.sample_rate_hz);
  const std::int64_t counted = static_cast<std::int64_t>(recorded_.samples) - frame.index;
  // A gapless recording from the first sample on: its count is exact where its times are not.
  // In a container without times nothing but the count says where a part ends.
  if (!keeps_times_ ||
      std::abs(counted - there) <= to_samples(2 * kCoarseNs, format_.sample_rate_hz)) {
    there = counted;
  }
  if (there <= 0) {
    return false;
  }
  if (there >= static_cast<std::int64_t>(frame.samples)) {
    return true;
  }
  frame.plane[0].data = static_cast<float*>(frame.plane[0].data) + there;
  frame.samples -= static_cast<std::uint32_t>(there);
  time += there * 1'000'000'000 / format_.sample_rate_hz;
  return false;
}

void Track::encode(media::Muxer& muxer) {
  avrig_frame frame = stage::view(taken_, format_);
  std::int64_t time = time_ns(taken_);
  if (is_recorded(frame, time)) {
    return;
  }
  switch (encoder_->encode(frame, time, frame.duration_ns)) {
    case media::EncodeStatus::Ok:
      break;
    case media::EncodeStatus::WrongFormat:
      throw Error(ErrorCode::Open,
                  "the pictures of '" + io_->assignment().inputs[input_].from +
                      "' changed their format midway; record them lossless per "
                      "format, or scale them first (process: avfilter)");
    case media::EncodeStatus::Failed:
      throw Error(ErrorCode::Open, "cannot encode: " + encoder_->error());
  }
  unwritten_.push_back({taken_.sequence, time});
  ++frames_;
  drain(muxer);
}

void Track::write(media::Muxer& muxer) {
  peeked_ = false;
  const std::uint32_t shown = AVRIG_FRAME_HELD | AVRIG_FRAME_SILENCE;
  // Each origin once: repeats and silence are what a presentation needed, not what was captured.
  if ((taken_.descriptor.flags & shown) == 0 && !taken_.payload.empty()) {
    encode(muxer);
  }
  if (!replaying_) {
    follower().note_latency(taken_, monotonic_ns());
    follower().complete(taken_);
    io_->note_out(time_ns(taken_));
  }
  release(muxer);
}

void Track::drain(media::Muxer& muxer) {
  media::Packet packet;
  while (encoder_->receive(packet)) {
    switch (muxer.write(stream_, std::move(packet))) {
      case media::WriteStatus::Ok:
        break;
      case media::WriteStatus::NotMonotonic:
        io_->count("not_monotonic");
        break;
      case media::WriteStatus::Failed:
        throw Error(ErrorCode::Open, "cannot write '" + muxer.path() + "': " + muxer.error());
    }
    packet = media::Packet();
  }
}

void Track::finish(media::Muxer& muxer) {
  if (finished_) {
    return;
  }
  (void)encoder_->finish();
  drain(muxer);
  muxer.end_stream(stream_);
  finished_ = true;
  release(muxer);
}

void Track::release(const media::Muxer& muxer) {
  const std::int64_t durable_ns = muxer.durable_pts_ns(stream_);
  while (!unwritten_.empty()) {
    // A picture is there with its packet; a block only when the packet of its last sample is.
    const bool there = format_.media == AVRIG_MEDIA_VIDEO
                           ? unwritten_.front().time_ns <= durable_ns
                           : unwritten_.size() > 1 && unwritten_[1].time_ns <= durable_ns;
    if (!there) {
      break;
    }
    unwritten_.pop_front();
  }
  if (!unwritten_.empty()) {
    follower().release(unwritten_.front().sequence);
  } else {
    follower().release(replaying_ ? taken_.sequence + 1 : follower().next());
  }
}

}  // namespace avrig::media_writer
