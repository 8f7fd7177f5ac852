// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "allocation_watch.hpp"
#include "rig.hpp"

#include <cmath>
#include <random>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

namespace {

// Anything at all, sane or not, as it could come from another process.
Command any_command(std::mt19937& random, std::int64_t now_sample) {
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  Command made;
  made.kind = static_cast<CommandKind>(pick(0, 25));
  made.voice = make_voice(static_cast<std::uint32_t>(pick(0, 40)), 1);
  made.when = {static_cast<WhenKind>(pick(0, 5)),
               0,
               make_voice(static_cast<std::uint32_t>(pick(0, 40)), 1),
               0};
  made.when.sample = pick(0, 9) == 0 ? INT64_MAX - pick(0, 3) : pick(-200, 900);
  if (made.when.kind == WhenKind::At) {
    made.when.sample = now_sample + pick(-300, 900);
  }
  made.request = static_cast<std::uint64_t>(pick(1, 1000));
  made.flags = static_cast<std::uint32_t>(pick(0, 15));
  switch (made.kind) {
    case CommandKind::AddVoice: {
      const std::uint32_t slot = slot_of(made.voice);
      made = add_voice(made.voice,
                       static_cast<std::uint32_t>(pick(0, 4)),
                       {static_cast<unsigned>(pick(0, 2)), static_cast<unsigned>(pick(0, 2))});
      made.as.add.lanes = static_cast<std::uint8_t>(pick(0, 3));
      made.as.add.pitch = slot % 3 == 0 ? 1.0 : 0.3 * pick(0, 9);
      made.as.add.quality = static_cast<Quality>(pick(0, 3));
      break;
    }
    case CommandKind::Start:
      made = start(made.voice,
                   made.when,
                   pick(0, 1) == 0 ? kNoLoop : LoopSpec{pick(-1, 50), pick(0, 120), pick(-1, 4)},
                   pick(-1, 130),
                   static_cast<Late>(pick(0, 3)));
      made.as.start.fade = static_cast<std::uint32_t>(pick(0, 100));
      made.as.start.mark = {static_cast<std::uint8_t>(pick(0, 3)),
                            static_cast<std::uint8_t>(pick(0, 3)),
                            {},
                            static_cast<std::uint32_t>(pick(0, 30)),
                            5,
                            0.5F};
      break;
    case CommandKind::Stop:
    case CommandKind::Pause:
    case CommandKind::Resume:
    case CommandKind::RemoveVoice:
      made.as.fade = {static_cast<std::uint32_t>(pick(0, 2) * 90), FadeShape::RaisedCosine, {}};
      break;
    case CommandKind::Jump:
      made.as.jump = {pick(-5, 400), static_cast<std::uint32_t>(pick(0, 5)), 0};
      break;
    case CommandKind::SetGain:
    case CommandKind::SetPan:
    case CommandKind::SetPitch:
    case CommandKind::SetBusGain:
    case CommandKind::SetBusMute:
    case CommandKind::SetBusSolo:
    case CommandKind::SetBusParent:
      made.as.value = {0.25 * pick(-9, 9),
                       static_cast<std::uint32_t>(pick(0, 200)),
                       static_cast<std::uint32_t>(pick(0, 3))};
      break;
    default:
      for (std::uint64_t& word : made.as.words) {
        word = pick(0, 3) == 0 ? random() : 0;
      }
      break;
  }
  return made;
}

}  // namespace

