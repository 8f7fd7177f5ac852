// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/error.hpp>
#include <avrig/mixer/spatial.hpp>

#include <algorithm>
#include <iterator>
#include <memory>
#include <random>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

namespace {

constexpr std::size_t kSamples = 9000;

struct Sound {
  std::vector<std::vector<float>> out;
  std::vector<Event> events;
};

std::vector<float> noise(std::size_t length, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> pick(-0.3F, 0.3F);
  std::vector<float> data(length);
  for (float& x : data) {
    x = pick(random);
  }
  return data;
}

// A piece that uses everything: pitches of each quality, loops, ramps, fades, buses, 16-bit data,
// places, marks and the limiter. All is given beforehand, so it may not matter how it is cut.
struct Piece {
  explicit Piece(Simd simd, std::size_t block) : rig(config(simd), block) {
    for (std::size_t i = 0; i < shorts.size(); ++i) {
      shorts[i] = static_cast<std::int16_t>((i * 7919) % 20000 - 10000);
    }
    SampleView view;
    view.data = shorts.data();
    view.channels = 2;
    view.length = 1500;
    view.stride_bytes = 3000;
    view.format = SampleFormat::S16;
    rig.driver.engine().set_samples(90, view);
    voices();
    schedule();
  }

  static EngineConfig config(Simd simd) {
    EngineConfig made;
    made.outputs = 4;
    made.limiter_lookahead = 48;
    made.clip = ClipPolicy::Limit;
    made.simd = simd;
    return made;
  }

  void voices() {
    rig.send(add_bus(1, 0, -3.0));
    rig.send(add_bus(2, 1, -1.0));
    for (std::uint32_t v = 0; v < 12; ++v) {
      const std::uint32_t source =
          v == 5 || v == 6 ? 90
                           : rig.lend(noise(v % 4 == 3 ? 2 * 700 : 900, v), v % 4 == 3 ? 2 : 1);
      Command add = add_voice(make_voice(v, 1), source, {v % 3, 3});
      add.as.add.bus = static_cast<std::uint8_t>(v % 3);
      add.as.add.quality = static_cast<Quality>(v % 3);
      add.as.add.gain_db = static_cast<float>(v) - 4.0F;
      add.as.add.pan = 0.15F * static_cast<float>(v) - 0.8F;
      add.as.add.pan_law = static_cast<PanLaw>(v % 2);
      add.as.add.pitch = v % 2 == 0 ? 1.0 : 0.4 + 0.31 * v;
      REQUIRE(rig.send(add));
    }
  }

  void schedule() {
    for (std::uint32_t v = 0; v < 12; ++v) {
      const VoiceId id = make_voice(v, 1);
      LoopSpec loop = v % 3 == 0   ? LoopSpec{100, 431, 0}
                      : v % 3 == 1 ? LoopSpec{7, 12, 40}
                                   : kNoLoop;
      Command go = start(id, at(37 + 91 * v), loop, 5);
      go.flags = kCommandReportLoops;
      go.as.start.fade = 11 * v;
      go.as.start.shape = FadeShape::RaisedCosine;
      if (v == 4) {
        go.as.start.mark = {3, 1, {}, 33, 0, 0.25F};
      }
      REQUIRE(rig.send(go));
      REQUIRE(rig.send(set_gain(id, -12.0, at(500 + 17 * v), 130)));
      REQUIRE(rig.send(set_gain(id, 2.0, at(570 + 17 * v), 200)));
      REQUIRE(rig.send(set_pan(id, 0.4, at(900 + 7 * v), 64)));
      REQUIRE(rig.send(set_pitch(id, v % 5 == 0 ? 1.0 : 0.7 + 0.1 * v, at(1500 + 3 * v))));
      REQUIRE(rig.send(set_voice_bus(id, (v + 1) % 3, at(1900 + 37 * v), 90)));
      REQUIRE(rig.send(set_voice_bus(id, (v + 2) % 3, at(1950 + 37 * v), 200)));
      REQUIRE(rig.send(pause(id, at(2500 + 29 * v), v % 2 == 0 ? 0 : 77)));
      REQUIRE(rig.send(resume(id, at(3000 + 31 * v), 50)));
      REQUIRE(rig.send(stop(id,
                            at(6000 + 13 * v),
                            v % 4 == 0 ? 0 : 300,
                            v % 4 == 1 ? std::uint32_t{kCommandFadeBefore} : 0U)));
    }
    REQUIRE(rig.send(set_loop(make_voice(0, 1), kNoLoop, at(4500))));
    REQUIRE(rig.send(seek(make_voice(2, 1), 33, at(1200))));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusGain, 1, -9.0, at(2000), 333)));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusMute, 2, 1.0, at(2600), 64)));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusMute, 2, 0.0, at(3600), 64)));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusSolo, 1, 1.0, at(4100), 100)));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusSolo, 1, 0.0, at(4700), 0)));
    Command place = command(CommandKind::SetEmitter, make_voice(8, 1), at(1000));
    place.as.emitter = {
        {3, 1, 4}, {-40, 0, 0}, 1, 20, 1, 1, DistanceModel::Linear, EmitterMode::Space3D, {}, 128};
    REQUIRE(rig.send(place));
    Command ear = command(CommandKind::SetListener, 0, at(1700));
    ear.as.listener = default_listener();
    ear.as.listener.position = {1, 0, 2};
    ear.as.listener.ramp = 99;
    REQUIRE(rig.send(ear));
  }

  Sound play() {
    Sound sound;
    sound.out = rig.driver.render(kSamples);
    sound.events = rig.driver.events();
    return sound;
  }

  std::vector<std::int16_t> shorts = std::vector<std::int16_t>(3000);
  Rig rig;
};

