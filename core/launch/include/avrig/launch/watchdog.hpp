// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring.hpp>
#include <avrig/shm/run_block.hpp>
#include <avrig/stage/assignment.hpp>

#include <cstdint>
#include <deque>
#include <optional>

namespace avrig::launch {

/// Finds a stage that hangs: it has had one frame in hand for too long, and is not asleep on its
/// bell. A stage that waits (for room behind it, for a due time) sleeps there; one whose neighbour
/// hangs is thus not blamed for it.
///
/// Thread: control
class Watchdog {
 public:
  /// `timeout_ns` 0: never.
  explicit Watchdog(std::int64_t timeout_ns) noexcept : timeout_ns_(timeout_ns) {}

  /// A new process of the stage begins.
  void restarted(std::int64_t now_ns) noexcept { awake_since_ns_ = now_ns; }

  /// Look at the stage, a few times a second. The frame's age, once it is too old.
  [[nodiscard]] std::optional<std::int64_t> look(const stage::Assignment& assignment,
                                                 const shm::RunBlock& block,
                                                 const std::deque<shm::Ring>& rings,
                                                 std::int64_t now_ns) noexcept;

 private:
  std::int64_t timeout_ns_;
  std::int64_t awake_since_ns_ = 0;
};

}  // namespace avrig::launch
