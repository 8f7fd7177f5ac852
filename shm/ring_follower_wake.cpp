// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/shm/ring_follower.hpp>

#include <algorithm>

// Whom a follower rings, and how many frames are worth ringing it for.
namespace avrig::shm {

// Has the maker of the bytes found its window full within the last two windows? Then frames wait
// for this rig, not it for them.
bool RingFollower::out_of_room() const noexcept {
  const MakerPage& maker = source_->maker_page();
  const std::uint64_t full_at = maker.full_at.load(std::memory_order_relaxed);
  return full_at != 0 &&
         maker.head.load(std::memory_order_relaxed) + 1 - full_at <= 2 * source_->usable();
}

void RingFollower::ask_for_frames() noexcept {
  if (asked_at_ != next_) {
    const std::uint64_t passed_ns =
        static_cast<std::uint64_t>(taken_ns_) - static_cast<std::uint64_t>(asked_ns_);
    const std::uint64_t gap_ns = passed_ns / (next_ - asked_at_);
    frames_worth_ = out_of_room() ? worth_waking(source_->usable(), gap_ns) : 1;
    gathering_ns_ = worth_gathering_ns(ring_->usable(), gap_ns);
    asked_at_ = next_;
    asked_ns_ = taken_ns_;
  }
  const std::uint64_t wanted = frames_worth_ > 1 ? next_ + frames_worth_ : 0;
  if (wanted_ != wanted) {
    wanted_ = wanted;
    // seq_cst: we look for a frame behind this store, and who makes one available looks at this
    // word behind the store that does; so one of us sees the other's.
    page_->wanted.store(wanted, std::memory_order_seq_cst);
  }
  if (entry_.bell < bells_.size()) {
    may_take(bells_[entry_.bell], gathering_ns_);
  }
}

// An editor is soon done with the next frame, or sleeps. A mark is rung for at once.
void RingFollower::ring_those_behind(bool at_once) noexcept {
  owes_those_behind_ = false;
  for (const std::uint32_t index : wakes_on_done_) {
    const std::uint32_t bell = ring_->participants()[index].bell;
    if (bell >= bells_.size() || !sleeps(bells_[bell])) {
      continue;
    }
    // Read behind our store of `done`, as the bell was.
    if (at_once || next_ >= ring_->participant_page(index).wanted.load(std::memory_order_seq_cst)) {
      shm::ring(bells_[bell]);
    } else {
      owes_those_behind_ = true;
    }
  }
}

void RingFollower::ring_all(std::span<const std::uint32_t> bells) noexcept {
  for (const std::uint32_t bell : bells) {
    if (bell < bells_.size()) {
      shm::ring(bells_[bell]);
    }
  }
}

// The least `hold` of the `must` followers. Of several who let go at once, the last to store its
// own sees those of the others.
std::uint64_t RingFollower::least_hold() const noexcept {
  std::uint64_t least = hold_;
  const auto entries = ring_->participants();
  for (std::uint32_t index = 0; index < entries.size(); ++index) {
    if (entries[index].loss == Loss::Must) {
      least = std::min(least, ring_->participant_page(index).hold.load(std::memory_order_seq_cst));
    }
  }
  return least;
}

void RingFollower::ring_maker() noexcept {
  owes_maker_ = false;
  if (ring_->maker_bell() >= bells_.size() || !sleeps(bells_[ring_->maker_bell()])) {
    return;
  }
  // Read behind our store of `hold`, as the bell was: a maker that asks later looks at it itself.
  const std::uint64_t wanted = ring_->maker_page().wanted.load(std::memory_order_seq_cst);
  owes_maker_ = wanted != 0 && entry_.loss == Loss::Must && least_hold() < wanted;
  if (!owes_maker_) {
    shm::ring(bells_[ring_->maker_bell()]);
  }
}

void RingFollower::settle() noexcept {
  if (owes_those_behind_) {
    ring_those_behind(true);
  }
  if (!owes_maker_) {
    return;
  }
  owes_maker_ = false;
  // Where another follower is behind us, that one owes.
  if (ring_->maker_page().head.load(std::memory_order_relaxed) - least_hold() < ring_->usable()) {
    shm::ring(bells_[ring_->maker_bell()]);
  }
}

}  // namespace avrig::shm
