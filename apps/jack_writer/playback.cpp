// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "playback.hpp"

#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>

namespace avrig::jack_writer {
namespace {

constexpr std::int64_t kContiguousNs = 1'000'000;
// More than any resampler's tail: half its filter, at the widest ratio that sound comes in.
constexpr std::uint32_t kTailSamples = 4096;

}  // namespace

Playback::Playback(stage::StageIo& io, std::size_t input, std::uint32_t rate_hz, SampleFifo& fifo)
    : io_(&io),
      input_(input),
      follower_(&io.input(input)),
      in_rate_hz_(io.input_format(input).sample_rate_hz),
      rate_hz_(rate_hz),
      fifo_(&fifo),
      channels_(io.input_format(input).channels) {
  if (in_rate_hz_ != rate_hz_) {
    resampler_.emplace(in_rate_hz_, rate_hz_, channels_);
  }
  for (std::uint64_t sequence = follower_->hold(); sequence < follower_->next(); ++sequence) {
    replay_.push_back(sequence);
  }
}

std::int64_t Playback::position_of(std::int64_t media_ns) const noexcept {
  return std::llround(static_cast<double>(media_ns - media0_ns_) * rate_hz_ * 1e-9);
}

bool Playback::can_work() const noexcept {
  if (waits_for_room()) {
    return fifo_->room() > 0;
  }
  return in_hand_ || !replay_.empty() || (!ended_ && follower_->ready());
}

// The next block into the hand, marks dealt with.
bool Playback::take() {
  if (in_hand_) {
    return true;
  }
  while (!replay_.empty()) {
    const std::uint64_t sequence = replay_.front();
    replay_.pop_front();
    if (follower_->look_back(sequence, taken_) && taken_.kind == shm::Kind::Frame) {
      replaying_ = true;
      return in_hand_ = true;
    }
  }
  replaying_ = false;
  if (follower_->ended()) {
    ended_ = true;
    return false;
  }
  switch (follower_->try_next(taken_)) {
    case shm::RingFollower::Next::Nothing:
      return false;
    case shm::RingFollower::Next::Broken:
      throw Error(ErrorCode::Internal,
                  std::string("the audio input is damaged: ") + follower_->broken());
    case shm::RingFollower::Next::Taken:
      break;
  }
  if (taken_.kind == shm::Kind::Frame) {
    return in_hand_ = true;
  }
  follower_->complete(taken_);
  contiguous_ = false;
  ended_ = follower_->ended();
  return false;
}

std::optional<std::int64_t> Playback::first_capture_ns() {
  return take() ? std::optional(taken_.descriptor.capture_ns) : std::nullopt;
}

// Everything that is there, and to come before the next wait.
void Playback::drop_all(shm::DropReason reason) {
  replay_.clear();
  while (take()) {
    if (!replaying_) {
      follower_->complete_dropped(taken_, reason);
    }
    in_hand_ = false;
  }
  if (placed_.empty()) {
    follower_->release_all();
  }
}

void Playback::stop() {
  drop_all(shm::DropReason::Stopped);
  backlog_ = 0;
  silence_to_ = INT64_MIN;
  tail_ = false;
  contiguous_ = false;
  if (ended_) {
    fifo_->end();
  }
}

// What finds no room waits in converted_.
void Playback::keep(const float* samples, std::size_t stride, std::uint32_t count) {
  const float* const held = converted_.data();
  if (std::greater_equal<>{}(samples, held) && std::less<>{}(samples, held + converted_.size())) {
    backlog_at_ = static_cast<std::uint32_t>(samples - held);
  } else {
    converted_stride_ = count;
    converted_.resize(std::size_t{channels_} * count);
    for (std::uint32_t channel = 0; channel < channels_; ++channel) {
      std::copy_n(
          samples + channel * stride, count, converted_.data() + channel * converted_stride_);
    }
    backlog_at_ = 0;
  }
  backlog_ = count;
}

// At their place on the timeline: a hole before them is silence; what the device has passed, or
// what another block has taken, is passed over. Nothing shifts.
void Playback::put(const float* samples, std::size_t stride, std::uint32_t count) {
  const std::int64_t end = next_ + count;
  const std::int64_t free = std::max(fifo_->write_position(), fifo_->read_position());
  const std::int64_t at = std::clamp(free, next_, end);
  (void)fifo_->skip_to(at);
  // The callback may have gone on meanwhile.
  const std::int64_t from = std::clamp(fifo_->write_position(), at, end);
  const auto late = static_cast<std::uint32_t>(from - next_);
  late_samples_ += late;
  next_ = end;
  samples += late;
  count -= late;
  if (count == 0) {
    return;
  }
  if (fifo_->write_position() < from) {
    silence_to_ = from;  // room for the hole first
    keep(samples, stride, count);
    return;
  }
  const std::uint32_t now = std::min(count, fifo_->room());
  fifo_->write(samples, stride, now);
  if (now < count) {
    keep(samples + now, stride, count - now);
  }
}

bool Playback::flush_backlog() {
  if (silence_to_ > fifo_->write_position()) {
    if (fifo_->room() == 0) {
      return false;
    }
    (void)fifo_->skip_to(silence_to_);
    return true;
  }
  const std::uint32_t now = std::min(backlog_, fifo_->room());
  if (now == 0) {
    return false;
  }
  fifo_->write(converted_.data() + backlog_at_, converted_stride_, now);
  backlog_ -= now;
  backlog_at_ += now;
  return true;
}

bool Playback::begins_stretch() const noexcept {
  return !contiguous_ || std::llabs(taken_.descriptor.capture_ns - expected_ns_) > kContiguousNs;
}

void Playback::place() {
  const avrig_frame block = stage::view(taken_, io_->input_format(input_));
  const auto* samples = static_cast<const float*>(block.plane[0].data);
  std::size_t stride = block.plane[0].stride_bytes / sizeof(float);
  std::uint32_t count = block.planes == 0 ? 0 : block.samples;
  if (begins_stretch()) {
    if (resampler_) {
      resampler_->reset();
    }
    next_ = position_of(block.capture_ns);
    contiguous_ = true;
    expected_ns_ = block.capture_ns;
  }
  expected_ns_ += static_cast<std::int64_t>(block.samples) * 1'000'000'000 / in_rate_hz_;
  if (resampler_ && count > 0) {
    const std::uint32_t most = resampler_->max_output(count);
    converted_stride_ = most;
    converted_.resize(std::size_t{channels_} * most);
    count = resampler_->process(samples,
                                block.plane[0].stride_bytes,
                                count,
                                converted_.data(),
                                converted_stride_ * sizeof(float),
                                most);
    samples = converted_.data();
    stride = converted_stride_;
    tail_ = true;
  }
  put(samples, stride, count);
  placed_.push_back({taken_.sequence, next_});
}

// A stretch is over: the samples that its last ones are part of, and that no block follows.
bool Playback::place_tail() {
  if (!tail_) {
    return false;
  }
  converted_stride_ = kTailSamples;
  converted_.resize(std::size_t{channels_} * converted_stride_);
  const std::uint32_t count =
      resampler_->flush(converted_.data(), converted_stride_ * sizeof(float), kTailSamples);
  tail_ = count == kTailSamples;
  put(converted_.data(), converted_stride_, count);
  if (!placed_.empty()) {
    placed_.back().end = next_;
  }
  return true;
}

bool Playback::work() {
  if (waits_for_room()) {
    return flush_backlog();
  }
  const bool taken = take();
  if ((taken ? begins_stretch() : ended_) && place_tail()) {
    return true;
  }
  if (!taken) {
    if (ended_) {
      fifo_->end();
    }
    return false;
  }
  place();
  in_hand_ = false;
  if (!replaying_) {
    follower_->note_latency(taken_, monotonic_ns());
    follower_->complete(taken_);
    io_->note_out(taken_.descriptor.capture_ns);
  }
  return true;
}

void Playback::release() noexcept {
  const std::int64_t heard_to = fifo_->read_position();
  while (!placed_.empty() && placed_.front().end <= heard_to) {
    placed_.pop_front();
  }
  if (!placed_.empty()) {
    follower_->release(placed_.front().sequence);
  } else if (!replaying_ && !in_hand_) {
    follower_->release_all();
  }
}

bool Playback::heard() const noexcept {
  return ended() && fifo_->read_position() >= fifo_->write_position();
}

}  // namespace avrig::jack_writer
