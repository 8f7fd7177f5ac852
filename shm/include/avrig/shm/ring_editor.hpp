// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring_follower.hpp>

#include <cstdint>
#include <span>

namespace avrig::shm {

/// A follower that changes each frame where it lies, once every looker of the unedited frame has
/// let it go and before any looker of the edited one may begin it.
///
/// Its commit is its `done`. Killed before it, the frame is made whole by running again (`rerun`)
/// or by putting a before-image back (`undo`): construction does that.
///
/// Thread: one (the owner)
class RingEditor : public RingFollower {
 public:
  /// `skipped`: what becomes of frames that a `may_skip` editor, or one that the maker overtook,
  /// jumps over. They are not edited, so that Drop is the rule: an anonymiser must not leak.
  RingEditor(Ring& ring,
             std::uint32_t participant,
             std::span<Bell> bells,
             Unprocessed skipped = Unprocessed::Drop);

  /// Keep a before-image of `regions` of the frame in hand, before its first byte is changed.
  ///
  /// False when they lie outside the buffer or exceed the participant's undo bytes: do not edit.
  /// RT-safe: yes
  [[nodiscard]] bool save(const Taken& taken, std::span<const Region> regions) noexcept;
  /// Put the before-image back, if it is this frame's: the pristine frame again.
  bool restore(const Taken& taken) noexcept;

  /// Give the verdict that followers of the edited stream shall drop this frame. Before complete().
  void condemn(const Taken& taken, DropReason reason, bool quarantined) noexcept;
  /// Let the frame, healed but not processed, go on; its followers see it flagged. Before
  /// complete() or complete_quarantined().
  void pass_unprocessed(const Taken& taken, bool quarantined) noexcept;

 private:
  void put_back(std::uint32_t buffer) noexcept;
};

}  // namespace avrig::shm