bool same_events(std::vector<Event> a, std::vector<Event> b) {
  // How the clip counts fall into blocks is a matter of the blocks.
  const auto about_blocks = [](const Event& e) {
    return e.kind == EventKind::Clipped;
  };
  std::erase_if(a, about_blocks);
  std::erase_if(b, about_blocks);
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](auto& x, auto& y) {
           return x.kind == y.kind && x.voice == y.voice && x.sample == y.sample &&
                  x.value == y.value && x.late == y.late && x.requested == y.requested;
         });
}

constexpr std::size_t kRandomSamples = 7000;

EngineConfig random_config(Simd simd) {
  EngineConfig config;
  config.outputs = 3;
  config.simd = simd;
  config.voices = 64;
  return config;
}

// Calls of every kind at random samples, each applied exactly there.
Sound play_random(Rig& rig, unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  rig.send(add_bus(1, 0, -2.0));
  constexpr std::uint32_t kVoices = 6;
  for (std::uint32_t v = 0; v < kVoices; ++v) {
    const bool stereo = pick(0, 3) == 0;
    Command add = add_voice(
        make_voice(v, 1),
        rig.lend(noise(static_cast<std::size_t>(2 * pick(3, 700)), seed + v), stereo ? 2 : 1),
        {v % 3, (v + 1) % 3});
    add.as.add.bus = static_cast<std::uint8_t>(pick(0, 1));
    add.as.add.quality = static_cast<Quality>(pick(0, 2));
    add.as.add.pitch = pick(0, 1) == 0 ? 1.0 : 0.1 * pick(1, 40);
    add.as.add.gap = static_cast<GapPolicy>(pick(0, 1));
    rig.send(add);
  }
  for (int i = 0; i < 150; ++i) {
    const std::int64_t sample = pick(0, 5500);
    const VoiceId id = make_voice(static_cast<std::uint32_t>(pick(0, kVoices - 1)), 1);
    const VoiceId other = make_voice(static_cast<std::uint32_t>(pick(0, kVoices - 1)), 1);
    const When when = pick(0, 2) == 0   ? now()
                      : pick(0, 1) == 0 ? at(sample + pick(-50, 400))
                                        : with_start(other, pick(-20, 300));
    const std::uint32_t fade = pick(0, 1) == 0 ? 0U : static_cast<std::uint32_t>(pick(1, 200));
    const LoopSpec loop = pick(0, 1) == 0 ? kNoLoop : LoopSpec{0, 0, pick(0, 9)};
    Command go = start(id, when, loop, 0, static_cast<Late>(pick(0, 2)));
    go.flags = pick(0, 1) == 0 ? 0U : std::uint32_t{kCommandReportLoops};
    go.as.start.fade = fade;
    const Command all[] = {go,
                           go,
                           go,
                           stop(id, when, fade, static_cast<std::uint32_t>(pick(0, 3))),
                           pause(id, when, fade),
                           resume(id, when, fade),
                           resume(id, when, fade),
                           set_gain(id, pick(-30, 6), when, fade),
                           set_pan(id, 0.1 * pick(-10, 10), when, fade),
                           set_pitch(id, pick(0, 1) == 0 ? 1.0 : 0.1 * pick(0, 70), when),
                           set_loop(id, loop, when),
                           seek(id, pick(0, 2), when),
                           set_bus(CommandKind::SetBusGain, 1, pick(-9, 3), at(sample + 9), fade),
                           set_bus(CommandKind::SetBusSolo, 1, pick(0, 1), at(sample + 3), fade),
                           jump(pick(0, 5) == 0 ? pick(1, 90) : 0, 3)};
    rig.driver.submit_at(sample, all[static_cast<std::size_t>(pick(0, 14))]);
  }
  Sound sound;
  sound.out = rig.driver.render(kRandomSamples);
  sound.events = rig.driver.events();
  return sound;
}

