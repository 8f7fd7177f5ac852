// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

TEST_SUITE("core/mixer/more") {
  TEST_CASE("stop: at the end of the loop pass that is playing then") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(1000));
    REQUIRE(rig.send(start(a, at(0), {200, 300, 0})));
    REQUIRE(rig.send(stop(a, at(450), 0, kCommandAtLoopEnd)));
    const VoiceId b = rig.voice(1, counting(5), {1});
    REQUIRE(rig.send(start(b, with_end(a))));
    const auto out = rig.driver.render(1000);
    CHECK(rig.event(EventKind::Ended, a).sample == 500);
    CHECK(rig.event(EventKind::Ended, a).requested == 450);
    CHECK(rig.event(EventKind::Started, b).sample == 500);
    CHECK(out[0][499] == 300.0F / 65536.0F);
    CHECK(out[0][500] == 0.0F);
  }

  TEST_CASE("stop: a fade begins at the sample given, or ends there") {
    Rig rig(Rig::outputs(2));
    const VoiceId a = rig.voice(0, std::vector<float>(5000, 0.5F), {0});
    const VoiceId b = rig.voice(1, std::vector<float>(5000, 0.5F), {1});
    REQUIRE(rig.send(start(a, at(0))));
    REQUIRE(rig.send(start(b, at(0))));
    REQUIRE(rig.send(stop(a, at(1000), 240)));
    REQUIRE(rig.send(stop(b, at(1000), 240, kCommandFadeBefore)));
    CHECK(rig.driver.engine().status(a).end == 1240);
    CHECK(rig.driver.engine().status(b).end == 1000);
    const auto out = rig.driver.render(2000);
    CHECK(rig.event(EventKind::Ended, a).sample == 1240);
    CHECK(rig.event(EventKind::Ended, b).sample == 1000);
    CHECK(rig.event(EventKind::Ended, b).requested == 1000);
    CHECK(out[0][999] == 0.5F);
    CHECK(out[0][1120] == doctest::Approx(0.25).epsilon(0.02));
    CHECK(out[1][759] == 0.5F);
    CHECK(out[1][999] < 0.001F);
    for (std::size_t i = 1; i < 2000; ++i) {
      REQUIRE(std::abs(out[0][i] - out[0][i - 1]) < 0.005F);
      REQUIRE(out[0][i] <= out[0][i - 1]);
    }
  }

  TEST_CASE("loop: each seam is reported when asked for, short ones not more often than every 64") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(1000));
    const VoiceId b = rig.voice(1, counting(7), {1});
    Command go = start(a, at(10), {100, 400, 3});
    go.flags = kCommandReportLoops;
    REQUIRE(rig.send(go));
    go = start(b, at(0), kLoopForever);
    go.flags = kCommandReportLoops;
    REQUIRE(rig.send(go));
    (void)rig.driver.render(2000);
    CHECK(rig.event(EventKind::Looped, a).sample == 410);
    CHECK(rig.event(EventKind::Looped, a).value == 1);
    CHECK(rig.event(EventKind::Looped, a, 1).sample == 710);
    CHECK(rig.event(EventKind::Looped, a, 2).kind == EventKind::None);
    CHECK(rig.event(EventKind::Ended, a).sample == 10 + 1000 + 600);
    CHECK(rig.event(EventKind::Looped, b).sample == 7);
    CHECK(rig.event(EventKind::Looped, b, 1).sample == 77);
    CHECK(rig.event(EventKind::Looped, b, 1).value == 11);
  }

  TEST_CASE("later: a start whose time is not a sample yet holds its followers until it is") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(100));
    const VoiceId b = rig.voice(1, counting(100));
    REQUIRE(rig.send(start(a, later()), 5));
    REQUIRE(rig.send(start(b, with_start(a, 20)), 6));
    (void)rig.driver.render(1000);
    CHECK(rig.event(EventKind::Started).kind == EventKind::None);
    CHECK_FALSE(rig.send(resolve(a, 6, 3000), 7));
    REQUIRE(rig.send(resolve(a, 5, 3000), 8));
    (void)rig.driver.render(3000);
    CHECK(rig.event(EventKind::Started, a).sample == 3000);
    CHECK(rig.event(EventKind::Started, b).sample == 3020);
  }

  TEST_CASE("remove: what waits for a removed voice is cancelled, what it already gave stays") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(100));
    const VoiceId b = rig.voice(1, counting(100));
    const VoiceId c = rig.voice(2, counting(100));
    REQUIRE(rig.send(start(a, at(0))));
    REQUIRE(rig.send(start(b, with_end(a, 500))));
    (void)rig.driver.render(256);
    REQUIRE(rig.send(remove_voice(a)));
    REQUIRE(rig.send(start(c, with_start(b, 10))));
    REQUIRE(rig.send(remove_voice(c)));
    (void)rig.driver.render(1000);
    CHECK(rig.event(EventKind::Started, b).sample == 600);
    CHECK(rig.event(EventKind::Cancelled, c).reason == Reason::VoiceRemoved);
    const VoiceId d = rig.voice(3, counting(100));
    const VoiceId e = rig.voice(4, counting(100));
    REQUIRE(rig.send(start(d, at(9000)), 1));
    REQUIRE(rig.send(start(e, with_start(d)), 2));
    REQUIRE(rig.send(remove_voice(d)));
    CHECK(rig.event(EventKind::Cancelled, e).reason == Reason::AnchorGone);
  }

  TEST_CASE("voices: thousands of them, more than was planned for, in many lanes") {
    EngineConfig config;
    config.outputs = 8;
    config.voices = 16;
    config.actions = 64;
    config.event_capacity = 65536;
    Rig rig(config);
    const std::uint32_t source = rig.lend(std::vector<float>(2000, 1.0F / 4096.0F));
    CHECK_FALSE(rig.send(add_voice(make_voice(4095, 1), source, {0})));
    rig.driver.engine().reserve(4096, 16384, 4);
    for (std::uint32_t v = 0; v < 4096; ++v) {
      REQUIRE(rig.send(add_voice(make_voice(v, 1), source, {0, 2, 7})));
      REQUIRE(rig.send(start(make_voice(v, 1), at(100 + v % 50))));
    }
    const auto out = rig.driver.render(1000);
    for (const std::size_t o : {std::size_t{0}, std::size_t{2}, std::size_t{7}}) {
      CHECK(out[o][99] == 0.0F);
      CHECK(out[o][100] == doctest::Approx(82.0 / 4096.0));
      CHECK(out[o][150] == 1.0F);
    }
    CHECK(*std::max_element(out[1].begin(), out[1].end()) == 0.0F);
  }

  TEST_CASE("tables: starting and stopping for ever uses no more room than at once") {
    EngineConfig config;
    config.voices = 64;
    config.actions = 128;
    Rig rig(config, 64);
    const VoiceId a = rig.voice(0, counting(100));
    const VoiceId b = rig.voice(1, counting(100));
    for (int i = 0; i < 5000; ++i) {
      REQUIRE(rig.send(start(a, i % 3 == 0 ? now() : at(rig.driver.now() + 30), kLoopForever)));
      REQUIRE(rig.send(start(b, with_start(a, 5))));
      REQUIRE(rig.send(stop(b, with_end(a, 10))));
      REQUIRE(rig.send(stop(a, at(rig.driver.now() + 40))));
      (void)rig.driver.render(64);
      rig.driver.events().clear();
    }
    CHECK(rig.driver.engine().events_lost() == 0);
  }
}
