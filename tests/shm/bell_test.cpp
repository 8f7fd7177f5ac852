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
    std::atomic<std::uint32_t>& waiting = rig.bells[1].waiting;
    std::thread killed([&] {
      RingMaker maker(rig.ring, {});  // it has no bells: what a death before the ring looks like
      while (waiting.load() == 0) {
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
    CHECK(rig.bells[1].word.load() == 0);
    killed.join();
  }

  TEST_CASE("bell: nobody is rung who does not wait") {
    Bell bell{};
    ring(bell);
    CHECK(bell.word.load() == 0);
    bell.waiting.store(1);
    ring(bell);
    CHECK(bell.word.load() == 1);
  }

  TEST_CASE("bell: a wait ends at its deadline, and leaves no flag behind") {
    Bell bell{};
    for (const WaitMode mode : {WaitMode::Block, WaitMode::Adaptive, WaitMode::Spin}) {
      Waiter waiter(bell, mode);
      const std::int64_t deadline_ns = avrig::monotonic_ns() + 20'000'000;
      CHECK_FALSE(waiter.wait([] { return false; }, deadline_ns));
      CHECK(avrig::monotonic_ns() >= deadline_ns);
      CHECK(bell.waiting.load() == 0);
      CHECK(waiter.wait([] { return true; }, 0));
    }
  }
}
