// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "terms.hpp"
#include <avrig/shm/ring_maker.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace avrig::processor {

/// What the host writes beside a frame, so that a successor finds where to go on.
///
/// `origin` grows with each step of the stage; within the same origin `part` does. `from` and
/// `position` (a sample offset into frame `from` for each input that is cut into exact blocks) say
/// where a successor begins to read again.
struct Commit {
  std::array<std::uint64_t, shm::kMaxOrigins> origin{};
  std::array<std::uint64_t, shm::kMaxOrigins> from{};
  std::int64_t position = 0;
  std::uint32_t part = 0;
  bool more = false;
};

/// Sum of the frames consumed: the first word of a commit's place in the order.
[[nodiscard]] std::uint64_t total(
    const std::array<std::uint64_t, shm::kMaxOrigins>& origin) noexcept;

/// A claimed frame to write into.
struct OutputFrame {
  std::uint32_t buffer = shm::kNoBuffer;  ///< none: private memory, the frame goes nowhere
  avrig_frame preset{};
  avrig_frame answered{};
};

/// One output: claims frames, numbers and publishes them, once.
///
/// Thread: the stage's own      RT-safe: yes, after construction
class OutputPort {
 public:
  OutputPort(shm::RingMaker& maker, const PortTerms& port, std::uint32_t keep_outputs);

  [[nodiscard]] shm::RingMaker& maker() noexcept { return *maker_; }
  [[nodiscard]] const PortTerms& terms() const noexcept { return *port_; }

  /// A frame of the pool, laid out for the format; false while none is free.
  [[nodiscard]] bool try_claim(OutputFrame& out) noexcept;
  /// A frame of private memory: what is written there goes nowhere.
  void claim_private(OutputFrame& out) noexcept;
  void abandon(OutputFrame& frame) noexcept;

  /// Is it, or something after it, in the ring already?
  [[nodiscard]] bool has(const Commit& commit) const noexcept {
    return has(total(commit.origin), commit.part);
  }
  [[nodiscard]] bool has(std::uint64_t sum, std::uint32_t part) const noexcept {
    return has_last_ && (sum < last_total_ || (sum == last_total_ && part <= last_part_));
  }
  /// Publish what the plug-in answered, with what it may change taken over. Requires may_publish().
  void publish(OutputFrame& frame, const Commit& commit, bool quarantined) noexcept;
  /// Publish that there is no frame here. Requires may_publish().
  void publish_empty(const Commit& commit,
                     const avrig_frame& stamps,
                     shm::DropReason reason,
                     bool quarantined) noexcept;
  /// Publish a mark. Requires may_publish().
  void publish_mark(shm::Kind kind, const Commit& commit, const shm::Descriptor* from) noexcept;

  /// The frame as it will be published.
  [[nodiscard]] avrig_frame accepted(const OutputFrame& frame) const noexcept;
  /// Sample or picture number of the next frame.
  [[nodiscard]] std::int64_t next_index() const noexcept { return next_index_; }
  /// The stamps after the ring's newest frame; what a tail begins with.
  [[nodiscard]] const avrig_frame& tail_stamps() const noexcept { return tail_; }
  /// The frame is lost, its samples or its number are not.
  void skip(const OutputFrame& frame) noexcept;
  /// The next frame is flagged as the first after a break.
  void mark_break() noexcept { breaks_ = true; }
  void open_epoch(std::uint64_t epoch) noexcept { epoch_ = epoch; }

 private:
  void make_private_frames(std::size_t count);
  void fill(shm::Descriptor& descriptor, const Commit& commit) const noexcept;
  void note_tail(const avrig_frame& frame) noexcept;
  void keep(std::uint32_t buffer) noexcept;

  shm::RingMaker* maker_;
  const PortTerms* port_;
  std::vector<avrig_frame> laid_out_;  // by buffer
  std::vector<std::byte> private_memory_;
  std::vector<avrig_frame> private_frames_;
  std::size_t private_next_ = 0;
  std::uint32_t room_ = 0;
  std::uint64_t last_total_ = 0;
  std::uint32_t last_part_ = 0;
  bool has_last_ = false;
  std::int64_t next_index_ = 0;
  avrig_frame tail_{};
  bool breaks_ = false;
  std::optional<std::uint64_t> epoch_;
  std::vector<std::uint32_t> kept_;
  std::size_t kept_next_ = 0;
};

}  // namespace avrig::processor
