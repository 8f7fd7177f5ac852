// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "parts.hpp"
#include <avrig/media/encoder.hpp>
#include <avrig/media/muxer.hpp>
#include <avrig/stage/io.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

namespace avrig::media_writer {

/// One input of a recording: its frames, its encoder, its stream in the file.
///
/// Its memory is let go only when what was made of it is in the kernel's hands, so that a successor
/// finds in the ring whatever the file lacks.
class Track {
 public:
  Track(stage::StageIo& io, std::size_t input, media::EncoderSettings settings);

  /// Where the parts before end; frames that they hold are not written again.
  void resume_after(const Recorded& recorded, const media::ContainerTraits& traits);
  [[nodiscard]] int add_to(media::Muxer& muxer);

  /// Look at the next frame; false when there is none yet, or none any more.
  [[nodiscard]] bool peek();
  /// Time of the frame that peek() found, on the recording's timeline.
  [[nodiscard]] std::int64_t peeked_ns() const noexcept { return time_ns(taken_); }
  /// Encode and write it. Throws Error(Open) when the file cannot take it.
  void write(media::Muxer& muxer);
  /// No more frames: the encoder's rest. Once.
  void finish(media::Muxer& muxer);
  /// Let go of what the file holds by now.
  void release(const media::Muxer& muxer);

  [[nodiscard]] bool ended() noexcept {
    return finished_ || (replay_.empty() && follower().ended());
  }
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  [[nodiscard]] bool has_peeked() const noexcept { return peeked_; }
  [[nodiscard]] bool has_unwritten() const noexcept { return !unwritten_.empty(); }
  [[nodiscard]] bool nothing_left() const noexcept { return finished_ && unwritten_.empty(); }
  [[nodiscard]] shm::RingFollower& follower() noexcept { return io_->input(input_); }
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }

 private:
  struct Pending {
    std::uint64_t sequence;
    std::int64_t time_ns;
  };

  [[nodiscard]] std::int64_t time_ns(const shm::Taken& taken) const noexcept;
  [[nodiscard]] bool is_recorded(avrig_frame& frame, std::int64_t& time) const noexcept;
  void encode(media::Muxer& muxer);
  void drain(media::Muxer& muxer);

  stage::StageIo* io_;
  std::size_t input_;
  avrig_format format_;
  std::unique_ptr<media::Encoder> encoder_;
  int stream_ = -1;
  Recorded recorded_;
  bool exact_times_ = true;
  bool keeps_times_ = true;
  std::deque<std::uint64_t> replay_;  // held frames that a predecessor had completed
  std::deque<Pending> unwritten_;     // encoded, not yet durable
  shm::Taken taken_;
  bool peeked_ = false;
  bool replaying_ = false;
  bool finished_ = false;
  std::uint64_t frames_ = 0;
};

}  // namespace avrig::media_writer
