// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/restart_budget.hpp>

#include <algorithm>

namespace avrig::launch {

std::optional<std::int64_t> RestartBudget::crashed(std::int64_t now_ns) {
  constexpr std::int64_t kLongestNs = 10'000'000'000;
  while (!crashes_.empty() && crashes_.front() <= now_ns - policy_.window_ns) {
    crashes_.pop_front();
  }
  crashes_.push_back(now_ns);
  if (crashes_.size() > static_cast<std::size_t>(std::max(policy_.max, 0))) {
    return std::nullopt;
  }
  if (crashes_.size() == 1) {
    return 0;
  }
  const std::size_t doublings = std::min<std::size_t>(crashes_.size() - 2, 20);
  return std::min(std::min(policy_.backoff_ns, kLongestNs) << doublings, kLongestNs);
}

bool BlameCounter::blame(std::uint64_t sequence) {
  return ++crashes_[sequence] == kCrashesToQuarantine;
}

}  // namespace avrig::launch
