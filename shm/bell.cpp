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
  if (bell.waiting.load(std::memory_order_seq_cst) != 0) {
    bell.word.fetch_add(1, std::memory_order_seq_cst);
    futex(bell.word, FUTEX_WAKE, INT_MAX, nullptr);
  }
}

bool Waiter::sleep_until(std::uint32_t seen, std::int64_t deadline_ns) noexcept {
  const std::int64_t now = monotonic_ns();
  if (now >= deadline_ns) {
    return false;
  }
  const timespec until = to_timespec(std::min(deadline_ns, now + kRecheckNs));
  ++sleeps_;
  futex(bell_->word, FUTEX_WAIT_BITSET, seen, &until);
  return true;
}

}  // namespace avrig::shm
