// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"

#include <algorithm>
#include <limits>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

TEST_SUITE("core/mixer/schedule") {
  TEST_CASE("DS-01 schedule: a looped source, one inside it, and a stop two seconds after that") {
    Rig rig(Rig::outputs(2), 480);
    constexpr std::int64_t kSecond = 48000;
    const VoiceId a = rig.voice(0, counting(997), {0});
    const VoiceId b = rig.voice(1, counting(48000, 1e-6F), {1});
    REQUIRE(rig.send(start(a, at(100), kLoopForever)));
    REQUIRE(rig.send(start(b, with_start(a, 2 * kSecond))));
    REQUIRE(rig.send(stop(a, with_end(b, 2 * kSecond))));
    const auto out = rig.driver.render(7 * kSecond);
    CHECK(rig.event(EventKind::Started, a).sample == 100);
    CHECK(rig.event(EventKind::Started, b).sample == 100 + 2 * kSecond);
    CHECK(rig.event(EventKind::Ended, b).sample == 100 + 3 * kSecond);
    CHECK(rig.event(EventKind::Ended, a).sample == 100 + 5 * kSecond);
    CHECK(out[0][99] == 0.0F);
    CHECK(out[0][100] != 0.0F);
    CHECK(out[0][100 + 5 * kSecond - 1] != 0.0F);
    CHECK(out[0][100 + 5 * kSecond] == 0.0F);
    CHECK(out[1][100 + 2 * kSecond - 1] == 0.0F);
    CHECK(out[1][100 + 2 * kSecond] == 1e-6F);
  }

  TEST_CASE("DS-04 schedule: followers keep their offset to a start and to an end, exactly") {
    for (const std::int64_t offset : {-300, -1, 0, 1, 255, 256, 257, 5000}) {
      Rig rig;
      const VoiceId a = rig.voice(0, counting(1000));
      const VoiceId b = rig.voice(1, counting(10));
      const VoiceId c = rig.voice(2, counting(10));
      REQUIRE(rig.send(start(b, with_start(a, offset))));
      REQUIRE(rig.send(start(c, with_end(a, offset))));
      REQUIRE(rig.send(start(a, at(700))));
      (void)rig.driver.render(8000);
      CHECK(rig.event(EventKind::Started, b).sample == 700 + offset);
      CHECK(rig.event(EventKind::Started, c).sample == 1700 + offset);
    }
  }

  TEST_CASE("DS-06 schedule: a natural end comes after exactly as many samples as there are") {
    for (const std::size_t length : {std::size_t{1},
                                     std::size_t{255},
                                     std::size_t{256},
                                     std::size_t{257},
                                     std::size_t{2567}}) {
      Rig rig;
      const VoiceId a = rig.voice(0, counting(length));
      REQUIRE(rig.send(start(a, at(33))));
      const auto out = rig.driver.render(4000);
      const Event end = rig.event(EventKind::Ended, a);
      CHECK(end.sample - rig.event(EventKind::Started, a).sample ==
            static_cast<std::int64_t>(length));
      CHECK((end.flags & kEventNatural) != 0);
      CHECK(out[0][33 + length - 1] != 0.0F);
      CHECK(out[0][33 + length] == 0.0F);
    }
  }

  TEST_CASE("DS-11 schedule: every wrong call is refused with its reason and changes nothing") {
    Rig rig(Rig::outputs(4));
    const VoiceId a = rig.voice(0, counting(100));
    const VoiceId b = rig.voice(1, counting(100));
    const std::uint32_t stereo = rig.lend(counting(200), 2);
    const auto refused = [&](const Command& command, Reason reason) {
      CHECK_FALSE(rig.send(command));
      CHECK(rig.last_reason() == reason);
    };
    refused(start(make_voice(9, 1)), Reason::UnknownVoice);
    refused(start(make_voice(0, 2)), Reason::UnknownVoice);
    refused(start(a, now(), kNoLoop, 100), Reason::BadIndex);
    refused(start(a, now(), kNoLoop, -1), Reason::BadIndex);
    refused(start(a, now(), {50, 50, 0}), Reason::BadLoop);
    refused(start(a, now(), {0, 101, 0}), Reason::BadLoop);
    refused(start(a, with_start(a)), Reason::Self);
    refused(stop(a), Reason::NotPlaying);
    refused(start(a, at(kMaxSample)), Reason::BadTime);
    refused(add_voice(make_voice(2, 1), 0, {4}), Reason::BadOutput);
    refused(add_voice(make_voice(2, 1), 0, {1, 1}), Reason::BadOutput);
    refused(add_voice(make_voice(2, 1), stereo, {1}), Reason::BadChannels);
    refused(add_voice(make_voice(2, 1), 77, {1}), Reason::UnknownSource);
    refused(add_voice(make_voice(0, 7), 0, {1}), Reason::VoiceExists);
    refused(add_voice(make_voice(5000, 1), 0, {1}), Reason::Full);
    refused(set_gain(a, std::numeric_limits<double>::quiet_NaN()), Reason::BadValue);
    refused(set_pitch(a, std::numeric_limits<double>::infinity()), Reason::BadValue);
    refused(cancel(a, 12345), Reason::Unknown);
    refused(set_bus(CommandKind::SetBusGain, 3, -6.0), Reason::UnknownBus);
    refused(set_clip(0, ClipPolicy::Limit), Reason::NoLimiter);
    REQUIRE(rig.send(start(b, with_end(a))));
    refused(start(a, with_start(b)), Reason::Cycle);
    const auto out = rig.driver.render(1000);
    CHECK(rig.event(EventKind::Started).kind == EventKind::None);
    for (const auto& row : out) {
      CHECK(*std::max_element(row.begin(), row.end()) == 0.0F);
    }
  }

  TEST_CASE("DS-13 schedule: a source that never started has no times after 100 periods") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(100));
    (void)rig.driver.render(25600);
    const VoiceStatus status = rig.driver.engine().status(a);
    CHECK(status.state == VoiceState::Idle);
    CHECK(status.start == kUnknownSample);
    CHECK(status.end == kUnknownSample);
    CHECK(rig.event(EventKind::Ended).kind == EventKind::None);
    CHECK(rig.driver.engine().status(make_voice(7, 1)).state == VoiceState::None);
  }

  TEST_CASE("DS-16 schedule: starting_idx k plays data[k:]") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(1000));
    REQUIRE(rig.send(start(a, at(10), kNoLoop, 700)));
    const auto out = rig.driver.render(2000);
    for (std::size_t i = 0; i < 300; ++i) {
      REQUIRE(out[0][10 + i] == static_cast<float>(701 + i) / 65536.0F);
    }
    CHECK(out[0][310] == 0.0F);
  }

  TEST_CASE("schedule: a batch is all or nothing, in any order of its members") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(100));
    const VoiceId b = rig.voice(1, counting(100));
    std::vector<Command> batch{
        start(b, with_start(a, -50)), start(a, now()), stop(b, with_end(a, 5))};
    REQUIRE(rig.driver.submit(batch));
    (void)rig.driver.render(500);
    CHECK(rig.event(EventKind::Started, b).sample == 0);
    CHECK(rig.event(EventKind::Started, a).sample == 50);
    CHECK(rig.event(EventKind::Started, a).late == 0);
    batch = {start(a, at(600)), start(b, at(600)), start(a, at(700), kNoLoop, 100)};
    CHECK_FALSE(rig.driver.submit(batch));
    CHECK(rig.event(EventKind::Refused, a).reason == Reason::BatchMember);
    CHECK(rig.event(EventKind::Refused, a, 1).reason == Reason::BadIndex);
    (void)rig.driver.render(1000);
    CHECK(rig.event(EventKind::Started, a, 1).kind == EventKind::None);
    // The refused batch left nothing behind: the voices go on as before.
    REQUIRE(rig.send(start(a, at(2000))));
    (void)rig.driver.render(1000);
    CHECK(rig.event(EventKind::Started, a, 1).sample == 2000);
    CHECK(rig.event(EventKind::Started, a, 1).play == 2);
  }

  TEST_CASE("schedule: a late start plays at once, enters where it should be, or is dropped") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(1000), {0});
    const VoiceId b = rig.voice(1, counting(1000), {1});
    const VoiceId c = rig.voice(2, counting(1000), {0});
    (void)rig.driver.render(512);
    REQUIRE(rig.send(start(a, at(500), kNoLoop, 0, Late::Play)));
    REQUIRE(rig.send(start(b, at(500), kNoLoop, 0, Late::Skip)));
    REQUIRE(rig.send(start(c, at(500), kNoLoop, 0, Late::Drop)));
    const auto out = rig.driver.render(2000);
    CHECK(rig.event(EventKind::Accepted, a, 1).late == 12);
    CHECK(rig.event(EventKind::Started, a).late == 12);
    CHECK(rig.event(EventKind::Started, a).sample == 512);
    CHECK((rig.event(EventKind::Started, a).flags & kEventLate) != 0);
    CHECK(rig.event(EventKind::Ended, a).sample == 1512);
    CHECK(rig.event(EventKind::Started, b).late == 12);
    CHECK(rig.event(EventKind::Ended, b).sample == 1500);
    CHECK(out[0][0] == 1.0F / 65536.0F);
    CHECK(out[1][0] == 13.0F / 65536.0F);
    CHECK(rig.event(EventKind::Dropped, c).late == 12);
    CHECK(rig.event(EventKind::Started, c).kind == EventKind::None);
  }

  TEST_CASE("schedule: a stop before the start means that it never plays, and what waits is told") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(1000));
    const VoiceId b = rig.voice(1, counting(1000));
    REQUIRE(rig.send(start(a, at(500)), 1));
    REQUIRE(rig.send(start(b, with_end(a)), 2));
    REQUIRE(rig.send(stop(a, at(500)), 3));
    (void)rig.driver.render(2000);
    CHECK(rig.event(EventKind::Cancelled, a).reason == Reason::Stopped);
    CHECK(rig.event(EventKind::Cancelled, b).reason == Reason::AnchorGone);
    CHECK(rig.event(EventKind::Started).kind == EventKind::None);
  }

  TEST_CASE("schedule: the last stop wins, a cancelled one is forgotten") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(1000));
    REQUIRE(rig.send(start(a, at(100)), 1));
    REQUIRE(rig.send(stop(a, at(200)), 2));
    REQUIRE(rig.send(stop(a, at(700)), 3));
    CHECK(rig.event(EventKind::Cancelled, a).request == 2);
    CHECK(rig.event(EventKind::Cancelled, a).reason == Reason::Replaced);
    CHECK(rig.driver.engine().status(a).end == 700);
    (void)rig.driver.render(400);
    REQUIRE(rig.send(cancel(a, 3), 4));
    CHECK(rig.driver.engine().status(a).end == 1100);
    (void)rig.driver.render(1000);
    CHECK(rig.event(EventKind::Ended, a).sample == 1100);
  }

  TEST_CASE("schedule: a paused voice keeps its place and its end moves by the pause") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(1000));
    const VoiceId b = rig.voice(1, counting(10));
    REQUIRE(rig.send(start(a, at(0))));
    REQUIRE(rig.send(start(b, with_end(a, 3))));
    REQUIRE(rig.send(pause(a, at(300))));
    REQUIRE(rig.send(resume(a, with_start(a, 5300))));
    const auto out = rig.driver.render(7000);
    CHECK(rig.event(EventKind::Paused, a).sample == 300);
    CHECK(rig.event(EventKind::Paused, a).value == 300);
    CHECK(out[0][299] == 300.0F / 65536.0F);
    CHECK(out[0][300] == 0.0F);
    CHECK(out[0][5299] == 0.0F);
    CHECK(out[0][5300] == 301.0F / 65536.0F);
    CHECK(rig.event(EventKind::Ended, a).sample == 6000);
    CHECK(rig.event(EventKind::Started, b).sample == 6003);
  }

  TEST_CASE("schedule: a mark rises at the very sample of the start") {
    Rig rig(Rig::outputs(3));
    const VoiceId a = rig.voice(0, counting(1000), {0});
    Command go = start(a, at(777));
    go.as.start.mark = {2, 4, {}, 10, 0b1101, 0.5F};
    REQUIRE(rig.send(go));
    const auto out = rig.driver.render(2000);
    for (std::size_t i = 0; i < 2000; ++i) {
      const std::size_t bit = (i - 777) / 10;
      const bool high = i >= 777 && i < 817 && ((0b1101 >> bit) & 1) != 0;
      REQUIRE(out[2][i] == (high ? 0.5F : 0.0F));
    }
    CHECK(out[0][776] == 0.0F);
    CHECK(out[0][777] == 1.0F / 65536.0F);
  }
}
