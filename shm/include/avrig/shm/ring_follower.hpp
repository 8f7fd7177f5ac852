// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/bell.hpp>
#include <avrig/shm/ring.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace avrig::shm {

/// A frame, or a mark, in a follower's hand.
struct Taken {
  std::uint64_t sequence = 0;
  Kind kind = Kind::None;
  std::uint32_t buffer = kNoBuffer;  ///< in `pool`
  Descriptor descriptor;             ///< a checked copy
  std::span<std::byte> payload;      ///< the buffer's bytes; empty for marks and silence
};

/// One follower's end of a ring: what it has begun, completed and let go.
///
/// Cursors live in shared memory, hold <= done <= begun, so that a successor goes on exactly where
/// this process was killed. It finds `hold` where its predecessor left it: a stage that needs no
/// history calls release_all() before its first wait, or a predecessor that was killed between
/// complete() and release() keeps the maker waiting.
///
/// Thread: one (the owner)
class RingFollower {
 public:
  enum class Next {
    Nothing,  ///< not yet there, or not yet this follower's turn; ask again after ready()
    Taken,    ///< `taken` is valid
    Broken    ///< the ring breaks its own rules; see broken()
  };

  /// `pools`: for reference rings, the rings whose buffers its frames name (matched by ring id).
  RingFollower(Ring& ring,
               std::uint32_t participant,
               std::span<Bell> bells,
               std::span<Ring* const> pools = {});

  /// The next frame's sequence, were nothing lost.
  [[nodiscard]] std::uint64_t next() const noexcept { return next_; }
  [[nodiscard]] std::uint64_t hold() const noexcept { return hold_; }
  /// Is there something to take? seq_cst loads: fit for a wait's condition.
  ///
  /// When false, others are told how many frames are worth waking this stage for: more than one
  /// only while the maker is out of room and frames pass by the thousand a second (worth_waking()).
  [[nodiscard]] bool ready() noexcept;
  /// How many frames ready() asked for when it last said no.
  [[nodiscard]] std::uint64_t frames_worth() const noexcept { return frames_worth_; }
  /// Has the end of stream been completed?
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  /// Begin the next frame. Lost and overtaken frames are counted on the edge and passed over; a
  /// frame that the maker (or an editor before us) dropped is passed over too, and so are its
  /// marks only where `taken.kind` says so: marks are taken like frames.
  ///
  /// RT-safe: yes (wait-free but for the frames it passes over)
  [[nodiscard]] Next try_next(Taken& taken) noexcept;

  /// The frame in hand is completed: followers behind us may have it. Its memory stays ours until
  /// release().
  void complete(const Taken& taken) noexcept;
  /// The frame in hand was set aside because it crashed us; counted so on the edge.
  void complete_quarantined(const Taken& taken) noexcept;
  /// The frame in hand was not used on purpose (late, ...); counted so on the edge.
  void complete_dropped(const Taken& taken, DropReason reason) noexcept;
  /// Let the memory of all frames below `sequence` (at most next()) go.
  void release(std::uint64_t sequence) noexcept;
  void release_all() noexcept { release(next_); }
  /// Ring who was let sleep because it wants more room, or more frames, than we gave. ready() does
  /// so before it says no; a stage that is about to wait for anything else calls this.
  void settle() noexcept;

  /// Take everything below `sequence` as completed: a maker's successor skips what its last output
  /// already contains, even where the ring no longer does.
  void skip_to(std::uint64_t sequence) noexcept;
  /// Look again at a completed frame that is still held (history). False when it is lost.
  [[nodiscard]] bool look_back(std::uint64_t sequence, Taken& taken) noexcept;

  /// Record how long the frame took since it was published. RT-safe: yes
  void note_latency(const Taken& taken, std::int64_t now_ns) noexcept;

  /// What is wrong with the ring, when try_next() says Broken.
  [[nodiscard]] const char* broken() const noexcept { return broken_; }
  [[nodiscard]] const Ledger& ledger() const noexcept { return ledger_; }
  [[nodiscard]] Ring& ring() const noexcept { return *ring_; }
  [[nodiscard]] std::uint32_t participant() const noexcept { return participant_; }
  [[nodiscard]] ParticipantPage& page() const noexcept { return *page_; }

