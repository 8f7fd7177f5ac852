// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "playback.hpp"

#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace avrig::jack_writer {
namespace {

constexpr std::int64_t kContiguousNs = 1'000'000;

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
  if (backlog_ > 0 || silence_to_ > fifo_->write_position()) {
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

// Append to the timeline; what finds no room waits in converted_.
void Playback::push(const float* samples, std::size_t stride, std::uint32_t count) {
  const std::uint32_t now = std::min(count, fifo_->room());
  fifo_->write(samples, stride, now);
  if (now == count) {
    return;
  }
  backlog_ = count - now;
  if (samples != converted_.data()) {
    converted_stride_ = backlog_;
    converted_.resize(std::size_t{channels_} * backlog_);
    for (std::uint32_t channel = 0; channel < channels_; ++channel) {
      std::copy_n(samples + channel * stride + now,
                  backlog_,
                  converted_.data() + channel * converted_stride_);
    }
    backlog_at_ = 0;
  } else {
    backlog_at_ = now;
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

void Playback::place() {
  const avrig_frame block = stage::view(taken_, io_->input_format(input_));
  const auto* samples = static_cast<const float*>(block.plane[0].data);
  std::size_t stride = block.plane[0].stride_bytes / sizeof(float);
  std::uint32_t count = block.planes == 0 ? 0 : block.samples;
  if (!contiguous_ || std::llabs(block.capture_ns - expected_ns_) > kContiguousNs) {
    // A new stretch: at its own time, the hole before it is silence.
    if (resampler_) {
      resampler_->reset();
    }
    const std::int64_t at = position_of(block.capture_ns);
    (void)fifo_->skip_to(at);
    silence_to_ = at;
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
  }
  // What the device has passed already cannot be heard any more.
  const std::int64_t passed = fifo_->read_position() - fifo_->write_position();
  if (passed > 0 && silence_to_ <= fifo_->write_position()) {
    const auto late = static_cast<std::uint32_t>(std::min<std::int64_t>(passed, count));
    late_samples_ += late;
    (void)fifo_->skip_to(fifo_->read_position());
    push(samples + late, stride, count - late);
  } else if (silence_to_ > fifo_->write_position()) {
    // Room for the hole first; the block follows it.
    converted_stride_ = samples == converted_.data() ? converted_stride_ : count;
    if (samples != converted_.data()) {
      converted_.resize(std::size_t{channels_} * count);
      for (std::uint32_t channel = 0; channel < channels_; ++channel) {
        std::copy_n(samples + channel * stride, count, converted_.data() + channel * count);
      }
    }
    backlog_ = count;
    backlog_at_ = 0;
  } else {
    push(samples, stride, count);
  }
  placed_.push_back({taken_.sequence, std::max(fifo_->write_position(), silence_to_) + backlog_});
}

bool Playback::work() {
  if (ended_ && backlog_ == 0) {
    fifo_->end();
  }
  if (backlog_ > 0 || silence_to_ > fifo_->write_position()) {
    return flush_backlog();
  }
  if (!take()) {
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
  return ended_ && backlog_ == 0 && fifo_->read_position() >= fifo_->write_position();
}

}  // namespace avrig::jack_writer