TEST_SUITE("core/mixer/realtime") {
  TEST_CASE("DS-14 realtime: a storm of commands, right and wrong, allocates nothing") {
    EngineConfig config;
    config.outputs = 3;
    config.voices = 64;
    config.actions = 300;
    config.sources = 8;
    config.event_capacity = 1024;
    config.limiter_lookahead = 32;
    Engine engine(config);
    const std::vector<float> data = counting(120);
    for (std::uint32_t s = 0; s < 4; ++s) {
      SampleView view;
      view.data = data.data();
      view.length = s == 3 ? 60 : 120;
      view.channels = s == 3 ? 2 : 1;
      view.stride_bytes = 240;
      engine.set_samples(s, view);
    }
    std::vector<float> rows[3];
    float* outputs[3];
    for (int o = 0; o < 3; ++o) {
      rows[o].resize(512);
      outputs[o] = rows[o].data();
    }
    std::mt19937 random(14);
    std::vector<Command> batch(8);
    std::uint64_t accepted = 0;
    const avrig::test::AllocationWatch watch;
    for (int i = 0; i < 100000; ++i) {
      const std::size_t n = random() % 4 == 0 ? 1 + random() % 8 : 1;
      for (std::size_t c = 0; c < n; ++c) {
        batch[c] = any_command(random, engine.position());
      }
      accepted += engine.apply(std::span(batch).first(n)) ? 1U : 0U;
      if (i % 4 == 0) {
        engine.render(outputs, 1 + random() % 512);
      }
      Event event;
      while (i % 16 == 0 && engine.next_event(event)) {
      }
    }
    CHECK(watch.count() == 0);
    CHECK(accepted > 10000);
    CHECK(engine.position() > 100000);
  }

  TEST_CASE("DS-14 realtime: ten thousand sensible calls in any order leave a sane mixer") {
    const std::vector<float> data(500, 0.01F);
    std::vector<float> rows[2] = {std::vector<float>(64), std::vector<float>(64)};
    float* outputs[2] = {rows[0].data(), rows[1].data()};
    for (unsigned seed = 1; seed <= 30; ++seed) {
      CAPTURE(seed);
      EngineConfig config;
      config.voices = 64;
      config.actions = 2048;
      config.buses = 1;
      Engine engine(config);
      engine.set_samples(0, {data.data(), 500, 1, SampleFormat::F32, 2000, 0.01F});
      std::mt19937 random(seed);
      for (int i = 0; i < 10000; ++i) {
        const VoiceId id = make_voice(static_cast<std::uint32_t>(random() % 64), 1);
        const VoiceId other = make_voice(static_cast<std::uint32_t>(random() % 64), 1);
        const auto offset = static_cast<std::int64_t>(random() % 300);
        const Command all[] = {add_voice(id, 0, {0, 1}),
                               start(id, with_start(other, offset), kLoopForever),
                               start(id),
                               stop(id, with_end(other, offset)),
                               stop(id, now(), 64),
                               set_gain(id, -3.0),
                               set_pan(id, 0.5, at(engine.position() + offset)),
                               set_pitch(id, 1.5),
                               pause(id, at(engine.position() + offset), 20),
                               pause(id),
                               resume(id),
                               resume(id, with_start(other, offset), 30),
                               jump(offset / 10, 1),
                               remove_voice(id, kCommandForce, 32)};
        engine.apply(all[random() % std::size(all)]);
        if (random() % 50 == 0) {
          engine.render(outputs, 1 + random() % 64);
          for (const float x : rows[0]) {
            REQUIRE(std::abs(x) <= 0.65F);
          }
        }
        Event event;
        while (engine.next_event(event)) {
          REQUIRE(event.reason != Reason::Full);
        }
      }
    }
  }

  TEST_CASE("DS-14 realtime: a removed voice stays taken until its owner can hear of it") {
    EngineConfig config;
    config.event_capacity = 4;
    Rig rig(config);
    Engine& engine = rig.driver.engine();
    const VoiceId a = rig.voice(0, counting(100));
    for (int i = 0; i < 10; ++i) {
      engine.apply(start(make_voice(99, 9)));  // refused: fills the queue
    }
    CHECK(engine.apply(remove_voice(a)));
    CHECK(engine.events_lost() > 0);
    CHECK(engine.status(a).state != VoiceState::None);
    Event event;
    while (engine.next_event(event)) {
    }
    (void)rig.driver.render(1);
    CHECK(rig.event(EventKind::Removed, a).kind == EventKind::Removed);
    CHECK(engine.status(a).state == VoiceState::None);
  }
}
