// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "input_feed.hpp"

#include <avrig/monotonic.hpp>
#include <avrig/stage/io.hpp>

#include <algorithm>
#include <cstring>

namespace avrig::processor {
namespace {

constexpr std::uint32_t kAlignedSamples = 16;  // 64 bytes
// The flags of a frame that are true of any part of it.
constexpr std::uint32_t kLastingFlags = AVRIG_FRAME_UNPROCESSED | AVRIG_FRAME_QUARANTINED;

std::int64_t samples_to_ns(std::uint64_t samples, std::uint32_t rate_hz) noexcept {
  return rate_hz == 0 ? 0
                      : static_cast<std::int64_t>(samples / rate_hz * 1'000'000'000 +
                                                  samples % rate_hz * 1'000'000'000 / rate_hz);
}

}  // namespace

InputFeed::InputFeed(shm::RingFollower& follower,
                     const PortTerms& port,
                     std::uint32_t history,
                     bool keeps_back,
                     std::span<const std::uint64_t> quarantined)
    : follower_(&follower),
      ring_format_(port.ring_format),
      format_(port.format),
      batch_(port.entries),
      block_(port.block_samples),
      keeps_back_(keeps_back),
      // Sources cut sound as they like: history counts in frames of the nominal length.
      history_units_(std::uint64_t{history} * (port.format.media == AVRIG_MEDIA_AUDIO
                                                   ? std::max(port.format.block_samples, 1U)
                                                   : 1U)),
      quarantined_(quarantined.begin(), quarantined.end()) {
  const std::uint64_t window = follower.ring().window();
  allowed_ = window > 2 ? window - 1 : 1;
  held_.resize(batch_ + 1);
  hands_.resize(batch_ + 1);
  views_.resize(batch_);
  entries_.assign(batch_, nullptr);
  points_.reserve(64 + history);
  if (block_ > 0) {
    stride_samples_ = (block_ + kAlignedSamples - 1) / kAlignedSamples * kAlignedSamples;
    memory_.resize(std::size_t{stride_samples_} * format_.channels + kAlignedSamples);
    void* at = memory_.data();
    std::size_t room = memory_.size() * sizeof(float);
    samples_ = static_cast<float*>(std::align(64, sizeof(float), at, room));
  }
  points_.push_back({follower.next(), 0, 0});
  consumed_.origin = follower.next();
}

bool InputFeed::start_at(FeedPoint point) {
  const std::uint64_t from = std::max(point.sequence, follower_->hold());
  const bool is_whole = from == point.sequence;
  replay_next_ = std::min(from, follower_->next());
  replay_end_ = follower_->next();
  offset_ = is_whole ? point.offset : 0;
  points_.assign(1, {from, offset_, 0});
  consumed_ = {offset_ > 0 ? from + 1 : from, 0};
  if (offset_ > 0 && block_ > 0) {
    consumed_.ordinal = static_cast<std::uint32_t>((offset_ - 1) / block_);
  }
  return is_whole;
}

// --- frames, those that are held first ----------------------------------------------------------

InputFeed::Got InputFeed::next_frame(shm::Taken& taken, Hand& hand) noexcept {
  hand = {};
  while (replay_next_ < replay_end_) {
    const std::uint64_t sequence = replay_next_++;
    if (!follower_->look_back(sequence, taken) || taken.kind == shm::Kind::Empty) {
      continue;
    }
    hand.is_set_aside = taken.kind == shm::Kind::Frame && is_quarantined(sequence);
    return taken.kind == shm::Kind::Frame ? Got::Frame : Got::Mark;
  }
  if (follower_->ended()) {
    return Got::End;
  }
  switch (follower_->try_next(taken)) {
    case shm::RingFollower::Next::Nothing:
      return Got::Nothing;
    case shm::RingFollower::Next::Broken:
      return Got::Broken;
    case shm::RingFollower::Next::Taken:
      break;
  }
  hand.is_fresh = true;
  hand.is_set_aside = taken.kind == shm::Kind::Frame && is_quarantined(taken.sequence);
  return taken.kind == shm::Kind::Frame ? Got::Frame : Got::Mark;
}

bool InputFeed::is_quarantined(std::uint64_t sequence) const noexcept {
  return !quarantined_.empty() &&
         std::find(quarantined_.begin(), quarantined_.end(), sequence) != quarantined_.end();
}

void InputFeed::let_go_of(shm::Taken& taken, Hand& hand, bool dropped) noexcept {
  if (!hand.is_fresh) {
    return;
  }
  hand.is_fresh = false;
  if (taken.kind == shm::Kind::Frame) {
    follower_->note_latency(taken, monotonic_ns());
  }
  if (hand.is_set_aside) {
    follower_->complete_quarantined(taken);
  } else if (dropped) {
    follower_->complete_dropped(taken, shm::DropReason::Processor);
  } else {
    follower_->complete(taken);
  }
}

InputFeed::State InputFeed::fetch() noexcept {
  if (state_ == State::Waiting) {
    state_ = is_mark_waiting_ ? on_mark() : block_ > 0 ? fetch_block() : fetch_frames();
  }
  return state_;
}

InputFeed::State InputFeed::on_mark() noexcept {
  is_mark_waiting_ = false;
  // What was left in front of the mark is the mark's delivery 0.
  current_ = {held_.back().sequence + 1, 1};
  after_ = {current_.origin, 0, points_.back().units};
  return State::Mark;
}

InputFeed::State InputFeed::fetch_frames() noexcept {
  while (count_ < batch_) {
    // One frame in hand at a time: those before stay held, which is all that matters to us.
    if (count_ > 0) {
      let_go_of(held_[count_ - 1], hands_[count_ - 1]);
    }
    shm::Taken& taken = held_[count_];
    Hand& hand = hands_[count_];
    const Got got = next_frame(taken, hand);
    if (got == Got::Nothing || got == Got::Broken || got == Got::End) {
      return got == Got::Nothing  ? State::Waiting
             : got == Got::Broken ? State::Broken
                                  : State::Ended;
    }
    if (got == Got::Mark) {
      held_.back() = taken;
      hands_.back() = hand;
      if (count_ == 0) {
        return on_mark();
      }
      is_mark_waiting_ = true;
      current_ = {taken.sequence + 1, 0};
      break;
    }
    if (taken.payload.empty() || (hand.is_set_aside && batch_ > 1)) {
      let_go_of(taken, hand);  // silence of a gate, or left out of the batch
      continue;
    }
    current_ = {taken.sequence + 1, 0};
    after_ = {current_.origin, 0, points_.back().units};
    if (hand.is_set_aside) {
      held_.back() = taken;
      hands_.back() = hand;
      hand.is_fresh = false;
      return State::Quarantined;
    }
    views_[count_] = stage::view(taken, ring_format_);
    entries_[count_] = &views_[count_];
    ++count_;
  }
  after_.units += format_.media == AVRIG_MEDIA_AUDIO ? entries_[0]->samples : std::uint64_t{1};
  std::fill(entries_.begin() + static_cast<std::ptrdiff_t>(count_), entries_.end(), nullptr);
  return State::Delivery;
}

// --- exact blocks -------------------------------------------------------------------------------

InputFeed::State InputFeed::fetch_block() noexcept {
  while (fill_ < block_) {
    if (has_source_ && offset_ >= source_.samples) {
      let_go_of(held_[0], hands_[0]);
      has_source_ = false;
      offset_ = 0;
      bound();
    }
    if (!has_source_) {
      const Got got = next_frame(held_[0], hands_[0]);
      if (got == Got::Nothing || got == Got::Broken || got == Got::End) {
        return got == Got::Nothing  ? State::Waiting
               : got == Got::Broken ? State::Broken
                                    : State::Ended;
      }
      if (got == Got::Mark) {
        held_.back() = held_[0];
        hands_.back() = hands_[0];
        offset_ = 0;
        if (fill_ == 0) {
          return on_mark();
        }
        is_mark_waiting_ = true;
        current_ = {held_.back().sequence + 1, 0};
        after_ = {held_.back().sequence, 0, points_.back().units + fill_};
        return deliver_block();
      }
      has_source_ = true;
      source_ = stage::view(held_[0], ring_format_);
      source_.flags |=
          hands_[0].is_set_aside ? AVRIG_FRAME_QUARANTINED | AVRIG_FRAME_UNPROCESSED : 0U;
      if (offset_ >= source_.samples) {
        continue;
      }
    }
    if (fill_ == 0 && pass_whole_block()) {
      return State::Delivery;
    }
    copy_samples();
  }
  // A block that ends in this frame ends at `offset_` of it.
  current_ = {held_[0].sequence + 1, static_cast<std::uint32_t>((offset_ - 1) / block_)};
  const bool is_used_up = offset_ >= source_.samples;
  after_ = {is_used_up ? current_.origin : held_[0].sequence,
            is_used_up ? 0 : offset_,
            points_.back().units + block_};
  return deliver_block();
}

// The frame is the block: no need for a copy.
bool InputFeed::pass_whole_block() noexcept {
  if (offset_ != 0 || source_.samples != block_ || source_.planes == 0 || hands_[0].is_set_aside) {
    return false;
  }
  is_passed_ = true;
  entries_[0] = &source_;
  current_ = {held_[0].sequence + 1, 0};
  after_ = {current_.origin, 0, points_.back().units + block_};
  return true;
}

void InputFeed::begin_block() noexcept {
  block_frame_ = source_;
  block_frame_.capture_ns += samples_to_ns(offset_, format_.sample_rate_hz);
  block_frame_.index += static_cast<std::int64_t>(offset_);
  block_frame_.flags = offset_ == 0 ? source_.flags : source_.flags & kLastingFlags;
  block_frame_.planes = 1;
  block_frame_.plane[0] = {.data = samples_,
                           .size_bytes = std::uint64_t{stride_samples_} * 4 * format_.channels,
                           .stride_bytes = stride_samples_ * 4,
                           .rows = format_.channels};
}

void InputFeed::copy_samples() noexcept {
  if (fill_ == 0) {
    begin_block();
  }
  block_frame_.flags |= source_.flags & kLastingFlags;
  const auto count = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(block_ - fill_, source_.samples - offset_));
  // What was set aside, and a gate's silence, keep their place in time.
  const bool is_silent = source_.planes == 0 || hands_[0].is_set_aside;
  for (std::uint32_t channel = 0; channel < format_.channels; ++channel) {
    float* to = samples_ + std::size_t{channel} * stride_samples_ + fill_;
    if (is_silent || channel >= source_.plane[0].rows) {
      std::fill_n(to, count, 0.0F);
      continue;
    }
    const auto* row = static_cast<const std::byte*>(source_.plane[0].data) +
                      std::size_t{channel} * source_.plane[0].stride_bytes;
    std::memcpy(to, row + offset_ * sizeof(float), count * sizeof(float));
  }
  fill_ += count;
  offset_ += count;
}

InputFeed::State InputFeed::deliver_block() noexcept {
  block_frame_.samples = fill_;
  block_frame_.duration_ns = samples_to_ns(fill_, format_.sample_rate_hz);
  entries_[0] = &block_frame_;
  return State::Delivery;
}

bool InputFeed::has_more() const noexcept {
  return block_ > 0 && !is_passed_ && has_source_ && source_.samples - offset_ >= block_;
}

// --- done ----------------------------------------------------------------------------------------

void InputFeed::mark_busy(std::int64_t now_ns) noexcept {
  follower_->page().since_ns.store(now_ns, std::memory_order_relaxed);
}
void InputFeed::mark_idle() noexcept {
  follower_->page().since_ns.store(0, std::memory_order_relaxed);
}

void InputFeed::consume() noexcept {
  if (state_ == State::Mark || state_ == State::Quarantined) {
    let_go_of(held_.back(), hands_.back());
    points_.back() = after_;
  } else if (state_ == State::Delivery) {
    if (block_ > 0) {
      offset_ = is_passed_ ? source_.samples : offset_;
      is_passed_ = false;
      fill_ = 0;
      if (has_source_ && offset_ >= source_.samples) {
        let_go_of(held_[0], hands_[0]);
        has_source_ = false;
        offset_ = 0;
      }
    } else {
      let_go_of(held_[count_ - 1], hands_[count_ - 1]);
      count_ = 0;
    }
    points_.push_back(after_);
  }
  consumed_ = current_;
  mark_idle();
  state_ = State::Waiting;
}

void InputFeed::consume_dropped() noexcept {
  if (state_ == State::Delivery && block_ == 0) {
    let_go_of(held_[count_ - 1], hands_[count_ - 1], true);
  }
  consume();
}

// --- what a successor needs ----------------------------------------------------------------------

// The last point from which at least the history lies in front of `units`.
std::size_t InputFeed::oldest_needed(std::uint64_t units) const noexcept {
  const std::uint64_t wanted = units - std::min(units, history_units_);
  std::size_t at = points_.size() - 1;
  while (at > 0 && points_[at].units > wanted) {
    --at;
  }
  return at;
}

FeedPoint InputFeed::resume_point(bool with_this) const noexcept {
  if (!with_this) {
    return points_[oldest_needed(points_.back().units)];
  }
  return history_units_ == 0 ? after_ : points_[oldest_needed(after_.units)];
}

void InputFeed::settle() noexcept {
  const std::size_t base = points_.size() - (keeps_back_ && points_.size() > 1 ? 2 : 1);
  const std::size_t oldest = std::min(oldest_needed(points_[base].units), base);
  points_.erase(points_.begin(), points_.begin() + static_cast<std::ptrdiff_t>(oldest));
  follower_->release(points_.front().sequence);
}

void InputFeed::bound() noexcept {
  if (follower_->next() - follower_->hold() > allowed_) {
    follower_->release(follower_->next() - allowed_);
  }
}

}  // namespace avrig::processor
