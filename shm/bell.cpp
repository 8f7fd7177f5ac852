// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/monotonic.hpp>
#include <avrig/shm/bell.hpp>

#include <algorithm>
#include <climits>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace avrig::shm {
namespace {

// Not std::atomic::wait: libstdc++ sleeps on a private futex, which no other process can wake.
long futex(const std::atomic<std::uint32_t>& word,
           int operation,
           std::uint32_t value,
           const timespec* deadline) noexcept {
  return ::syscall(SYS_futex, &word, operation, value, deadline, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

void ring(Bell& bell) noexcept {
  // seq_cst: also keeps the progress in front of the wake for an owner that sleeps at once again.
  if (sleeps(bell) && bell.word.exchange(kAwake, std::memory_order_seq_cst) != kAwake) {
    futex(bell.word, FUTEX_WAKE, INT_MAX, nullptr);
  }
}

void wake(Bell& bell) noexcept {
  bell.word.store(kAwake, std::memory_order_seq_cst);
  futex(bell.word, FUTEX_WAKE, INT_MAX, nullptr);
}

bool Waiter::sleep_until(std::int64_t deadline_ns) noexcept {
  const std::int64_t now = monotonic_ns();
  if (now >= deadline_ns) {
    return false;
  }
  const timespec until = to_timespec(std::min(deadline_ns, now + kRecheckNs));
  ++sleeps_;
  if (settle_ != nullptr) {
    settle_(settle_with_);
  }
  bell_->naps.fetch_add(kNapBegins, std::memory_order_relaxed);
  futex(bell_->word, FUTEX_WAIT_BITSET, kAsleep, &until);
  bell_->naps.fetch_add(kNapEnds, std::memory_order_relaxed);
  return true;
}

}  // namespace avrig::shm