 protected:
  /// For editors: what they say of a frame that they jump over.
  RingFollower(Ring& ring,
               std::uint32_t participant,
               std::span<Bell> bells,
               std::span<Ring* const> pools,
               std::uint64_t verdict_on_jump);
  void judge(std::uint64_t sequence, std::uint64_t verdict) noexcept;

 private:
  void recover() noexcept;
  void judge_jump(std::uint64_t from, std::uint64_t to) noexcept;
  [[nodiscard]] bool lose_below_floor() noexcept;
  [[nodiscard]] bool available(std::uint64_t sequence) const noexcept;
  [[nodiscard]] std::uint64_t newest_to_jump_to() const noexcept;
  void lose(std::uint64_t to, std::uint64_t maker_voids, DropReason reason) noexcept;
  void decide(std::uint64_t to) noexcept;
  void count_void(Kind kind) noexcept;
  void advance(std::uint64_t to) noexcept;
  void fetch(std::uint64_t sequence, std::uint64_t lines) const noexcept;
  [[nodiscard]] bool begin(std::uint64_t sequence, Taken& taken) noexcept;
  [[nodiscard]] bool resolve(Taken& taken) noexcept;
  [[nodiscard]] bool passed_by_editors(Taken& taken) const noexcept;
  void ring_all(std::span<const std::uint32_t> bells) noexcept;
  void ring_maker() noexcept;
  void ring_those_behind(bool at_once) noexcept;
  void ask_for_frames() noexcept;
  [[nodiscard]] bool out_of_room() const noexcept;
  [[nodiscard]] std::uint64_t least_hold() const noexcept;

  Ring* ring_;
  ParticipantPage* page_;
  std::uint32_t participant_;
  ParticipantEntry entry_;
  std::span<Bell> bells_;
  std::vector<Ring*> pools_;
  std::vector<std::uint32_t> after_;          // participants
  std::vector<std::uint32_t> behind_;         // participants
  std::vector<std::uint32_t> editor_lines_;   // of the editors before us
  std::vector<std::uint32_t> wakes_on_done_;  // participants
  std::vector<std::uint32_t> wakes_on_hold_;  // bells of editors
  bool owes_maker_ = false;                   // a ring, before we sleep
  bool owes_those_behind_ = false;            // the same
  std::uint64_t wanted_ = 0;                  // as in our page
  std::uint64_t asked_at_ = 0;                // next_ when we last had nothing to take,
  std::int64_t asked_ns_ = 0;                 // and when the last frame before it was published
  std::int64_t taken_ns_ = 0;                 // when the newest taken frame was published
  std::uint64_t frames_worth_ = 1;            // frames to ask for
  bool caught_up_ = false;                    // there was nothing to take
  std::int64_t gathering_ns_ = 0;             // how long to leave the next frames alone
  std::uint64_t verdict_on_jump_ = 0;
  const Ring* source_;  // where the newest taken frame's bytes lie
  std::uint64_t next_ = 0;
  std::uint64_t hold_ = 0;
  bool ended_ = false;
  Ledger ledger_{};
  const char* broken_ = "";
};

/// Sum of everything a ledger says was not delivered or never produced.
[[nodiscard]] std::uint64_t undelivered(const Ledger& ledger) noexcept;

/// An edge's account: produced = delivered + dropped + quarantined + in_flight.
struct EdgeCount {
  std::uint64_t produced = 0, delivered = 0, dropped = 0, quarantined = 0, in_flight = 0;
  std::array<std::uint64_t, kDropReasons> dropped_by{};
};

/// Read an edge's account from shared memory, disturbing nobody. Exact once the edge is at rest.
///
/// Thread: any process
[[nodiscard]] EdgeCount count_edge(const Ring& ring, std::uint32_t participant) noexcept;

}  // namespace avrig::shm
