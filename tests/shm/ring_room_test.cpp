// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_editor.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <doctest/doctest.h>

// A maker without room sleeps until enough of it is free to be worth waking for.
using namespace avrig::shm;
using namespace avrig::shm::testing;

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

RingSpec windowed(std::initializer_list<ParticipantEntry> entries, std::uint32_t window) {
  RingSpec spec = spec_of(entries);
  spec.window = window;
  spec.buffers = window + 1;
  return spec;
}

/// Fill the window of four; then the maker asks for two frames of room, and sleeps.
void fill_and_sleep(Rig& rig, RingMaker& maker) {
  while (put(maker, 1)) {
  }
  REQUIRE_FALSE(maker.ready());
  maker.ask_for(maker.head() - rig.ring.usable() + 2);
  rig.bells[0].word.store(kAsleep);
}

bool was_rung(Rig& rig) {
  return rig.bells[0].word.exchange(kAsleep) == kAwake;
}

/// `frames` frames through a window by two threads that sleep at once; the follower keeps the last
/// `kept` of them. How often one of the two slept with nobody left to ring it.
std::uint64_t rescues_of(std::uint32_t window, std::uint64_t kept, int frames) {
  Rig rig(windowed({looker(1)}, window));
  std::atomic<std::uint64_t> rescues{0};
  std::thread making([&] {
    RingMaker maker(rig.ring, rig.bells);
    Waiter waiter(rig.bells[0], WaitMode::Block);
    for (int frame = 0; frame < frames; ++frame) {
      REQUIRE(waiter.wait([&] { return maker.ready(); }, avrig::monotonic_ns() + 30 * kSecondNs));
      REQUIRE(put(maker, 1));
    }
    REQUIRE(
        waiter.wait([&] { return maker.may_publish(); }, avrig::monotonic_ns() + 30 * kSecondNs));
    put_mark(maker, Kind::End);
    rescues += waiter.rescues();
  });
  RingFollower follower(rig.ring, 0, rig.bells);
  Waiter waiter(rig.bells[1], WaitMode::Block);
  while (!follower.ended()) {
    REQUIRE(waiter.wait([&] { return follower.ready(); }, avrig::monotonic_ns() + 30 * kSecondNs));
    Taken taken;
    REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
    follower.complete(taken);
    follower.release(follower.next() - std::min(kept, follower.next()));
  }
  follower.release_all();
  making.join();
  return rescues + waiter.rescues();
}

}  // namespace

