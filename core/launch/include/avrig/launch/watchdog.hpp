// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring.hpp>
#include <avrig/shm/run_block.hpp>
#include <avrig/stage/assignment.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <sys/types.h>

namespace avrig::launch {

/// A stage that stands still.
struct Hang {
  enum class Why {
    Stopped,  ///< by a signal or a debugger
    Asleep,   ///< it waits, and does not look up, as it does every 10 ms
    Frame,    ///< it has one frame in hand
    Frames    ///< it has none in hand, frames wait for it, and it takes none
  };
  Why why = Why::Frame;
  std::int64_t age_ns = 0;
};

/// "it has had one frame in hand for 5.0 s"
[[nodiscard]] std::string to_string(const Hang& hang);

/// Finds a stage that hangs: nothing of what it counts moves, and it owes something.
///
/// What a stage counts is its frames, and the sleeps of its own thread (Bell::naps). A stage that
/// waits, for frames, for room behind it, for a due time, sleeps there for 10 ms at a time: so its
/// counts move, and one whose neighbour hangs is not blamed for it. A reader that waits for its
/// source owes nothing: nobody can tell a slow source from a dead one. Only being stopped is seen
/// of it then.
///
/// Time in which the launcher could not look either (a rig that is frozen as a whole) does not
/// count, nor does a stage that could run and is not given a core: a starved machine is no hang.
///
/// Thread: control
class Watchdog {
 public:
  /// `timeout_ns` 0: never.
  explicit Watchdog(std::int64_t timeout_ns) noexcept : timeout_ns_(timeout_ns) {}

  /// A new process of the stage begins.
  void restarted(std::int64_t now_ns) noexcept;

  /// Look at the running stage, a few times a second.
  [[nodiscard]] std::optional<Hang> look(const stage::Assignment& assignment,
                                         const shm::RunBlock& block,
                                         const std::deque<shm::Ring>& rings,
                                         pid_t pid,
                                         std::int64_t now_ns) noexcept;
  /// The same of one that gets ready: that may take as long as it likes, but not while stopped.
  [[nodiscard]] std::optional<Hang> look_at_start(pid_t pid, std::int64_t now_ns) noexcept;

 private:
  void note_time(std::int64_t now_ns) noexcept;
  void owes_from_now(pid_t pid) noexcept;
  [[nodiscard]] std::optional<Hang> judge(Hang::Why why) const noexcept;
  [[nodiscard]] bool is_starved(pid_t pid) const noexcept;

  std::int64_t timeout_ns_;
  std::int64_t looked_ns_ = 0;      // the last time
  std::int64_t watched_ns_ = 0;     // a clock that stands still while nobody looks
  std::uint64_t moved_ = 0;         // the sum of all that it counts
  std::int64_t owes_since_ns_ = 0;  // of watched_ns_
  std::int64_t cpu_ns_ = 0;         // of the process, then
};

}  // namespace avrig::launch
