// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <functional>
#include <map>

namespace avrig::launch {

/// Waits on descriptors and calls who asked. A few hundred descriptors at most: poll() is enough.
///
/// A callback may add and remove watches, its own included.
///
/// Thread: one (control)
class EventLoop {
 public:
  using Watch = std::uint64_t;

  /// Call `ready` whenever `fd` is readable or hung up.
  Watch watch(int fd, std::function<void()> ready);
  /// Forget a watch; call before closing its descriptor. 0 is no watch.
  void forget(Watch watch) noexcept;
  /// Wait until something is ready or `deadline_ns` (CLOCK_MONOTONIC) has come; call all that is.
  void run_once(std::int64_t deadline_ns);

 private:
  struct Entry {
    int fd;
    std::function<void()> ready;
  };
  std::map<Watch, Entry> entries_;
  Watch next_ = 1;
};

}  // namespace avrig::launch
