// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "terms.hpp"
#include <avrig/shm/ring_follower.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace avrig::processor {

/// A point of one input between two deliveries: where the next one begins.
struct FeedPoint {
  std::uint64_t sequence = 0;  ///< frame
  std::uint64_t offset = 0;    ///< samples of it that were delivered before
  std::uint64_t units = 0;     ///< samples (or frames) delivered since this process began
};

/// One input of the plug-in: frames as they come, exact blocks, or so many pictures at once.
///
/// A *delivery* is what one call of the plug-in gets from this input. What is delivered depends on
/// the ring's frames and on the point where the feed began, on nothing else, so that a successor
/// that begins at a point of this feed delivers the same from there on. Frames that were completed
/// but are still held are looked at again first.
///
/// Thread: the stage's own      RT-safe: yes, but for start_at()
class InputFeed {
 public:
  enum class State { Waiting, Delivery, Mark, Quarantined, Ended, Broken };

  /// `keeps_back`: hold one delivery more, so that a half-done call can be done again.
  InputFeed(shm::RingFollower& follower,
            const PortTerms& port,
            std::uint32_t history,
            bool keeps_back,
            std::span<const std::uint64_t> quarantined);

  /// Begin at `point`, as far as its frames are still held; false when they are not.
  bool start_at(FeedPoint point);
  /// Take everything below `sequence` as done: the last output already contains it.
  void skip_to(std::uint64_t sequence) noexcept { follower_->skip_to(sequence); }

  /// Look for the next delivery. The same answer until it is consumed.
  [[nodiscard]] State fetch() noexcept;
  [[nodiscard]] State state() const noexcept { return state_; }
  /// Could fetch() come further? seq_cst loads: fit for a wait's condition.
  [[nodiscard]] bool ready() const noexcept {
    return state_ != State::Waiting || replaying() || follower_->ready();
  }
  /// Are frames that were completed before still looked at again?
  [[nodiscard]] bool replaying() const noexcept { return replay_next_ < replay_end_; }

  /// The delivery: an entry per frame, null where absent at the end of a stream.
  [[nodiscard]] std::span<const avrig_frame* const> entries() const noexcept { return entries_; }
  [[nodiscard]] const avrig_frame& first() const noexcept { return *entries_[0]; }
  /// When the delivery is to be presented; 0 = no gate says.
  [[nodiscard]] std::int64_t due_ns() const noexcept { return held_[0].descriptor.due_ns; }
  /// The frame set aside, or the mark.
  [[nodiscard]] const shm::Taken& taken() const noexcept { return held_.back(); }

  /// How far the input is consumed: frames taken, and which of several deliveries from the last
  /// one. Grows with each delivery and mark, and does not depend on where the feed began.
  struct Progress {
    std::uint64_t origin = 0;
    std::uint32_t ordinal = 0;
  };
  /// With what is in hand now, or without it.
  [[nodiscard]] Progress progress(bool with_this) const noexcept {
    return with_this ? current_ : consumed_;
  }
  /// Does the same frame hold another whole delivery?
  [[nodiscard]] bool has_more() const noexcept;

  /// The stage works on the delivery from now on: found by the watchdog when it hangs.
  void mark_busy(std::int64_t now_ns) noexcept;
  void mark_idle() noexcept;

  /// The delivery, mark or frame set aside is done with.
  void consume() noexcept;
  /// The same, but the frame counts as dropped (a writer that failed).
  void consume_dropped() noexcept;

  /// Where a successor begins: early enough for the history; `with_this`: that finds what is in
  /// hand now in the output already.
  [[nodiscard]] FeedPoint resume_point(bool with_this) const noexcept;
  /// An output contains all that was consumed: let go what no successor needs.
  void settle() noexcept;
  /// Let go what is held beyond what the ring was sized for.
  void bound() noexcept;
  void release_all() noexcept { follower_->release_all(); }

  [[nodiscard]] shm::RingFollower& follower() noexcept { return *follower_; }
  [[nodiscard]] const shm::RingFollower& follower() const noexcept { return *follower_; }

 private:
  enum class Got { Nothing, Frame, Mark, End, Broken };
  struct Hand {
    bool is_fresh = false;  // begun, and not completed yet
    bool is_set_aside = false;
  };

  [[nodiscard]] Got next_frame(shm::Taken& taken, Hand& hand) noexcept;
  void let_go_of(shm::Taken& taken, Hand& hand, bool dropped = false) noexcept;
  [[nodiscard]] bool is_quarantined(std::uint64_t sequence) const noexcept;
  [[nodiscard]] State fetch_frames() noexcept;
  [[nodiscard]] State fetch_block() noexcept;
  [[nodiscard]] State on_mark() noexcept;
  [[nodiscard]] State deliver_block() noexcept;
  [[nodiscard]] bool pass_whole_block() noexcept;
  void begin_block() noexcept;
  void copy_samples() noexcept;
  [[nodiscard]] std::size_t oldest_needed(std::uint64_t units) const noexcept;

  shm::RingFollower* follower_;
  avrig_format ring_format_;
  avrig_format format_;
  std::uint32_t batch_;
  std::uint32_t block_;
  bool keeps_back_;
  std::uint64_t history_units_;
  std::uint64_t allowed_;  // frames held at most
  std::vector<std::uint64_t> quarantined_;

  std::uint64_t replay_next_ = 0, replay_end_ = 0;
  State state_ = State::Waiting;
  bool is_mark_waiting_ = false;  // taken behind a partial delivery
  Progress current_;
  Progress consumed_;
  FeedPoint after_;  // where the next delivery begins, once this one is consumed

  // The frames of a delivery (or the one that a block is cut from), then a mark.
  std::vector<shm::Taken> held_;
  std::vector<Hand> hands_;
  std::size_t count_ = 0;
  std::vector<avrig_frame> views_;
  std::vector<const avrig_frame*> entries_;

  // Exact blocks.
  bool has_source_ = false;
  std::uint64_t offset_ = 0;  // into the source frame
  bool is_passed_ = false;    // the delivery is the source frame itself
  avrig_frame source_{};
  avrig_frame block_frame_{};
  std::vector<float> memory_;
  float* samples_ = nullptr;
  std::uint32_t stride_samples_ = 0;
  std::uint32_t fill_ = 0;

  std::vector<FeedPoint> points_;  // oldest needed .. open
};

}  // namespace avrig::processor
