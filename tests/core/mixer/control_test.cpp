// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/error.hpp>
#include <avrig/mixer/bus_layout.hpp>
#include <avrig/mixer/command_queue.hpp>
#include <avrig/mixer/event_ledger.hpp>

#include <array>
#include <atomic>
#include <random>
#include <string>
#include <thread>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

TEST_SUITE("core/mixer/control") {
  TEST_CASE("SX-11 bus layout: the standard buses, their sums, and an error that lists the names") {
    BusLayout sut = BusLayout::standard();
    REQUIRE(sut.buses().size() == 5);
    CHECK(sut.number("UI") == 4);
    (void)sut.set_gain("SFX", -6.0);
    (void)sut.set_gain("Master", -6.0);
    CHECK(sut.effective_db("SFX") == -12.0);
    (void)sut.set_mute("Master", true);
    CHECK(sut.effective_db("SFX") == -80.0);
    (void)sut.set_mute("Master", false);
    (void)sut.set_solo("Music", true);
    CHECK(sut.effective_db("SFX") == -80.0);
    CHECK(sut.effective_db("Music") == -6.0);
    (void)sut.set_solo("Music", false);
    (void)sut.add("Steps", -3.0, "SFX");
    CHECK(sut.effective_db("Steps") == -15.0);
    CHECK_THROWS_WITH_AS((void)sut.number("music"),
                         "unknown bus 'music': there are Master, Music, SFX, Voice, UI, Steps",
                         avrig::Error);
    CHECK_THROWS_AS((void)sut.set_send_to("SFX", "Steps"), avrig::Error);
    CHECK_THROWS_AS((void)sut.add("SFX"), avrig::Error);
    Rig rig;
    for (const Command& command : sut.commands()) {
      REQUIRE(rig.send(command));
    }
    Command add = add_voice(make_voice(0, 1), rig.lend(std::vector<float>(100, 1.0F)), {0});
    add.as.add.bus = static_cast<std::uint8_t>(sut.number("Steps"));
    REQUIRE(rig.send(add));
    REQUIRE(rig.send(start(make_voice(0, 1), at(500))));
    CHECK(rig.driver.render(600)[0][550] == doctest::Approx(0.177828).epsilon(1e-5));
  }

  TEST_CASE("command queue: batches stay whole, a block takes a bounded number, none is lost") {
    CommandQueue sut(1024);
    Rig rig;
    const VoiceId a = rig.voice(0, counting(100));
    rig.driver.events().clear();
    const std::vector<Command> batch(100, set_gain(a, -3.0));
    REQUIRE(sut.push(batch));
    REQUIRE(sut.push(batch));
    REQUIRE(sut.push(batch));
    CHECK(sut.drain(rig.driver.engine()) == 200);
    CHECK(sut.drain(rig.driver.engine()) == 100);
    CHECK(sut.drain(rig.driver.engine()) == 0);
    CHECK_FALSE(sut.push(std::vector<Command>(257)));
    int pushed = 0;
    while (sut.push(batch)) {
      ++pushed;
    }
    CHECK(pushed == 10);
  }

  TEST_CASE("command queue: one thread feeds while another renders, and all is answered") {
    struct Log : CommandLog {
      void applied(std::int64_t, std::span<const Command> batch) noexcept override {
        seen += batch.size();
      }
      std::size_t seen = 0;
    } log;
    CommandQueue sut(256);
    EngineConfig config;
    config.event_capacity = 8192;
    Rig rig(config);
    const std::uint32_t source = rig.lend(counting(50));
    Engine& engine = rig.driver.engine();
    constexpr std::uint32_t kVoices = 500;
    std::thread feeder([&] {
      for (std::uint32_t v = 0; v < kVoices; ++v) {
        const VoiceId id = make_voice(v, 1);
        const std::array<Command, 2> both{add_voice(id, source, {0}), start(id)};
        while (!sut.push(both)) {
          std::this_thread::yield();
        }
      }
    });
    std::vector<float> row[2] = {std::vector<float>(64), std::vector<float>(64)};
    float* outputs[2] = {row[0].data(), row[1].data()};
    std::uint32_t ended = 0;
    Event event;
    while (ended < kVoices) {
      sut.drain(engine, 64, &log);
      engine.render(outputs, 64);
      (void)engine.status(make_voice(3, 1));
      while (engine.next_event(event)) {
        ended += event.kind == EventKind::Ended ? 1U : 0U;
        REQUIRE(event.kind != EventKind::Refused);
      }
    }
    feeder.join();
    CHECK(log.seen == 2 * kVoices);
    CHECK(engine.events_lost() == 0);
  }

  TEST_CASE("SX-14 command queue: eight threads call what they like while one renders") {
    constexpr int kThreads = 8;
    constexpr int kCalls = 20000;
    EngineConfig config;
    config.voices = 64;
    config.actions = 4096;
    Rig rig(config);
    const std::uint32_t source = rig.lend(counting(500));
    Engine& engine = rig.driver.engine();
    std::array<CommandQueue, kThreads> queues;
    std::atomic<int> running{kThreads};
    std::atomic<bool> met{false};  // the renderer has had its turns, however busy the machine is
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(static_cast<unsigned>(t));
        for (int i = 0; i < kCalls || !met.load(); ++i) {
          const VoiceId id = make_voice(static_cast<std::uint32_t>(random() % 64), 1);
          const VoiceId other = make_voice(static_cast<std::uint32_t>(random() % 64), 1);
          const auto offset = static_cast<std::int64_t>(random() % 300);
          const Command all[] = {add_voice(id, source, {0, 1}),
                                 start(id, with_start(other, offset), kLoopForever),
                                 start(id),
                                 stop(id, with_end(other, offset)),
                                 stop(id, now(), 64),
                                 set_gain(id, -3.0),
                                 set_pitch(id, 1.5),
                                 pause(id),
                                 resume(id),
                                 remove_voice(id, kCommandForce, 32)};
          (void)queues[static_cast<std::size_t>(t)].push(all[random() % std::size(all)]);
          (void)engine.status(other);
          (void)engine.meter(0);
        }
        running.fetch_sub(1);
      });
    }
    std::vector<float> row[2] = {std::vector<float>(64), std::vector<float>(64)};
    float* outputs[2] = {row[0].data(), row[1].data()};
    std::size_t taken = 0;
    Event event;
    do {
      for (CommandQueue& queue : queues) {
        taken += queue.drain(engine, 64);
      }
      met.store(taken > 1000);
      engine.render(outputs, 64);
      while (engine.next_event(event)) {
      }
    } while (running.load() > 0);
    for (std::thread& thread : threads) {
      thread.join();
    }
    CHECK(taken > 1000);
    CHECK(engine.position() > 0);
  }

  TEST_CASE("event ledger: what was heard is confirmed, what an xrun touched stays suspect") {
    EventLedger sut;
    for (const std::int64_t sample : {300, 100, 200}) {
      Event event;
      event.kind = EventKind::Started;
      event.sample = sample;
      sut.predicted(event);
    }
    Event reply;
    reply.kind = EventKind::Accepted;
    sut.predicted(reply);
    CHECK(sut.waiting() == 3);
    sut.doubt(150, 250);
    CHECK(sut.heard(100).empty());
    const auto first = sut.heard(201);
    REQUIRE(first.size() == 2);
    CHECK(first[0].sample == 100);
    CHECK((first[0].flags & kEventConfirmed) != 0);
    CHECK((first[1].flags & kEventConfirmed) == 0);
    CHECK((first[1].flags & kEventSuspect) != 0);
    CHECK(sut.heard(1000).size() == 1);
  }

  TEST_CASE("prediction: two sources that could exceed 1 together are reported before they sound") {
    Rig rig;
    const VoiceId a = rig.voice(0, std::vector<float>(1000, 0.6F));
    const VoiceId b = rig.voice(1, std::vector<float>(1000, -0.6F));
    const VoiceId c = rig.voice(2, std::vector<float>(1000, 0.6F), {1});
    REQUIRE(rig.send(start(a, at(1000))));
    REQUIRE(rig.send(start(c, at(1000))));
    CHECK(rig.event(EventKind::MayClip).kind == EventKind::None);
    REQUIRE(rig.send(start(b, at(1900)), 42));
    const Event warning = rig.event(EventKind::MayClip, b);
    CHECK(warning.sample == 1900);
    CHECK(warning.request == 42);
    CHECK(warning.level == doctest::Approx(1.2));
    REQUIRE(rig.send(start(c, at(2000), kNoLoop, 0)));
    REQUIRE(rig.send(stop(c, at(2000))));
    CHECK(rig.event(EventKind::MayClip, c).kind == EventKind::None);
    const VoiceId loud = rig.voice(3, std::vector<float>(10, 0.5F));
    REQUIRE(rig.send(set_gain(loud, 12.0)));
    (void)rig.driver.render(1);
    REQUIRE(rig.send(start(loud, at(9000))));
    CHECK(rig.event(EventKind::MayClip, loud).level == doctest::Approx(1.99).epsilon(0.01));
  }
}
