// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "sample_fifo.hpp"
#include <avrig/media/resampler.hpp>
#include <avrig/stage/io.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace avrig::jack_writer {

/// Puts an input's blocks at their place on the output's timeline: resampled to its rate, gaps as
/// silence, what is too late passed over.
///
/// Position p of the output stands for media time media0 + p / rate. Blocks that follow each other
/// are placed by counting samples, so that no rounding of times ever inserts or drops one; a block
/// whose time differs from the count by more than 1 ms begins a new stretch.
///
/// Thread: the stage's
class Playback {
 public:
  Playback(stage::StageIo& io, std::size_t input, std::uint32_t rate_hz, SampleFifo& fifo);

  /// Media time of position 0.
  void set_origin(std::int64_t media0_ns) noexcept { media0_ns_ = media0_ns; }

  /// Is there something to place, and room for it?
  [[nodiscard]] bool can_work() const noexcept;
  /// Place what can be placed. False: nothing was done.
  bool work();
  /// Let go of the blocks that have been heard.
  void release() noexcept;

  /// The first block's time, without taking it; empty: none yet.
  [[nodiscard]] std::optional<std::int64_t> first_capture_ns();
  /// How long after its stream's first sample that block begins, by the count of samples. After
  /// first_capture_ns() gave one.
  [[nodiscard]] std::int64_t first_offset_ns() const noexcept {
    return static_cast<std::int64_t>(static_cast<double>(taken_.descriptor.index) * 1e9 /
                                     in_rate_hz_);
  }
  /// Everything was placed, with what the resampler still held.
  [[nodiscard]] bool ended() const noexcept { return ended_ && !tail_ && !waits_for_room(); }
  /// Everything was heard.
  [[nodiscard]] bool heard() const noexcept;
  [[nodiscard]] std::uint64_t late_samples() const noexcept { return late_samples_; }

  /// Blocks that came before anything is presented (the pre-roll of what a device feeds).
  void pass_over() { drop_all(shm::DropReason::Late); }
  /// The run is stopped: what was not placed yet will not be.
  void stop();

 private:
  struct Placed {
    std::uint64_t sequence;
    std::int64_t end;  ///< position after its last sample
  };

  [[nodiscard]] bool take();
  void drop_all(shm::DropReason reason);
  [[nodiscard]] bool begins_stretch() const noexcept;
  void place();
  [[nodiscard]] bool place_tail();
  void put(const float* samples, std::size_t stride, std::uint32_t count);
  void keep(const float* samples, std::size_t stride, std::uint32_t count);
  [[nodiscard]] std::int64_t position_of(std::int64_t media_ns) const noexcept;
  [[nodiscard]] bool waits_for_room() const noexcept {
    return backlog_ > 0 || silence_to_ > fifo_->write_position();
  }
  bool flush_backlog();

  stage::StageIo* io_;
  std::size_t input_;
  shm::RingFollower* follower_;
  std::uint32_t in_rate_hz_;
  std::uint32_t rate_hz_;
  SampleFifo* fifo_;
  std::optional<media::Resampler> resampler_;
  std::uint32_t channels_;
  std::int64_t media0_ns_ = 0;
  std::deque<std::uint64_t> replay_;  // held blocks of a predecessor, not yet heard
  shm::Taken taken_;
  bool in_hand_ = false;
  bool replaying_ = false;
  bool contiguous_ = false;
  bool tail_ = false;             // the resampler holds the end of a stretch
  std::int64_t expected_ns_ = 0;  // media time after the last block
  std::int64_t next_ = 0;         // position of the next sample to place
  std::vector<float> converted_;  // channel after channel
  std::size_t converted_stride_ = 0;
  std::uint32_t backlog_at_ = 0;  // converted, waiting for room
  std::uint32_t backlog_ = 0;
  std::int64_t silence_to_ = INT64_MIN;
  std::deque<Placed> placed_;
  std::uint64_t late_samples_ = 0;
  bool ended_ = false;
};

}  // namespace avrig::jack_writer