TEST_SUITE("shm/ring room") {
  TEST_CASE("room: a maker that asked for half its window is rung when that is free, once") {
    Rig rig(windowed({looker(1)}, 4));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    fill_and_sleep(rig, maker);
    CHECK(pass(follower) == 0);
    CHECK_FALSE(was_rung(rig));
    CHECK(maker.may_publish());  // but who looks for himself may go on
    fill_and_sleep(rig, maker);
    CHECK(pass(follower) == 1);
    CHECK_FALSE(was_rung(rig));
    CHECK(pass(follower) == 2);
    CHECK(was_rung(rig));
  }

  TEST_CASE("room: a maker without room may wait while its followers have work for half a window") {
    for (const std::uint32_t window : {1u, 4u}) {
      Rig rig(windowed({looker(1)}, window));
      RingMaker maker(rig.ring, rig.bells);
      RingFollower follower(rig.ring, 0, rig.bells);
      const auto patience_ns = [&] {
        rig.bells[0].patience_ns.store(INT64_MAX);
        REQUIRE_FALSE(maker.ready());
        return rig.bells[0].patience_ns.load();
      };
      while (put(maker, 1)) {
      }
      CHECK(patience_ns() == 0);  // how fast the stream is it cannot know yet
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      REQUIRE(pass(follower) == 0);
      REQUIRE(put(maker, 1));
      // One frame in a millisecond or more.
      CHECK(patience_ns() >= window / 2 * 1'000'000);
      CHECK((patience_ns() > 0) == (window > 1));
    }
  }

  TEST_CASE("room: a follower of a slow stream does not leave the next frame lying") {
    Rig rig(windowed({looker(1)}, 4));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    for (int frame = 0; frame < 3; ++frame) {
      REQUIRE(put(maker, 1));
      REQUIRE(pass(follower).has_value());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      rig.bells[1].patience_ns.store(INT64_MAX);
      REQUIRE_FALSE(follower.ready());
      CHECK(rig.bells[1].patience_ns.load() == 0);
    }
  }

  TEST_CASE("room: in a window of fewer than four frames each that is let go rings") {
    for (const std::uint32_t window : {1u, 2u, 3u}) {
      Rig rig(windowed({looker(1)}, window));
      RingMaker maker(rig.ring, rig.bells);
      RingFollower follower(rig.ring, 0, rig.bells);
      while (put(maker, 1)) {
      }
      REQUIRE_FALSE(maker.ready());
      rig.bells[0].word.store(kAsleep);
      CHECK(pass(follower) == 0);
      CHECK(was_rung(rig));
    }
  }

  TEST_CASE("room: a follower with nothing more to take rings for less than was asked for") {
    Rig rig(windowed({looker(1)}, 4));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    fill_and_sleep(rig, maker);
    Taken taken;
    for (int frame = 0; frame < 4; ++frame) {
      REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
      follower.complete(taken);
    }
    follower.release(1);  // the other three it keeps: what was asked for never comes
    CHECK_FALSE(was_rung(rig));
    CHECK_FALSE(follower.ready());
    CHECK(was_rung(rig));
    CHECK_FALSE(follower.ready());
    CHECK_FALSE(was_rung(rig));  // owed once
  }

  TEST_CASE("room: of several followers the last to give room rings, the others do not") {
    Rig rig(windowed({looker(1), looker(2), looker(3, Loss::MaySkip)}, 4));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower fast(rig.ring, 0, rig.bells);
    RingFollower slow(rig.ring, 1, rig.bells);
    fill_and_sleep(rig, maker);
    while (pass(fast)) {
    }
    CHECK_FALSE(fast.ready());
    CHECK_FALSE(was_rung(rig));
    CHECK(pass(slow) == 0);
    CHECK_FALSE(was_rung(rig));
    CHECK(pass(slow) == 1);
    CHECK(was_rung(rig));
  }

  TEST_CASE("room: a follower that may skip rings as before: its maker may wait for a buffer") {
    Rig rig(windowed({looker(1), looker(2, Loss::MaySkip)}, 4));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower preview(rig.ring, 1, rig.bells);
    fill_and_sleep(rig, maker);
    CHECK(pass(preview).has_value());
    CHECK(was_rung(rig));
  }

  TEST_CASE("room: what a killed maker asked for is forgotten by its successor") {
    Rig rig(windowed({looker(1)}, 4));
    {
      RingMaker killed(rig.ring, rig.bells);
      fill_and_sleep(rig, killed);
    }
    CHECK(rig.ring.maker_page().wanted.load() == 2);
    CHECK(rig.ring.maker_page().full_at.load() == 5);
    const RingMaker successor(rig.ring, rig.bells);
    CHECK(rig.ring.maker_page().wanted.load() == 0);
    RingFollower follower(rig.ring, 0, rig.bells);
    CHECK(pass(follower) == 0);
    CHECK(was_rung(rig));
  }

  TEST_CASE("room: a gate lets frames gather for a follower that asked for two, until it sleeps") {
    RingSpec spec = windowed({looker(1)}, 4);
    spec.buffers = 0;
    Rig rig(spec);
    RingMaker gate(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    Bell& bell = rig.bells[1];
    const auto was_follower_rung = [&] {
      return bell.word.exchange(kAsleep) == kAwake;
    };
    follower.page().wanted.store(2);
    bell.word.store(kAsleep);
    put_mark(gate, Kind::Frame);
    CHECK_FALSE(was_follower_rung());
    put_mark(gate, Kind::Frame);
    CHECK(was_follower_rung());
    follower.page().wanted.store(4);
    put_mark(gate, Kind::Frame);
    CHECK_FALSE(was_follower_rung());
    gate.settle();
    CHECK(was_follower_rung());
    follower.page().wanted.store(8);
    put_mark(gate, Kind::End);
    CHECK(was_follower_rung());
  }

  TEST_CASE("room: an editor lets frames gather for who comes behind it, until it has no more") {
    Rig rig(windowed({editor(1), looker(2, Loss::Must, 0b1)}, 4));
    RingMaker maker(rig.ring, rig.bells);
    RingEditor sut(rig.ring, 0, rig.bells);
    RingFollower behind(rig.ring, 1, rig.bells);
    Bell& bell = rig.bells[2];
    REQUIRE(put(maker, 1));
    REQUIRE(put(maker, 1));
    behind.page().wanted.store(4);
    bell.word.store(kAsleep);
    CHECK(pass(sut) == 0);
    CHECK(sleeps(bell));
    CHECK(pass(sut) == 1);
    CHECK(sleeps(bell));
    CHECK_FALSE(sut.ready());
    CHECK_FALSE(sleeps(bell));
    put_mark(maker, Kind::End);
    bell.word.store(kAsleep);
    CHECK(pass(sut) == 2);
    CHECK_FALSE(sleeps(bell));
  }

  TEST_CASE("room: a stream whose maker has room is rung for at its first frame") {
    Rig rig(windowed({looker(1)}, 8));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    for (int frame = 0; frame < 1000; ++frame) {
      REQUIRE(put(maker, 1));
      REQUIRE(pass(follower).has_value());
      REQUIRE_FALSE(follower.ready());
      REQUIRE(follower.frames_worth() == 1);
      REQUIRE(follower.page().wanted.load() == 0);
    }
    CHECK(rig.ring.maker_page().full_at.load() == 0);
  }

  TEST_CASE("room: nobody waits for what never comes, whatever the window and what is kept of it") {
    for (std::uint32_t window = 1; window <= 12; ++window) {
      for (const std::uint64_t kept : {0u, 1u, 2u, 3u, 5u, 8u, 11u}) {
        if (kept < window) {
          CAPTURE(window);
          CAPTURE(kept);
          // A waker that is kept from its core between its progress and its ring may come late.
          CHECK(rescues_of(window, kept, 400) < 40);
        }
      }
    }
  }
}
