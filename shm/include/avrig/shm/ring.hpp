// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/layout.hpp>
#include <avrig/shm/segment.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace avrig::shm {

/// What a ring is made from; the plan computes it.
struct RingSpec {
  std::uint32_t ring_id = 0;
  std::uint32_t maker_stage = 0;
  std::uint32_t maker_bell = 0;
  std::uint32_t slots = 64;        ///< N >= guard + 2
  std::uint32_t guard = 2;         ///< G
  std::uint32_t buffers = 8;       ///< 0 = a reference ring
  std::uint64_t buffer_bytes = 0;  ///< rounded up to 64 bytes, from one page on to whole pages
  std::uint32_t window = 4;        ///< most frames in flight while nobody lags, <= slots - guard
  bool live = false;
  avrig_format format{};
  std::vector<ParticipantEntry> participants;  ///< undo_offset is filled in by create()
};

/// What this process does with a ring; decides what it may write.
struct RingAccess {
  enum class As { Maker, Participant, Observer, Everything };
  As as = As::Observer;
  std::uint32_t participant = 0;
};

/// A ring in this process's memory: its validated geometry, and typed places in it.
///
/// Geometry is copied and checked once; nothing of it is read from shared memory again.
class Ring {
 public:
  /// Bytes that a ring of `spec` needs. Throws Error(Internal) on a spec that makes no sense.
  [[nodiscard]] static std::uint64_t bytes_needed(const RingSpec& spec);
  /// Lay a ring out in zeroed memory of at least bytes_needed(spec).
  static void lay_out(std::span<std::byte> memory, const RingSpec& spec);
  /// Create the segment of a ring and lay it out. `label` shows in /proc.
  [[nodiscard]] static Segment create(const std::string& label, const RingSpec& spec);

  /// Map a ring. Throws Error(Open) on foreign, torn or incompatible memory, naming what is wrong.
  Ring(const Segment& segment, RingAccess access);
  /// A ring over memory of this process (threads, tests): same checks, no protection.
  explicit Ring(std::span<std::byte> memory);
  Ring(Ring&&) noexcept = default;
  Ring& operator=(Ring&&) noexcept = default;

  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  [[nodiscard]] std::uint32_t slots() const noexcept { return slots_; }
  [[nodiscard]] std::uint32_t guard() const noexcept { return guard_; }
  [[nodiscard]] std::uint32_t buffers() const noexcept { return buffers_; }
  [[nodiscard]] std::uint64_t buffer_bytes() const noexcept { return buffer_bytes_; }
  [[nodiscard]] std::uint32_t window() const noexcept { return window_; }
  /// Most frames in flight.
  [[nodiscard]] std::uint64_t usable() const noexcept {
    return slots_ - guard_ < window_ ? slots_ - guard_ : window_;
  }
  [[nodiscard]] bool live() const noexcept { return live_; }
  [[nodiscard]] bool is_reference() const noexcept { return buffers_ == 0; }
  [[nodiscard]] std::uint32_t maker_bell() const noexcept { return maker_bell_; }
  [[nodiscard]] std::uint32_t maker_stage() const noexcept { return maker_stage_; }
  [[nodiscard]] const avrig_format& format() const noexcept { return format_; }
  [[nodiscard]] std::span<const ParticipantEntry> participants() const noexcept { return entries_; }

  [[nodiscard]] MakerPage& maker_page() const noexcept { return *maker_page_; }
  [[nodiscard]] ParticipantPage& participant_page(std::uint32_t index) const noexcept;
  [[nodiscard]] DescriptorSlot& slot(std::uint64_t sequence) const noexcept;
  [[nodiscard]] std::atomic<std::uint64_t>& generation(std::uint32_t buffer) const noexcept;
  [[nodiscard]] std::span<std::byte> buffer(std::uint32_t index) const noexcept;
  [[nodiscard]] std::span<std::byte> undo(std::uint32_t participant) const noexcept;

  /// Is frame `sequence` published? seq_cst, fit for a wait's condition.
  [[nodiscard]] bool published(std::uint64_t sequence) const noexcept;
  /// Copy frame `sequence`'s descriptor and word; false when it is not, or no longer, in its slot.
  /// A copy that the maker overtook is never taken for whole.
  [[nodiscard]] bool read(std::uint64_t sequence,
                          Descriptor& out,
                          std::uint64_t& word) const noexcept;
  /// What editor line `line` says of frame `sequence`; 0 = nothing.
  [[nodiscard]] std::uint64_t verdict(std::uint64_t sequence, std::uint32_t line) const noexcept;
  /// The sequence after the newest published one, found in the descriptors (O(slots)).
  [[nodiscard]] std::uint64_t find_head() const noexcept;

 private:
  void attach(std::span<std::byte> memory);
  void read_body(std::uint64_t sequence, Descriptor& out) const noexcept;

  std::optional<Mapping> mapping_;
  std::byte* base_ = nullptr;
  MakerPage* maker_page_ = nullptr;
  std::uint32_t id_ = 0, slots_ = 0, guard_ = 0, buffers_ = 0, window_ = 0, maker_bell_ = 0,
                maker_stage_ = 0;
  bool live_ = false;
  std::uint64_t buffer_bytes_ = 0, participant_offset_ = 0, descriptor_offset_ = 0,
                generation_offset_ = 0, undo_offset_ = 0, pool_offset_ = 0;
  avrig_format format_{};
  std::vector<ParticipantEntry> entries_;
};

/// Do `planes` of a descriptor lie inside a buffer of `buffer_bytes`? Everything read from shared
/// memory is input.
[[nodiscard]] bool fits(const Descriptor& descriptor, std::uint64_t buffer_bytes) noexcept;

}  // namespace avrig::shm
