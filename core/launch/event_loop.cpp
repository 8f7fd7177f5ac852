// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/event_loop.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <poll.h>
#include <utility>
#include <vector>

namespace avrig::launch {

EventLoop::Watch EventLoop::watch(int fd, std::function<void()> ready) {
  entries_.emplace(next_, Entry{fd, std::move(ready)});
  return next_++;
}

void EventLoop::forget(Watch watch) noexcept {
  entries_.erase(watch);
}

void EventLoop::run_once(std::int64_t deadline_ns) {
  std::vector<pollfd> polled;
  std::vector<Watch> watches;
  for (const auto& [watch, entry] : entries_) {
    polled.push_back({entry.fd, POLLIN, 0});
    watches.push_back(watch);
  }
  const std::int64_t left_ns = std::max<std::int64_t>(deadline_ns - monotonic_ns(), 0);
  const timespec timeout = to_timespec(left_ns);
  if (::ppoll(polled.data(), polled.size(), &timeout, nullptr) <= 0) {
    return;
  }
  for (std::size_t index = 0; index < polled.size(); ++index) {
    const auto found = entries_.find(watches[index]);
    if (polled[index].revents == 0 || found == entries_.end()) {
      continue;
    }
    const std::function<void()> ready = found->second.ready;  // it may forget itself
    ready();
  }
}

}  // namespace avrig::launch
