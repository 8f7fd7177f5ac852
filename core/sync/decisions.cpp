// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/sync/decisions.hpp>

#include <algorithm>

namespace avrig::sync {

std::optional<Start> decide_start(std::span<const shm::SyncSection> sections,
                                  const GroupOptions& options,
                                  std::int64_t now_ns,
                                  std::int64_t leader_first_ns,
                                  std::int64_t patience_ns,
                                  std::int64_t lead_ns) {
  std::int64_t earliest = INT64_MAX;
  bool all_there = true;
  for (const shm::SyncSection& section : sections) {
    if (section.role != shm::SyncRole::Gate) {
      continue;
    }
    if (section.phase == shm::SyncPhase::Absent) {
      all_there = false;
    } else if (section.phase != shm::SyncPhase::Ended || section.released > 0) {
      earliest = std::min(earliest, section.first_capture_ns);
    }
  }
  if (earliest == INT64_MAX || (!all_there && now_ns < leader_first_ns + patience_ns)) {
    return std::nullopt;
  }
  const std::int64_t delay_ns = std::min(options.delay_ns.value_or(0), options.max_delay_ns);
  return Start{now_ns + lead_ns + delay_ns, earliest, delay_ns};
}

bool is_late(std::int64_t due_ns, std::int64_t duration_ns, std::int64_t now_ns) noexcept {
  return now_ns - due_ns > std::max<std::int64_t>(2'000'000, duration_ns / 2);
}

}  // namespace avrig::sync
