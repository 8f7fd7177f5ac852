// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/monotonic.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>

namespace avrig::shm {

/// A futex word that others ring and only its owner sleeps on.
///
/// Bells are hints: a corrupt bell costs a delay, never data. 128 bytes apart, because adjacent
/// cache lines are fetched in pairs.
struct alignas(128) Bell {
  /// kAsleep while its owner sleeps or is about to, else kAwake. The owner sets it; the first who
  /// rings takes it back, so that a burst to a stage that is waking makes one system call. The
  /// owner sleeps on this very word: were it another one, a ring for what the owner has just seen
  /// could use up the flag, and the next one would wake nobody.
  std::atomic<std::uint32_t> word;
  /// The owner's alone, on a line of its own: how long its wait may take, see may_take().
  alignas(64) std::atomic<std::int64_t> patience_ns;
  /// The owner's own account, which no ring changes: how many of its threads sleep now (low 16
  /// bits), and how many sleeps have ended (the others). As no sleep is longer than kRecheckNs, a
  /// sleeper whose count stands still does not run.
  std::atomic<std::uint64_t> naps;
};
inline constexpr std::uint32_t kAwake = 0, kAsleep = 1;
inline constexpr std::uint64_t kNapBegins = 1, kNapEnds = (std::uint64_t{1} << 16) - 1;
static_assert(sizeof(Bell) == 128);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

/// Does the owner of `bell` sleep, or is it about to? Ask after the seq_cst store that made
/// progress.
///
/// The load pairs with the owner's seq_cst store: either the owner sees the progress in its second
/// check, or we see that it sleeps. With less than seq_cst on either side both may miss, and the
/// wake is lost.
[[nodiscard]] inline bool sleeps(const Bell& bell) noexcept {
  return bell.word.load(std::memory_order_seq_cst) != kAwake;
}

/// Does the owner say that it sleeps? Unlike sleeps(), true until it runs again.
[[nodiscard]] inline bool naps(const Bell& bell) noexcept {
  return (bell.naps.load(std::memory_order_relaxed) & 0xffff) != 0;
}

/// Ring `bell` if its owner sleeps. Call after the seq_cst store that made progress.
///
/// Thread: any      RT-safe: yes (one system call, only for the first who rings a sleeper)
void ring(Bell& bell) noexcept;

/// Wake whoever sleeps on `bell`, whatever its word says: a waker may have been killed between
/// taking the flag back and its system call. Thread: any
void wake(Bell& bell) noexcept;

/// Said by a condition of a wait that is not met: this may take `ns` before anybody lacks anything.
/// Of several conditions of one wait the least counts. Thread: the bell's owner
inline void may_take(Bell& bell, std::int64_t ns) noexcept {
  if (ns < bell.patience_ns.load(std::memory_order_relaxed)) {
    bell.patience_ns.store(ns, std::memory_order_relaxed);
  }
}

/// How a stage waits.
enum class WaitMode : std::uint32_t {
  Block = 0,     ///< sleep at once
  Adaptive = 1,  ///< spin at most 100 us, while short waits are the rule and nobody has time
  Spin = 2       ///< never sleep
};

/// One thread's way of waiting on its own bell.
///
/// Thread: the bell's owner
class Waiter {
 public:
  /// Longest sleep without looking again: a waker can die between its progress and its ring.
  static constexpr std::int64_t kRecheckNs = 10'000'000;
  static constexpr std::int64_t kSpinNs = 20'000;
  /// Adaptive: spins so long while sleeps turn out shorter than this; a sleep costs as much,
  /// between the sleeper, its waker and the time until it runs.
  static constexpr std::int64_t kLongSpinNs = 100'000;
  /// Adaptive: after a longer sleep than this the next wait does not spin (paced video).
  static constexpr std::int64_t kShortWaitNs = 200'000;
  /// Adaptive: a wait that may take so long sleeps at once; who is rung then is still in time.
  static constexpr std::int64_t kWakeNs = 50'000;
  /// Adaptive: the longest time without a look. Each look takes from the others the cache line that
  /// they are writing; many frames may pass for the price of one.
  static constexpr std::int64_t kApartNs = 6'000;

  Waiter(Bell& bell, WaitMode mode) noexcept : bell_(&bell), mode_(mode) {}

