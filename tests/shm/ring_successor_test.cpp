// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/shm/ring_tap.hpp>
#include <avrig/shm/run_block.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig::shm;
using namespace avrig::shm::testing;

namespace {

int first_byte(const Taken& taken) {
  return std::to_integer<int>(taken.payload[0]);
}

// As if the ring had run for `head` frames: followers at rest behind the newest of them.
void age(Rig& rig, std::uint64_t head) {
  DescriptorSlot& slot = rig.ring.slot(head - 1);
  slot.body[0].store(head - 1);
  slot.word.store(make_word(head - 1, Kind::Empty, kNoBuffer));
  rig.ring.maker_page().floor.store(head);
  for (std::uint32_t index = 0; index < rig.ring.participants().size(); ++index) {
    ParticipantPage& page = rig.ring.participant_page(index);
    page.begun.store(head);
    page.done.store(head);
    page.hold.store(head);
  }
}

}  // namespace

TEST_SUITE("shm/ring successors") {
  TEST_CASE("follower: a successor knows that the end of stream was completed") {
    Rig rig(spec_of({looker(1)}));
    RingMaker maker(rig.ring, rig.bells);
    REQUIRE(put(maker, 1));
    put_mark(maker, Kind::End);
    {
      RingFollower follower(rig.ring, 0, rig.bells);
      REQUIRE(pass(follower));
      CHECK_FALSE(RingFollower(rig.ring, 0, rig.bells).ended());
      REQUIRE(pass(follower));
      CHECK(follower.ended());
    }
    CHECK(RingFollower(rig.ring, 0, rig.bells).ended());
    CHECK(RingMaker(rig.ring, rig.bells).ended());
  }

  TEST_CASE("follower: killed between complete and release, its successor lets a full window go") {
    RingSpec spec = spec_of({looker(1)});
    spec.window = 1;
    Rig rig(spec);
    RingMaker maker(rig.ring, rig.bells);
    REQUIRE(put(maker, 1));
    {
      RingFollower follower(rig.ring, 0, rig.bells);
      Taken taken;
      REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
      follower.complete(taken);
    }
    CHECK_FALSE(maker.ready());
    RingFollower successor(rig.ring, 0, rig.bells);
    successor.release_all();
    CHECK(maker.ready());
  }

  TEST_CASE("follower: a jump counts frames, not marks, and takes a decided jump as made") {
    RingSpec spec = spec_of({looker(1)});
    spec.live = true;
    Rig rig(spec);
    RingMaker maker(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    for (int frame = 0; frame < 60; ++frame) {
      if (frame % 5 == 2) {
        put_mark(maker, frame % 2 == 0 ? Kind::Break : Kind::Empty);
      } else {
        REQUIRE(put(maker, static_cast<std::uint8_t>(frame)));
      }
    }
    CHECK(count_edge(rig.ring, 0).produced == 48);
    CHECK(count_edge(rig.ring, 0).in_flight == 48);
    while (pass(follower)) {
    }
    const EdgeCount count = count_edge(rig.ring, 0);
    CHECK(count.produced == 48);
    CHECK(count.in_flight == 0);
    CHECK(count.delivered + count.dropped == 48);
    CHECK(count.delivered >= 6);
    SUBCASE("killed between the count and the cursor") {
      REQUIRE(put(maker, 1));
      Ledger ledger = follower.ledger();
      ++ledger.dropped[static_cast<std::size_t>(DropReason::Skipped)];
      ledger.jump_from = 60;
      ledger.cursor = 61;
      rig.ring.participant_page(0).ledger.store(ledger);
      RingFollower successor(rig.ring, 0, rig.bells);
      CHECK(successor.next() == 61);
      CHECK(successor.hold() == 61);
      CHECK(count_edge(rig.ring, 0).dropped == count.dropped + 1);
      CHECK(count_edge(rig.ring, 0).in_flight == 0);
    }
  }

  TEST_CASE("follower: what a maker's last output already contains counts as delivered") {
    RingSpec spec = spec_of({looker(1)});
    spec.live = true;
    Rig rig(spec);
    RingMaker maker(rig.ring, rig.bells);
    for (int frame = 0; frame < 40; ++frame) {
      REQUIRE(put(maker, static_cast<std::uint8_t>(frame)));
    }
    RingFollower follower(rig.ring, 0, rig.bells);
    follower.skip_to(1);  // frame 0 has left the ring
    CHECK(follower.next() == 1);
    follower.skip_to(1000);  // not beyond what was published
    CHECK(follower.next() == 40);
    CHECK(count_edge(rig.ring, 0).delivered == 40);
  }

  TEST_CASE("editor: frames that it jumps over do not go on as if they were edited") {
    RingSpec spec = spec_of({editor(1, Loss::MaySkip), looker(2, Loss::Must, 0b1)});
    Rig rig(spec);
    RingMaker maker(rig.ring, rig.bells);
    Unprocessed policy = Unprocessed::Drop;
    SUBCASE("dropped") {
      policy = Unprocessed::Drop;
    }
    SUBCASE("passed, flagged") {
      policy = Unprocessed::Pass;
    }
    RingEditor sut(rig.ring, 0, rig.bells, policy);
    RingFollower edited(rig.ring, 1, rig.bells);
    for (std::uint8_t value = 0; value < 3; ++value) {
      REQUIRE(put(maker, value));
    }
    Taken taken;
    REQUIRE(sut.try_next(taken) == RingFollower::Next::Taken);
    CHECK(taken.sequence == 2);
    RingTap tap(rig.ring);
    Descriptor seen;
    std::vector<std::byte> payload;
    CHECK(tap.copy_newest(seen, payload) == (policy == Unprocessed::Pass));
    REQUIRE(edited.try_next(taken) == (policy == Unprocessed::Pass ? RingFollower::Next::Taken
                                                                   : RingFollower::Next::Nothing));
    if (policy == Unprocessed::Pass) {
      CHECK((taken.descriptor.flags & AVRIG_FRAME_UNPROCESSED) != 0);
    } else {
      CHECK(edited.next() == 2);
      CHECK(count_edge(rig.ring, 1).produced == 1);
    }
    CHECK(count_edge(rig.ring, 0).dropped == 2);
  }

  TEST_CASE("editor: killed in the middle of a jump, its successor completes it") {
    Rig rig(spec_of({editor(1, Loss::MaySkip), looker(2, Loss::Must, 0b1)}));
    RingMaker maker(rig.ring, rig.bells);
    for (std::uint8_t value = 0; value < 3; ++value) {
      REQUIRE(put(maker, value));
    }
    Ledger ledger{};
    ledger.cursor = 2;
    ledger.dropped[static_cast<std::size_t>(DropReason::Skipped)] = 2;
    rig.ring.participant_page(0).ledger.store(ledger);
    RingEditor successor(rig.ring, 0, rig.bells);
    CHECK(successor.next() == 2);
    CHECK(successor.hold() == 2);
    RingFollower edited(rig.ring, 1, rig.bells);
    Taken taken;
    CHECK(edited.try_next(taken) == RingFollower::Next::Nothing);
    CHECK(edited.next() == 2);
  }

  TEST_CASE("editor: a verdict of a predecessor that was killed does not outlive it") {
    Rig rig(spec_of({editor(1), looker(2, Loss::Must, 0b1)}));
    RingMaker maker(rig.ring, rig.bells);
    REQUIRE(put(maker, 1));
    Taken taken;
    {
      RingEditor killed(rig.ring, 0, rig.bells);
      REQUIRE(killed.try_next(taken) == RingFollower::Next::Taken);
      killed.condemn(taken, DropReason::Processor, true);
    }
    RingEditor successor(rig.ring, 0, rig.bells);
    RingFollower edited(rig.ring, 1, rig.bells);
    REQUIRE(successor.try_next(taken) == RingFollower::Next::Taken);
    SUBCASE("the successor keeps the frame") {
      successor.complete(taken);
      REQUIRE(edited.try_next(taken) == RingFollower::Next::Taken);
      CHECK(taken.descriptor.flags == 0);
    }
    SUBCASE("the successor passes it on unprocessed, flagged") {
      successor.pass_unprocessed(taken, true);
      successor.complete_quarantined(taken);
      REQUIRE(edited.try_next(taken) == RingFollower::Next::Taken);
      CHECK(taken.descriptor.flags == (AVRIG_FRAME_UNPROCESSED | AVRIG_FRAME_QUARANTINED));
      CHECK(count_edge(rig.ring, 0).quarantined == 1);
    }
  }

  TEST_CASE("editor: another region of the same frame starts again from the pristine frame") {
    Rig rig(spec_of({editor(1)}));
    RingMaker maker(rig.ring, rig.bells);
    REQUIRE(put(maker, 5));
    RingEditor sut(rig.ring, 0, rig.bells);
    Taken taken;
    REQUIRE(sut.try_next(taken) == RingFollower::Next::Taken);
    const Region first{0, 16, 1, 16, 0};
    const Region second{8, 16, 1, 16, 0};
    const Region outside{kBytes - 8, 16, 1, 16, 0};
    REQUIRE(sut.save(taken, {&first, 1}));
    taken.payload[0] = std::byte{9};
    REQUIRE(sut.save(taken, {&second, 1}));
    taken.payload[20] = std::byte{9};
    CHECK(sut.restore(taken));
    CHECK(first_byte(taken) == 5);
    CHECK(std::to_integer<int>(taken.payload[20]) == 5);
    CHECK_FALSE(sut.save(taken, {&outside, 1}));
  }

  TEST_CASE("maker: a format change is a mark that its followers take") {
    Rig rig(spec_of({looker(1)}));
    RingMaker maker(rig.ring, rig.bells);
    put_mark(maker, Kind::Format);
    RingFollower follower(rig.ring, 0, rig.bells);
    Taken taken;
    REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
    CHECK(taken.kind == Kind::Format);
    CHECK(taken.payload.empty());
  }

  TEST_CASE("maker: rings those who wait for it alone; an editor rings those behind it") {
    RingSpec spec = spec_of({editor(1), looker(2, Loss::Must, 0b1), looker(3)});
    spec.participants[0].behind = 0b100;
    Rig rig(spec);
    RingMaker maker(rig.ring, rig.bells);
    RingEditor sut(rig.ring, 0, rig.bells);
    RingFollower raw(rig.ring, 2, rig.bells);
    for (Bell& bell : rig.bells) {
      bell.word.store(kAsleep);
    }
    const auto rung = [&] {
      std::string which;
      for (std::size_t index = 0; index < rig.bells.size(); ++index) {
        which += rig.bells[index].word.exchange(kAsleep) == kAwake ? std::to_string(index) : "";
      }
      return which;
    };
    REQUIRE(put(maker, 1));
    CHECK(rung() == "3");
    Taken taken;
    REQUIRE(raw.try_next(taken) == RingFollower::Next::Taken);
    raw.complete(taken);
    CHECK(rung().empty());
    raw.release_all();
    CHECK(rung() == "01");
    REQUIRE(sut.try_next(taken) == RingFollower::Next::Taken);
    sut.complete(taken);
    CHECK(rung() == "2");
    sut.release_all();
    CHECK(rung() == "0");
  }

  TEST_CASE("maker: a live reference ring remembers the frame in a stalled follower's hand") {
    RingSpec spec = spec_of({looker(1)});
    spec.buffers = 0;
    spec.buffer_bytes = 0;
    spec.live = true;
    Rig rig(spec);
    RingMaker gate(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    Descriptor descriptor{};
    descriptor.reference_buffer = kNoBuffer;
    CHECK(gate.ready());
    gate.publish(Kind::Frame, descriptor);
    gate.publish(Kind::Frame, descriptor);
    Taken taken;
    REQUIRE(pass(follower));
    REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
    for (int frame = 0; frame < 100; ++frame) {
      REQUIRE(gate.ready());
      gate.publish(Kind::Frame, descriptor);
    }
    CHECK(gate.tail() == 1);
    RingMaker successor(rig.ring, rig.bells);
    CHECK(successor.tail() == 1);
    follower.complete(taken);
    follower.release_all();
    CHECK(successor.tail() > 1);
  }

  TEST_CASE("maker: a follower that may skip keeps a few names, and the frame in its hand") {
    RingSpec spec = spec_of({looker(1), looker(2, Loss::MaySkip)});
    spec.buffers = 0;
    spec.buffer_bytes = 0;
    Rig rig(spec);
    RingMaker gate(rig.ring, rig.bells);
    RingFollower recorder(rig.ring, 0, rig.bells);
    RingFollower screen(rig.ring, 1, rig.bells);
    Descriptor descriptor{};
    descriptor.reference_buffer = kNoBuffer;
    const auto publish = [&](int frames) {
      for (int frame = 0; frame < frames; ++frame) {
        REQUIRE(gate.may_publish());
        gate.publish(Kind::Frame, descriptor);
      }
    };
    publish(4);
    // Nobody has had them: what a `must` follower still wants stays.
    gate.leave_to_skippers(2);
    CHECK(gate.tail() == 0);
    for (int frame = 0; frame < 4; ++frame) {
      REQUIRE(pass(recorder));
    }
    gate.leave_to_skippers(2);
    CHECK(gate.tail() == 2);
    Taken taken;
    REQUIRE(screen.try_next(taken) == RingFollower::Next::Taken);
    const std::uint64_t in_hand = taken.sequence;
    CHECK(in_hand >= 2);
    publish(1);
    REQUIRE(pass(recorder));
    gate.leave_to_skippers(0);
    CHECK(gate.tail() == in_hand);
    screen.complete(taken);
    screen.release_all();
    CHECK(gate.tail() > in_hand);
    const EdgeCount count = count_edge(rig.ring, 1);
    CHECK(count.produced == count.delivered + count.dropped + count.in_flight);
  }

  TEST_CASE("maker: pins and words hold across the wrap of 40-bit sequences") {
    constexpr std::uint64_t kWrap = std::uint64_t{1} << kSequenceBits;
    CHECK(widen_sequence(kSequenceMask, kWrap + 3) == kSequenceMask);
    CHECK(widen_sequence(2, kWrap + 3) == kWrap + 2);
    CHECK(widen_sequence(2, 3) == 2);
    RingSpec spec = spec_of({looker(1), looker(2)});
    spec.live = true;
    Rig rig(spec);
    age(rig, kWrap - 5);
    RingMaker maker(rig.ring, rig.bells);
    RingFollower stalled(rig.ring, 0, rig.bells);
    RingFollower follower(rig.ring, 1, rig.bells);
    REQUIRE(maker.head() == kWrap - 5);
    Taken held;
    REQUIRE(put(maker, 200));
    REQUIRE(stalled.try_next(held) == RingFollower::Next::Taken);
    REQUIRE(pass(follower) == kWrap - 5);
    for (std::uint64_t frame = kWrap - 4; frame < kWrap + 40; ++frame) {
      REQUIRE(put(maker, static_cast<std::uint8_t>(frame & 0x7f)));
      REQUIRE(pass(follower) == frame);
    }
    CHECK(first_byte(held) == 200);
    RingMaker successor(rig.ring, rig.bells);
    CHECK(successor.tail() == kWrap - 5);
    for (int frame = 0; frame < 40; ++frame) {
      REQUIRE(put(successor, 1));
    }
    CHECK(first_byte(held) == 200);
    stalled.complete(held);
    stalled.release_all();
    CHECK(successor.tail() > kWrap);
  }

  TEST_CASE("maker: spares the newest freed buffers while taps are attached") {
    Rig rig(spec_of({looker(1)}));
    RingMaker maker(rig.ring, rig.bells);
    RingFollower follower(rig.ring, 0, rig.bells);
    maker.spare_for_taps(true);
    Taken taken;
    std::vector<std::uint32_t> used;
    for (int frame = 0; frame < 12; ++frame) {
      REQUIRE(put(maker, 1));
      REQUIRE(follower.try_next(taken) == RingFollower::Next::Taken);
      used.push_back(taken.buffer);
      follower.complete(taken);
      follower.release_all();
      (void)maker.tail();
    }
    for (std::size_t at = 2; at < used.size(); ++at) {
      CHECK(used[at] != used[at - 1]);
      CHECK(used[at] != used[at - 2]);
    }
  }

  TEST_CASE("tap: a buffer that was used again is not taken for the frame that named it") {
    Rig rig(spec_of({looker(1)}));
    RingMaker maker(rig.ring, rig.bells);
    REQUIRE(put(maker, 7));
    const std::uint32_t buffer = word_buffer(rig.ring.slot(0).word.load());
    RingTap sut(rig.ring);
    Descriptor seen;
    std::vector<std::byte> payload;
    rig.ring.generation(buffer).fetch_add(2);  // written and published as another frame
    CHECK_FALSE(sut.copy_newest(seen, payload));
    CHECK(sut.torn() > 0);
    rig.ring.generation(buffer).fetch_sub(2);
    REQUIRE(sut.copy_newest(seen, payload));
    CHECK(std::to_integer<int>(payload[0]) == 7);
    CHECK_FALSE(sut.copy_newest(seen, payload));
  }

  TEST_CASE("run block: a name that a killed predecessor began leaves nothing behind") {
    StagePage page{};
    std::memcpy(page.counter[0].name.data(), "latecomers", 10);
    REQUIRE(named_counter(page, "xy") != nullptr);
    CHECK(std::string(page.counter[0].name.data()) == "xy");
  }
}
