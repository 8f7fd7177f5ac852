// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../support/patience.hpp"
#include "rig.hpp"
#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_editor.hpp>
#include <avrig/shm/ring_follower.hpp>
#include <avrig/shm/ring_maker.hpp>
#include <avrig/shm/ring_tap.hpp>

#include <array>
#include <cstring>
#include <thread>

#include <doctest/doctest.h>

using namespace avrig::shm;
using namespace avrig::shm::testing;

TEST_SUITE("shm/ring") {
  TEST_CASE("ring: a full window refuses another frame until a must follower lets one go") {
    Rig rig(spec_of({looker(1)}));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    for (std::uint8_t value = 0; value < 4; ++value) {
      REQUIRE(put(maker, value));
    }
    CHECK_FALSE(maker.may_publish());
    Taken taken;
    REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
    CHECK(std::to_integer<int>(taken.payload[0]) == 0);
    follower.complete(taken);
    CHECK_FALSE(maker.may_publish());
    follower.release_all();
    CHECK(maker.may_publish());
  }

  TEST_CASE("ring: a maker uses its most recently freed buffer again") {
    Rig rig(spec_of({looker(1)}));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    Taken taken;
    REQUIRE(put(maker, 1));
    REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
    const auto* first = taken.payload.data();
    follower.complete(taken);
    follower.release_all();
    (void)maker.tail();
    REQUIRE(put(maker, 2));
    REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
    CHECK(taken.payload.data() == first);
  }

  TEST_CASE("ring: a may_skip follower that lags jumps to the newest and its edge adds up") {
    Rig rig(spec_of({looker(1), looker(2, Loss::MaySkip)}));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower must(rig.ring, 0, rig.bells);
    RingFollower preview(rig.ring, 1, rig.bells);
    Taken taken;
    for (int frame = 0; frame < 40; ++frame) {
      REQUIRE(put(maker, static_cast<std::uint8_t>(frame)));
      REQUIRE(must.try_next(taken) == RingFollower::Next::Taken);
      must.complete(taken);
      must.release_all();
    }
    REQUIRE(preview.try_next(taken) == RingFollower::Next::Taken);
    CHECK(taken.sequence == 39);
    CHECK(std::to_integer<int>(taken.payload[0]) == 39);
    preview.complete(taken);
    preview.release_all();
    const EdgeCount count = count_edge(rig.ring, 1);
    CHECK(count.produced == 40);
    CHECK(count.delivered == 1);
    CHECK(count.dropped == 39);
    CHECK(count.in_flight == 0);
  }

  TEST_CASE(
      "ring: a live maker never waits, and the frame in a stalled follower's hand stays its own") {
    RingSpec spec = spec_of({looker(1)});
    spec.live = true;
    Rig rig(spec);
    RingMaker maker(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    Taken taken;
    REQUIRE(put(maker, 0));
    REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
    for (int frame = 1; frame < 100; ++frame) {
      REQUIRE(put(maker, static_cast<std::uint8_t>(frame)));
    }
    CHECK(std::to_integer<int>(taken.payload[0]) == 0);
    CHECK(std::to_integer<int>(taken.payload[kBytes - 1]) == 0);
    SUBCASE("and a successor of the maker still knows it") {
      RingMaker successor(rig.ring, rig.bells);
      CHECK(successor.head() == 100);
      for (int frame = 100; frame < 200; ++frame) {
        REQUIRE(put(successor, static_cast<std::uint8_t>(frame)));
      }
      CHECK(std::to_integer<int>(taken.payload[0]) == 0);
    }
    follower.complete(taken);
    follower.release_all();
    REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
    CHECK(std::to_integer<std::uint8_t>(taken.payload[0]) ==
          static_cast<std::uint8_t>(taken.sequence));
    follower.complete(taken);
    const EdgeCount count = count_edge(rig.ring, 0);
    CHECK(count.produced == count.delivered + count.dropped + count.quarantined + count.in_flight);
    CHECK(count.delivered == 2);
  }

  TEST_CASE(
      "ring: an editor comes after the unedited frame's lookers and before the edited one's") {
    RingSpec spec = spec_of({looker(1), looker(2), looker(3, Loss::Must, 0b10)});
    spec.participants[1].part = Part::Editor;
    spec.participants[1].behind = 0b01;
    spec.participants[1].undo_bytes = kBytes;
    Rig rig(spec);
    RingMaker maker(rig.ring, rig.bells);
    RingFollower raw(rig.ring, 0, rig.bells);
    RingEditor sut(rig.ring, 1, rig.bells);
    RingFollower edited(rig.ring, 2, rig.bells);
    Taken taken;
    REQUIRE(put(maker, 7));
    CHECK(sut.try_next(taken) == RingFollower::Next::Nothing);
    CHECK(edited.try_next(taken) == RingFollower::Next::Nothing);
    REQUIRE(raw.try_next(taken) == RingFollower::Next::Taken);
    raw.complete(taken);
    CHECK(sut.try_next(taken) == RingFollower::Next::Nothing);
    raw.release_all();
    REQUIRE(sut.try_next(taken) == RingFollower::Next::Taken);
    const Region whole{0, kBytes, 1, kBytes, 0};
    REQUIRE(sut.save(taken, {&whole, 1}));
    std::memset(taken.payload.data(), 9, 100);
    SUBCASE("killed in mid-edit, its successor finds the frame pristine") {
      RingEditor successor(rig.ring, 1, rig.bells);
      CHECK(std::to_integer<int>(taken.payload[0]) == 7);
      Taken again;
      REQUIRE(successor.try_next(again) == RingFollower::Next::Taken);
      CHECK(again.sequence == 0);
    }
    SUBCASE("completed, the edited frame goes on") {
      sut.complete(taken);
      sut.release_all();
      REQUIRE(edited.try_next(taken) == RingFollower::Next::Taken);
      CHECK(std::to_integer<int>(taken.payload[0]) == 9);
    }
    SUBCASE("condemned, its followers pass it over") {
      sut.condemn(taken, DropReason::Processor, false);
      sut.complete(taken);
      sut.release_all();
      CHECK(edited.try_next(taken) == RingFollower::Next::Nothing);
      CHECK(edited.next() == 1);
    }
  }

  TEST_CASE("ring: threads pass a hundred thousand frames in order through a sleeping ring") {
    Rig rig(spec_of({looker(1)}));
    constexpr int kFrames = 100'000;
    std::thread making([&] {
      RingMaker maker(rig.ring, rig.bells);
      Waiter waiter(rig.bells[0], WaitMode::Adaptive);
      for (int frame = 0; frame < kFrames; ++frame) {
        REQUIRE(waiter.wait([&] { return maker.ready(); },
                            avrig::monotonic_ns() + avrig::test::kPatienceNs));
        const auto buffer = maker.try_claim();
        std::memset(maker.memory(*buffer).data(), frame & 0xff, 64);
        Descriptor descriptor{};
        descriptor.index = frame;
        maker.publish(descriptor, *buffer);
      }
    });
    RingFollower follower(rig.ring, 0, rig.bells);
    Waiter waiter(rig.bells[1], WaitMode::Adaptive);
    int wrong = 0;
    for (int frame = 0; frame < kFrames; ++frame) {
      REQUIRE(waiter.wait([&] { return follower.ready(); },
                          avrig::monotonic_ns() + avrig::test::kPatienceNs));
      Taken taken;
      REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
      wrong += taken.descriptor.index != frame ||
               std::to_integer<int>(taken.payload[63]) != (frame & 0xff);
      follower.complete(taken);
      follower.release_all();
    }
    making.join();
    CHECK(wrong == 0);
  }

  TEST_CASE("ring: foreign, torn and oversized headers are refused, never followed") {
    const RingSpec spec = spec_of({looker(1)});
    std::vector<std::byte> memory(Ring::bytes_needed(spec) + 128);
    auto* aligned = memory.data() + (128 - reinterpret_cast<std::uintptr_t>(memory.data()) % 128);
    const std::span<std::byte> bytes(aligned, Ring::bytes_needed(spec));
    CHECK_THROWS(Ring{bytes});
    Ring::lay_out(bytes, spec);
    CHECK_NOTHROW(Ring{bytes});
    auto* header = reinterpret_cast<RingHeader*>(aligned);
    header->slots = 0x7fff'ffff;
    CHECK_THROWS(Ring{bytes});
    header->slots = 16;
    header->participants = 33;
    CHECK_THROWS(Ring{bytes});
  }
}
