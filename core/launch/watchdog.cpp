// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/watchdog.hpp>

#include <algorithm>

namespace avrig::launch {

std::optional<std::int64_t> Watchdog::look(const stage::Assignment& assignment,
                                           const shm::RunBlock& block,
                                           const std::deque<shm::Ring>& rings,
                                           std::int64_t now_ns) noexcept {
  if (timeout_ns_ <= 0) {
    return std::nullopt;
  }
  if (shm::sleeps(block.bells()[assignment.bell])) {
    awake_since_ns_ = now_ns;
    return std::nullopt;
  }
  std::int64_t oldest_ns = INT64_MAX;
  for (const stage::AssignedInput& input : assignment.inputs) {
    const std::int64_t since_ns = rings[input.ring]
                                      .participant_page(input.participant)
                                      .since_ns.load(std::memory_order_relaxed);
    if (since_ns > 0) {
      oldest_ns = std::min(oldest_ns, since_ns);
    }
  }
  if (oldest_ns == INT64_MAX) {
    return std::nullopt;
  }
  const std::int64_t age_ns = now_ns - std::max(oldest_ns, awake_since_ns_);
  return age_ns > timeout_ns_ ? std::optional(age_ns) : std::nullopt;
}

}  // namespace avrig::launch