  /// Wait until `ready()` is true or CLOCK_MONOTONIC reaches `deadline_ns`.
  ///
  /// `ready` reads what others write with seq_cst loads. Returns its last value.
  /// RT-safe: no (it sleeps)
  template <class Ready>
  [[nodiscard]] bool wait(Ready&& ready, std::int64_t deadline_ns) noexcept {
    bell_->patience_ns.store(kUnsaid, std::memory_order_relaxed);
    if (ready()) {
      return true;
    }
    if (mode_ != WaitMode::Block && spin(ready, deadline_ns)) {
      return true;
    }
    const std::int64_t began_ns = monotonic_ns();
    for (bool slept = false;; slept = true) {
      const bool was_rung = bell_->word.exchange(kAsleep, std::memory_order_seq_cst) == kAwake;
      const bool is_ready = ready();
      if (is_ready || !sleep_until(deadline_ns)) {
        rescues_ += is_ready && slept && !was_rung;
        bell_->word.store(kAwake, std::memory_order_relaxed);
        note_sleep(monotonic_ns() - began_ns);
        return is_ready || ready();
      }
    }
  }

  /// Call `settle(with)` before each sleep: rings that this thread owes (RingFollower::settle).
  void before_sleep(void (*settle)(void*), void* with) noexcept {
    settle_ = settle;
    settle_with_ = with;
  }

  [[nodiscard]] Bell& bell() const noexcept { return *bell_; }
  /// How often it slept.
  [[nodiscard]] std::uint64_t sleeps() const noexcept { return sleeps_; }
  /// How often it found by looking again what nobody had rung for: a waker was killed, or is late.
  [[nodiscard]] std::uint64_t rescues() const noexcept { return rescues_; }

 private:
  static constexpr std::int64_t kUnsaid = INT64_MAX;

  template <class Ready>
  bool spin(Ready& ready, std::int64_t deadline_ns) noexcept;
  void note_sleep(std::int64_t ns) noexcept {
    spin_pays_ = ns < kShortWaitNs;
    spin_ns_ = ns < kLongSpinNs ? kLongSpinNs : kSpinNs;
  }
  /// False once the deadline has passed.
  bool sleep_until(std::int64_t deadline_ns) noexcept;

  Bell* bell_;
  WaitMode mode_;
  void (*settle_)(void*) = nullptr;
  void* settle_with_ = nullptr;
  bool spin_pays_ = true;  // adaptive: the last wait was short
  std::int64_t spin_ns_ = kSpinNs;
  std::uint32_t since_spin_ = 0;
  std::uint64_t sleeps_ = 0;
  std::uint64_t rescues_ = 0;
};

inline void relax_cpu() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

template <class Ready>
bool Waiter::spin(Ready& ready, std::int64_t deadline_ns) noexcept {
  if (mode_ == WaitMode::Spin) {
    for (std::uint32_t turn = 1; !ready(); ++turn) {
      relax_cpu();
      if (turn % 1024 != 0) {
        continue;
      }
      bell_->naps.fetch_add(kNapBegins + kNapEnds,
                            std::memory_order_relaxed);  // it waits, and runs
      if (monotonic_ns() >= deadline_ns) {
        return ready();
      }
    }
    return true;
  }
  // Every 64th wait tries again, so that a stream that became fast is noticed.
  if (!spin_pays_ && ++since_spin_ % 64 != 0) {
    return false;
  }
  const std::int64_t began_ns = monotonic_ns();
  const std::int64_t said_ns = bell_->patience_ns.load(std::memory_order_relaxed);
  const std::int64_t patience_ns = said_ns == kUnsaid ? 0 : said_ns;
  if (patience_ns >= kWakeNs) {
    return false;
  }
  for (const std::int64_t until = began_ns + std::min(patience_ns / 2, kApartNs);
       monotonic_ns() < until;) {
    relax_cpu();
  }
  const std::int64_t end = began_ns + spin_ns_;
  do {
    for (int turn = 0; turn < 16; ++turn) {
      if (ready()) {
        spin_pays_ = true;
        return true;
      }
      relax_cpu();
    }
  } while (monotonic_ns() < end);
  spin_pays_ = false;
  return false;
}

}  // namespace avrig::shm