Sound random_piece(unsigned seed, std::size_t block, Simd simd) {
  Rig rig(random_config(simd), block);
  return play_random(rig, seed);
}

// All that a rig has lent, under the same numbers.
void lend_all(const Rig& rig, Engine& engine) {
  for (std::uint32_t source = 0; source < 100; ++source) {
    if (const SampleView view = rig.view(source); view.data != nullptr) {
      engine.set_samples(source, view);
    }
  }
}

// The part of a log that was applied at samples `from` .. `to` - 1.
std::vector<LoggedCommand> part(const std::vector<LoggedCommand>& log,
                                std::int64_t from,
                                std::int64_t to) {
  std::vector<LoggedCommand> found;
  std::copy_if(log.begin(), log.end(), std::back_inserter(found), [&](const LoggedCommand& one) {
    return one.sample >= from && one.sample < to;
  });
  return found;
}

}  // namespace

TEST_SUITE("core/mixer/block") {
  TEST_CASE("block: a piece with everything has the same bits and events however it is cut") {
    const Sound right = Piece(Simd::Plain, 4096).play();
    CHECK(*std::max_element(right.out[3].begin(), right.out[3].end()) > 0.5F);
    for (const std::size_t block : {std::size_t{1},
                                    std::size_t{16},
                                    std::size_t{64},
                                    std::size_t{256},
                                    std::size_t{1000},
                                    std::size_t{5000}}) {
      CAPTURE(block);
      const Sound sound = Piece(Simd::Plain, block).play();
      for (std::size_t o = 0; o < right.out.size(); ++o) {
        CAPTURE(o);
        const auto differs =
            std::mismatch(right.out[o].begin(), right.out[o].end(), sound.out[o].begin());
        CHECK(differs.first - right.out[o].begin() == static_cast<std::ptrdiff_t>(kSamples));
      }
      CHECK(same_events(right.events, sound.events));
    }
  }

  TEST_CASE(
      "block: random calls of every kind have the same bits and events however they are cut") {
    for (unsigned seed = 1; seed <= 150; ++seed) {
      CAPTURE(seed);
      const Sound right = random_piece(seed, 4096, Simd::Plain);
      for (const std::size_t block : {std::size_t{16}, std::size_t{37}, std::size_t{256}}) {
        CAPTURE(block);
        const Sound sound = random_piece(seed, block, Simd::Auto);
        REQUIRE((sound.out == right.out));
        REQUIRE(same_events(sound.events, right.events));
      }
    }
  }

  TEST_CASE("block: AVX-512, AVX2 and the plain loops give the same bits") {
    const Sound right = Piece(Simd::Plain, 256).play();
    for (const Simd simd : {Simd::Avx2, Simd::Avx512}) {
      Piece piece(simd, 256);
      if (piece.rig.driver.engine().simd() != simd) {
        MESSAGE("this machine has no such instructions");
        continue;
      }
      const Sound sound = piece.play();
      for (std::size_t o = 0; o < right.out.size(); ++o) {
        CHECK((right.out[o] == sound.out[o]));
      }
    }
  }

  TEST_CASE("block: a log replayed without rendering goes on with the same bits") {
    for (const std::int64_t until : {0, 1, 777, 2600, 4096, 6100}) {
      CAPTURE(until);
      Piece first(Simd::Auto, 64);
      (void)first.rig.driver.render(static_cast<std::size_t>(until));
      // The limiter's window is not part of the schedule: compare with it filled again.
      EngineConfig config = Piece::config(Simd::Auto);
      Piece second(Simd::Auto, 256);
      OfflineDriver fresh(config, 128);
      for (std::uint32_t s = 0; s < 100; ++s) {
        const SampleView& view = second.rig.view(s);
        if (view.data != nullptr) {
          fresh.engine().set_samples(s, view);
        }
      }
      SampleView shorts{second.shorts.data(), 1500, 2, SampleFormat::S16, 3000, 1.0F};
      fresh.engine().set_samples(90, shorts);
      replay(fresh.engine(), first.rig.driver.log(), until);
      CHECK(fresh.now() == until);
      const auto right = first.rig.driver.render(1500);
      const auto seen = fresh.render(1500);
      for (std::size_t o = 0; o < right.size(); ++o) {
        CHECK(std::equal(right[o].begin() + 200, right[o].end(), seen[o].begin() + 200));
      }
    }
  }

  TEST_CASE("block: an engine loaded with another's image goes on with the same bits and events") {
    for (const std::int64_t until : {0, 1, 777, 2600, 4096, 6100}) {
      CAPTURE(until);
      Piece first(Simd::Auto, 64);
      (void)first.rig.driver.render(static_cast<std::size_t>(until));
      OfflineDriver fresh(Piece::config(Simd::Auto), 128);
      const std::vector<std::byte> image = first.rig.driver.engine().save();
      std::size_t lent = 0;
      fresh.engine().load(image, [&](VoiceId, std::uint32_t source) {
        SampleView shorts{first.shorts.data(), 1500, 2, SampleFormat::S16, 3000, 1.0F};
        fresh.engine().set_samples(source, source == 90 ? shorts : first.rig.view(source));
        ++lent;
      });
      CHECK(lent == 12);
      CHECK(fresh.now() == until);
      first.rig.driver.events().clear();
      const auto right = first.rig.driver.render(1500);
      const auto seen = fresh.render(1500);
      for (std::size_t o = 0; o < right.size(); ++o) {
        CHECK(std::equal(right[o].begin() + 200, right[o].end(), seen[o].begin() + 200));
      }
      CHECK(same_events(first.rig.driver.events(), fresh.events()));
    }
  }

  TEST_CASE("block: of a log's first part an image is enough, wherever it ends") {
    for (unsigned seed = 1; seed <= 150; ++seed) {
      CAPTURE(seed);
      Rig rig(random_config(Simd::Auto), 256);
      const Sound right = play_random(rig, seed);
      const std::vector<LoggedCommand>& log = rig.driver.log();
      std::mt19937 random(seed);
      const std::int64_t reached = std::uniform_int_distribution<int>(0, 5500)(random);
      const std::int64_t middle = std::uniform_int_distribution<std::int64_t>(0, reached)(random);
      Engine before(random_config(Simd::Auto));
      lend_all(rig, before);
      replay(before, part(log, 0, middle), middle);
      OfflineDriver after(random_config(Simd::Auto), 64);
      lend_all(rig, after.engine());
      after.engine().load(before.save(), [](VoiceId, std::uint32_t) {});
      replay(after.engine(), part(log, middle, reached), reached);
      std::int64_t heard = after.now();
      for (const LoggedCommand& one : part(log, 0, reached)) {
        heard -= one.command.kind == CommandKind::Jump ? one.command.as.jump.samples : 0;
      }
      for (const LoggedCommand& one : part(log, reached, INT64_MAX)) {
        after.submit_at(one.sample, one.command);
      }
      const auto seen = after.render(kRandomSamples - static_cast<std::size_t>(after.now()));
      for (std::size_t o = 0; o < seen.size(); ++o) {
        REQUIRE(seen[o].size() + static_cast<std::size_t>(heard) == right.out[o].size());
        REQUIRE(std::equal(seen[o].begin(), seen[o].end(), right.out[o].begin() + heard));
      }
    }
  }

  TEST_CASE("block: bytes that are no image of such an engine are refused") {
    Piece piece(Simd::Auto, 64);
    const std::vector<std::byte> image = piece.rig.driver.engine().save();
    const auto refuses = [](const EngineConfig& config, std::span<const std::byte> bytes) {
      Engine engine(config);
      CHECK_THROWS_AS(engine.load(bytes, [](VoiceId, std::uint32_t) {}), avrig::Error);
    };
    EngineConfig other = Piece::config(Simd::Auto);
    refuses(other, std::span(image).first(image.size() - 1));
    refuses(other, {});
    refuses(other, image);  // nobody lends anything
    other.outputs = 3;
    refuses(other, image);
  }

  TEST_CASE("block: 25 hours pass the 32-bit wrap of a sample counter without a slip") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(997));
    const VoiceId b = rig.voice(1, counting(480));
    constexpr std::int64_t kWrap = std::int64_t{1} << 32;
    REQUIRE(rig.send(start(a, at(11), kLoopForever)));
    REQUIRE(rig.send(start(b, at(kWrap + 5))));
    REQUIRE(rig.send(stop(a, with_end(b, 48000))));
    rig.driver.engine().fast_forward(kWrap - 600);
    const auto out = rig.driver.render(1200);
    for (std::size_t i = 0; i < 1200; ++i) {
      const std::int64_t sample = kWrap - 600 + static_cast<std::int64_t>(i);
      float right = static_cast<float>((sample - 11) % 997 + 1) / 65536.0F;
      right += sample >= kWrap + 5 && sample < kWrap + 485
                   ? static_cast<float>(sample - kWrap - 4) / 65536.0F
                   : 0.0F;
      REQUIRE(out[0][i] == right);
    }
    rig.driver.engine().fast_forward(std::int64_t{25} * 3600 * 48000);
    (void)rig.driver.render(1);
    CHECK(rig.event(EventKind::Ended, a).sample == kWrap + 485 + 48000);
  }
}
