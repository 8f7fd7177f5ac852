// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/mixer/gain.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

// Voices that change their buses while they sound, against a plain account of what is on each bus.

namespace {

constexpr std::size_t kSamples = 1500;
constexpr std::uint32_t kBuses = 6;
constexpr std::uint32_t kVoices = 9;
constexpr std::array<double, kBuses> kBusDb{-1, -6, -3, -80, 2, -9};

struct Move {
  std::int64_t at;
  std::uint32_t bus;
  std::uint32_t ramp;
};

/// Which part of a voice each bus has, sample by sample.
class Shares {
 public:
  explicit Shares(std::uint32_t bus) : home_(bus), parts_{{bus, 1.0F}} {}

  void go(const Move& move) {
    std::map<std::uint32_t, float> now;
    for (const auto& [bus, from] : parts_) {
      if (const float part = at(bus, move.at); part > 0.0F) {
        now[bus] = part;
      }
    }
    now.try_emplace(move.bus, 0.0F);
    home_ = move.bus;
    begin_ = move.at;
    length_ = move.ramp;
    parts_ = length_ == 0 ? std::map<std::uint32_t, float>{{home_, 1.0F}} : now;
  }
  [[nodiscard]] float at(std::uint32_t bus, std::int64_t sample) const {
    const float goal = bus == home_ ? 1.0F : 0.0F;
    const auto found = parts_.find(bus);
    if (found == parts_.end() || sample >= begin_ + length_) {
      return goal;
    }
    const float delta = (goal - found->second) / static_cast<float>(length_);
    return found->second + delta * static_cast<float>(sample - begin_);
  }

