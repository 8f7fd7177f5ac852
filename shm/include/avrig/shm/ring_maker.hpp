// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/bell.hpp>
#include <avrig/shm/ring.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace avrig::shm {

/// The one stage that writes new frames into a ring.
///
/// Publishing is one store of the descriptor's word; there is no other commit. Killed at any
/// instruction, a maker leaves either no frame or a whole one, and its successor finds in the last
/// descriptor where to go on. Which buffers are free follows from the descriptors and the
/// followers' cursors, so nothing about them is lost either.
///
/// Thread: one (the owner), but keep() and let_go() need the owner's lock where a decoder's threads
/// call them.
class RingMaker {
 public:
  /// `bells` of the run, by index. Recovers head, last descriptor and pins from the ring.
  RingMaker(Ring& ring, std::span<Bell> bells);

  /// Frames published so far, by this process and those before it; the next frame's sequence.
  [[nodiscard]] std::uint64_t head() const noexcept { return head_; }
  /// The newest descriptor, where one was published: where a successor resumes.
  [[nodiscard]] const std::optional<Descriptor>& last() const noexcept { return last_; }
  /// Has the end of stream been published? Then nothing more may be.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// The oldest frame that some follower may still use, in hand or ahead of it. In a live reference
  /// ring it may be gone from its slot, so that read() no longer says what it named: then what the
  /// maker holds of its input stays held until tail() has passed it.
  [[nodiscard]] std::uint64_t tail() noexcept;

  /// Take away frames that nobody but followers that may skip still wants, oldest first, but for the
  /// newest `most` of them. A frame in hand stays. For reference rings, which have no buffers to run
  /// short of: what they name is held in another ring, whose maker would wait.
  void leave_to_skippers(std::uint64_t most) noexcept;

  /// A buffer to write into, most recently freed first.
  ///
  /// Empty when every buffer is in use (back pressure: wait for the followers, see ready()).
  /// RT-safe: yes (wait-free)
  [[nodiscard]] std::optional<std::uint32_t> try_claim() noexcept;
  /// Give a claimed buffer back unpublished.
  void abandon(std::uint32_t buffer) noexcept;
  [[nodiscard]] std::span<std::byte> memory(std::uint32_t buffer) const noexcept {
    return ring_->buffer(buffer);
  }

  /// May a frame be published now? False while the window is full of frames that `must` followers
  /// still need. Always true for a live ring. seq_cst loads: fit for a wait's condition.
  ///
  /// When false, followers are told how much room is worth waking this stage for: see ask_for().
  [[nodiscard]] bool may_publish() noexcept;
  /// may_publish(), and a buffer is free where the ring has any: the condition to wait for before
  /// making a frame.
  [[nodiscard]] bool ready() noexcept;

  /// Publish `buffer` (claimed before) as the next frame, and ring who sleeps.
  ///
  /// Fills in sequence, published_ns, voids, drops and generation; the rest is the caller's.
  /// Requires may_publish(). RT-safe: yes (a system call only when a follower sleeps)
  void publish(Descriptor& descriptor, std::uint32_t buffer) noexcept;
  /// Publish a descriptor without a buffer of this ring: a mark, a dropped frame, or a frame of a
  /// reference ring. Requires may_publish().
  void publish(Kind kind, Descriptor& descriptor) noexcept;

  /// Keep a buffer in use beyond its followers (a decoder's reference picture); counted.
  void keep(std::uint32_t buffer) noexcept;
  void let_go(std::uint32_t buffer) noexcept;

  /// Ask followers to ring only once the least `hold` of the `must` ones has reached `sequence`;
  /// 0 = at any change. Half a window at a time costs one wake-up where frame by frame costs many.
  ///
  /// Nobody waits for what never comes: a follower rings at once when it has nothing more to take,
  /// and whoever sleeps looks again after Waiter::kRecheckNs. may_publish() does it for a stage
  /// that waits for room.
  void ask_for(std::uint64_t sequence) noexcept;
  /// Ring followers that were let sleep because they want more frames than there are (those of a
  /// reference ring). A stage calls it before it waits for anything but may_publish().
  void settle() noexcept;

  /// While taps are attached: leave the `guard` most recently freed buffers alone, as far as others
  /// are free, so that a tap can finish its copy of the newest frame.      Thread: any
  void spare_for_taps(bool spare) noexcept { spares_.store(spare, std::memory_order_relaxed); }

  /// Live rings: frames that found no place at all.
  void count_overrun() noexcept;

  /// Copy a descriptor that is still in the ring; false when it is not.
  [[nodiscard]] bool read(std::uint64_t sequence, Descriptor& out, Kind& kind) const noexcept;

  [[nodiscard]] Ring& ring() noexcept { return *ring_; }

 private:
  enum class State : std::uint8_t { Free, Claimed, Named, Pinned };
  struct Pin {
    std::uint64_t sequence;
    std::uint32_t buffer;
    std::uint32_t place;  // in MakerPage::pins
  };

  void recover();
  void adopt_named(std::uint64_t sequence, std::uint32_t buffer) noexcept;
  void adopt_pins() noexcept;
  [[nodiscard]] Pin* find_pin(std::uint64_t sequence, std::uint32_t buffer) noexcept;
  [[nodiscard]] bool can_pin() noexcept;
  void reclaim() noexcept;
  void free_buffer(std::uint32_t buffer) noexcept;
  [[nodiscard]] bool let_go_by_all(std::uint64_t sequence) const noexcept;
  [[nodiscard]] std::uint64_t lowest_hold(bool must_only) const noexcept;
  std::uint32_t write_pin(std::uint64_t sequence, std::uint32_t buffer) noexcept;
  bool raise_floor(std::uint64_t floor) noexcept;
  bool make_room() noexcept;
  void vacate_slot() noexcept;
  void fetch_ahead() const noexcept;
  void commit(Kind kind, Descriptor& descriptor, std::uint32_t buffer) noexcept;
  void ring_followers(bool at_once) noexcept;
  void ask_for_room() noexcept;
  void write_slot(Descriptor& descriptor, Kind kind, std::uint32_t buffer) noexcept;

  Ring* ring_;
  std::span<Bell> bells_;
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;  // frames below are freed or pinned
  std::uint64_t floor_ = 0;
  std::uint64_t wanted_ = 0;   // as in the maker page
  std::uint64_t barrier_ = 0;  // the lowest hold of `must` followers, when we last looked
  bool ended_ = false;
  std::optional<Descriptor> last_;
  std::vector<std::uint32_t> named_;  // buffer of sequence, by sequence % slots
  std::vector<State> state_;          // by buffer
  std::vector<std::uint16_t> kept_;   // by buffer
  std::vector<std::uint32_t> free_;   // a stack
  std::vector<Pin> pins_;
  std::uint64_t asked_at_ = 0;        // head when the window was last full,
  std::int64_t asked_ns_ = 0;         // and the newest frame's time
  std::uint64_t room_worth_ = 1;      // frames of room to ask for
  std::int64_t patience_ns_ = 0;      // how long the followers have work without us
  std::vector<std::uint32_t> wakes_;  // participants who wait for nobody but the maker
  std::uint64_t owed_ = 0;            // of these, who is to be rung before we sleep; a mask
  std::atomic<bool> spares_{false};
};

}  // namespace avrig::shm
