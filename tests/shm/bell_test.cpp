// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/monotonic.hpp>

#include <atomic>
#include <thread>

#include <doctest/doctest.h>

using namespace avrig::shm;
using namespace avrig::shm::testing;

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

}  // namespace

TEST_SUITE("shm/bell") {
  TEST_CASE("bell: a waker killed between its progress and its ring delays its follower, no more") {
    Rig rig(spec_of({looker(1)}));
    RingFollower follower(rig.ring, 0, rig.bells);
    std::atomic<std::uint32_t>& word = rig.bells[1].word;
    std::thread killed([&] {
      RingMaker maker(rig.ring, {});  // it has no bells: what a death before the ring looks like
      while (word.load() != kAsleep) {
        std::this_thread::yield();
      }
      CHECK(put(maker, 1));
    });
    Waiter waiter(rig.bells[1], WaitMode::Block);
    const std::int64_t began_ns = avrig::monotonic_ns();
    CHECK(waiter.wait([&] { return follower.ready(); }, began_ns + 20 * kSecondNs));
    // Far below the deadline: by looking again, every Waiter::kRecheckNs.
    CHECK(avrig::monotonic_ns() - began_ns < 5 * kSecondNs);
    CHECK(waiter.sleeps() >= 1);
    CHECK(waiter.rescues() == 1);
    CHECK(word.load() == kAwake);
    killed.join();
  }

  TEST_CASE("bell: the first who rings a sleeper takes its flag, so that the next ones need not") {
    Bell bell{};
    ring(bell);
    CHECK(bell.word.load() == kAwake);
    bell.word.store(kAsleep);
    CHECK(sleeps(bell));
    ring(bell);
    CHECK_FALSE(sleeps(bell));
  }

  TEST_CASE("bell: a waker killed before its system call is made up for by who wakes everybody") {
    Bell bell{};
    std::atomic<bool> progress{false};
    std::thread sleeper([&] {
      Waiter waiter(bell, WaitMode::Block);
      CHECK(waiter.wait([&] { return progress.load(); }, avrig::monotonic_ns() + 20 * kSecondNs));
    });
    while (!sleeps(bell)) {
      std::this_thread::yield();
    }
    progress.store(true);
    bell.word.store(kAwake);  // what the killed one did
    wake(bell);
    sleeper.join();
    CHECK_FALSE(sleeps(bell));
  }

  TEST_CASE("bell: what a thread owes is settled before it sleeps") {
    Bell bell{};
    Waiter waiter(bell, WaitMode::Block);
    int settled = 0;
    waiter.before_sleep([](void* count) { ++*static_cast<int*>(count); }, &settled);
    CHECK(waiter.wait([] { return true; }, 0));
    CHECK(settled == 0);
    CHECK_FALSE(waiter.wait([] { return false; }, avrig::monotonic_ns() + 5'000'000));
    CHECK(settled >= 1);
  }

  TEST_CASE("bell: threads that ring and wait in turn lose no wake-up") {
    constexpr int kTurns = 20000;
    Bell bells[2]{};
    std::atomic<int> turn{0};
    std::atomic<int> rescues{0};
    const auto play = [&](int self) {
      Waiter waiter(bells[self], WaitMode::Block);
      for (int mine = self; mine < kTurns; mine += 2) {
        while (!waiter.wait([&] { return turn.load() >= mine; },
                            avrig::monotonic_ns() + 20 * kSecondNs)) {
        }
        turn.store(mine + 1);
        ring(bells[1 - self]);
      }
      rescues += static_cast<int>(waiter.rescues());
    };
    std::thread other([&] { play(1); });
    play(0);
    other.join();
    CHECK(turn.load() >= kTurns);
    // A waker that is kept from its core between its progress and its ring may come late.
    CHECK(rescues.load() < 100);
  }

  TEST_CASE("bell: an adaptive wait that may take long sleeps at once; the least said counts") {
    constexpr std::int64_t kLongNs = 1'000'000;
    Bell bell{};
    int looks = 0;
    const auto looks_of = [&](std::initializer_list<std::int64_t> said) {
      Waiter waiter(bell, WaitMode::Adaptive);
      looks = 0;
      CHECK_FALSE(waiter.wait(
          [&] {
            ++looks;
            for (const std::int64_t ns : said) {
              may_take(bell, ns);
            }
            return false;
          },
          avrig::monotonic_ns() + 5'000'000));
      return looks;
    };
    // One, one behind its flag, and those after a sleep; a spin has sixteen before it reads a clock.
    CHECK(looks_of({kLongNs}) < 16);
    CHECK(looks_of({}) >= 16);  // what was said of another wait is forgotten
    CHECK(looks_of({kLongNs, 0}) >= 16);
    CHECK(looks_of({0, kLongNs}) >= 16);
  }

  TEST_CASE("bell: a wait ends at its deadline, and leaves no flag behind") {
    Bell bell{};
    for (const WaitMode mode : {WaitMode::Block, WaitMode::Adaptive, WaitMode::Spin}) {
      Waiter waiter(bell, mode);
      const std::int64_t deadline_ns = avrig::monotonic_ns() + 20'000'000;
      CHECK_FALSE(waiter.wait([] { return false; }, deadline_ns));
      CHECK(avrig::monotonic_ns() >= deadline_ns);
      CHECK_FALSE(sleeps(bell));
      CHECK(waiter.wait([] { return true; }, 0));
    }
  }
}