 private:
  std::uint32_t home_;
  std::map<std::uint32_t, float> parts_;
  std::int64_t begin_ = 0;
  std::uint32_t length_ = 0;
};

struct Scene {
  explicit Scene(unsigned seed) {
    std::mt19937 random(seed);
    const auto pick = [&random](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    for (std::uint32_t v = 0; v < kVoices; ++v) {
      const int first = pick(0, 2);  // among four buses: at most three are left at once
      bus[v] = static_cast<std::uint32_t>(first + pick(0, 3));
      db[v] = pick(-12, 0);
      for (float& x : data[v]) {
        x = static_cast<float>(pick(-1000, 1000)) / 1000.0F;
      }
      std::int64_t at = pick(1, 300);
      for (int count = v % 3 == 2 ? 0 : pick(1, 6); count > 0; --count) {
        moves[v].push_back({at,
                            static_cast<std::uint32_t>(first + pick(0, 3)),
                            static_cast<std::uint32_t>(pick(0, 3) == 0 ? 0 : pick(1, 150))});
        at += pick(0, 200);
      }
    }
  }

  [[nodiscard]] std::vector<float> expected() const {
    std::vector<float> rows[kBuses];
    for (auto& row : rows) {
      row.resize(kSamples);
    }
    for (std::uint32_t v = 0; v < kVoices; ++v) {
      Shares shares(bus[v]);
      auto next = moves[v].begin();
      for (std::size_t i = 0; i < kSamples; ++i) {
        for (; next != moves[v].end() && next->at == static_cast<std::int64_t>(i); ++next) {
          shares.go(*next);
        }
        for (std::uint32_t b = 0; b < kBuses; ++b) {
          const float gain = shares.at(b, static_cast<std::int64_t>(i)) * db_to_linear(db[v]);
          const float product = data[v][i] * gain;
          rows[b][i] = rows[b][i] + product;
        }
      }
    }
    for (std::uint32_t b = 1; b < kBuses; ++b) {
      for (std::size_t i = 0; i < kSamples; ++i) {
        const float product = rows[b][i] * db_to_linear(kBusDb[b]);
        rows[0][i] = rows[0][i] + product;
      }
    }
    for (float& x : rows[0]) {
      x = x * db_to_linear(kBusDb[0]) + 0.0F;
    }
    return rows[0];
  }

  [[nodiscard]] std::vector<float> heard(Simd simd, std::size_t block) const {
    EngineConfig config;
    config.outputs = 2;
    config.buses = kBuses;
    config.simd = simd;
    Rig rig(config, block);
    for (std::uint32_t b = 1; b < kBuses; ++b) {
      REQUIRE(rig.send(add_bus(b, 0, kBusDb[b])));
    }
    REQUIRE(rig.send(set_bus(CommandKind::SetBusGain, 0, kBusDb[0], now(), 0)));
    for (std::uint32_t v = 0; v < kVoices; ++v) {
      const VoiceId id = make_voice(v, 1);
      const std::vector<float> sound(data[v].begin(), data[v].end());
      Command add = v % 2 == 0 ? add_voice(id, rig.lend(sound), {0, 1})
                               : add_voice(id, rig.lend(sound), {0});
      add.as.add.bus = static_cast<std::uint8_t>(bus[v]);
      add.as.add.gain_db = static_cast<float>(db[v]);
      REQUIRE(rig.send(add));
      REQUIRE(rig.send(start(id)));
      for (const Move& move : moves[v]) {
        REQUIRE(rig.send(set_voice_bus(id, move.bus, at(move.at), move.ramp)));
      }
    }
    return rig.driver.render(kSamples)[0];
  }

  std::array<std::uint32_t, kVoices> bus{};
  std::array<int, kVoices> db{};
  std::array<std::array<float, kSamples>, kVoices> data{};
  std::array<std::vector<Move>, kVoices> moves;
};

}  // namespace

TEST_SUITE("core/mixer/move") {
  TEST_CASE("voices that change their buses are on each what a line says, at any block size") {
    for (unsigned seed = 1; seed <= 40; ++seed) {
      CAPTURE(seed);
      const auto scene = std::make_unique<Scene>(seed);
      const std::vector<float> wanted = scene->expected();
      for (const Simd simd : {Simd::Plain, Simd::Avx2, Simd::Avx512}) {
        for (const std::size_t block : {1UL, 16UL, 17UL, 64UL, 256UL, 1000UL, kSamples}) {
          CAPTURE(block);
          const std::vector<float> got = scene->heard(simd, block);
          REQUIRE(got.size() == wanted.size());
          for (std::size_t i = 0; i < kSamples; ++i) {
            CAPTURE(i);
            REQUIRE(got[i] == wanted[i]);
          }
        }
      }
    }
  }

  TEST_CASE("no step is heard, however often a voice is sent on before it has arrived") {
    Rig rig(Rig::outputs(2), 64);
    for (std::uint32_t b = 1; b < 4; ++b) {
      REQUIRE(rig.send(add_bus(b, 0, -10.0 * b)));
    }
    const VoiceId id = rig.voice(0, std::vector<float>(2000, 0.5F), {0, 1});
    REQUIRE(rig.send(start(id)));
    for (std::uint32_t turn = 0; turn < 40; ++turn) {
      REQUIRE(rig.send(set_voice_bus(id, (turn * 7 + 1) % 4, at(100 + 23 * turn))));
    }
    const std::vector<float> out = rig.driver.render(2000)[0];
    // From nothing to all within 64 samples is the steepest line that there is.
    for (std::size_t i = 101; i < 2000; ++i) {
      CAPTURE(i);
      REQUIRE(std::abs(out[i] - out[i - 1]) <= 0.5F * 2.0F / 64.0F);
    }
    CHECK(out[99] == 0.5F);
    CHECK(out[1500] == 0.5F * db_to_linear(-10.0 * ((39 * 7 + 1) % 4)));
  }

  TEST_CASE("a voice that is silent, paused or sent with no ramp is on its new bus at once") {
    Rig rig(Rig::outputs(2), 64);
    REQUIRE(rig.send(add_bus(1, 0, -20.0)));
    const VoiceId id = rig.voice(0, std::vector<float>(2000, 0.5F), {0, 1});
    REQUIRE(rig.send(set_voice_bus(id, 1)));
    REQUIRE(rig.send(start(id, at(100))));
    REQUIRE(rig.send(set_voice_bus(id, 0, at(200), 0)));
    REQUIRE(rig.send(pause(id, at(300))));
    REQUIRE(rig.send(set_voice_bus(id, 1, at(310))));
    REQUIRE(rig.send(resume(id, at(320))));
    const std::vector<float> out = rig.driver.render(400)[0];
    const float low = 0.5F * db_to_linear(-20.0);
    CHECK(out[100] == low);
    CHECK(out[199] == low);
    CHECK(out[200] == 0.5F);
    CHECK(out[299] == 0.5F);
    CHECK(out[320] == low);
  }
}
