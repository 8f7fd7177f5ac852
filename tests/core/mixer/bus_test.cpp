// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/mixer/gain.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

namespace {

constexpr std::uint32_t kOutputs = 3;
constexpr std::uint32_t kBuses = 5;
constexpr std::uint32_t kVoices = 12;
constexpr std::size_t kSamples = 1000;
constexpr std::int32_t kParent[kBuses] = {-1, 0, 0, 1, 2};
constexpr std::uint32_t kOrder[kBuses] = {3, 4, 1, 2, 0};  // children first

/// Some voices, on some buses, some of them with gain, for some outputs.
struct Scene {
  explicit Scene(unsigned seed) {
    std::mt19937 random(seed);
    const auto pick = [&random](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    const bool plain = pick(0, 2) == 0;  // nothing to multiply with
    for (double& level : bus_db) {
      level = plain || pick(0, 1) == 0 ? 0.0 : pick(-12, 3);
    }
    bus_db[0] = plain || pick(0, 3) != 0 ? bus_db[0] : kSilenceDb;
    const int spread = pick(0, 2);
    for (std::uint32_t v = 0; v < kVoices; ++v) {
      sounds[v] = pick(0, 3) != 0;
      bus[v] = spread == 0 ? seed % kBuses
                           : static_cast<std::uint32_t>(spread == 1 ? pick(3, 4) : pick(0, 4));
      db[v] = pick(-20, 0);
      first[v] = static_cast<unsigned>(pick(0, 2));
      lanes[v] = pick(0, 2) == 0 ? 1 : 2;
      data[v].resize(kSamples);
      for (float& x : data[v]) {
        x = static_cast<float>(pick(-1000, 1000)) / 1000.0F;
      }
    }
  }

  /// As the manual says: in the order of the slots into buses, buses into parents, children first.
  [[nodiscard]] std::vector<std::vector<float>> expected(float (&peaks)[kBuses]) const {
    std::vector<float> rows[kBuses][kOutputs];
    for (auto& bus_rows : rows) {
      std::fill(std::begin(bus_rows), std::end(bus_rows), std::vector<float>(kSamples));
    }
    for (std::uint32_t v = 0; v < kVoices; ++v) {
      for (unsigned lane = 0; sounds[v] && lane < lanes[v]; ++lane) {
        std::vector<float>& row = rows[bus[v]][(first[v] + lane) % kOutputs];
        for (std::size_t i = 0; i < kSamples; ++i) {
          const float product = data[v][i] * db_to_linear(db[v]);
          row[i] = row[i] + product;
        }
      }
    }
    std::vector<std::vector<float>> out(kOutputs, std::vector<float>(kSamples));
    for (const std::uint32_t b : kOrder) {
      peaks[b] = 0.0F;
      for (std::uint32_t o = 0; o < kOutputs; ++o) {
        std::vector<float>& into =
            kParent[b] < 0 ? out[o] : rows[static_cast<std::uint32_t>(kParent[b])][o];
        for (std::size_t i = 0; i < kSamples; ++i) {
          const float x = rows[b][o][i] * db_to_linear(bus_db[b]);
          peaks[b] = std::max(peaks[b], std::abs(x));
          into[i] = into[i] + x;
        }
      }
    }
    return out;
  }

  void play(Rig& rig) const {
    for (std::uint32_t b = 1; b < kBuses; ++b) {
      REQUIRE(rig.send(add_bus(b, kParent[b], bus_db[b])));
    }
    REQUIRE(rig.send(set_bus(CommandKind::SetBusGain, 0, bus_db[0], now(), 0)));
    for (std::uint32_t v = 0; v < kVoices; ++v) {
      const VoiceId id = make_voice(v, 1);
      const unsigned second = (first[v] + 1) % kOutputs;
      const std::uint32_t source = rig.lend(data[v]);
      Command add = lanes[v] == 2 ? add_voice(id, source, {first[v], second})
                                  : add_voice(id, source, {first[v]});
      add.as.add.bus = static_cast<std::uint8_t>(bus[v]);
      add.as.add.gain_db = static_cast<float>(db[v]);
      REQUIRE(rig.send(add));
      if (sounds[v]) {
        REQUIRE(rig.send(start(id, now(), kLoopForever)));
      }
    }
  }

  double bus_db[kBuses] = {};
  bool sounds[kVoices] = {};
  std::uint32_t bus[kVoices] = {};
  int db[kVoices] = {};
  unsigned first[kVoices] = {};
  unsigned lanes[kVoices] = {};
  std::vector<float> data[kVoices];
};

EngineConfig config(Simd simd) {
  EngineConfig made;
  made.outputs = kOutputs;
  made.buses = kBuses;
  made.simd = simd;
  made.max_block = kSamples;
  return made;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_SUITE("core/mixer buses") {
  TEST_CASE("any tree of buses sums as if each had rows of its own, and all peaks are true") {
    for (unsigned seed = 1; seed <= 60; ++seed) {
      CAPTURE(seed);
      const Scene scene(seed);
      float peaks[kBuses];
      const auto wanted = scene.expected(peaks);
      for (const Simd simd : {Simd::Plain, Simd::Avx2, Simd::Avx512}) {
        for (const std::size_t block : {kSamples, std::size_t{64}, std::size_t{17}}) {
          Rig rig(config(simd), block);
          scene.play(rig);
          // Twice: in the second lap the engine knows where the sums will lie.
          for (int lap = 0; lap < 2; ++lap) {
            const auto got = rig.driver.render(kSamples);
            for (std::uint32_t o = 0; o < kOutputs; ++o) {
              REQUIRE(same_bits(got[o], wanted[o]));
              float most = 0.0F;
              for (const float x : wanted[o]) {
                most = std::max(most, std::abs(x));
              }
              REQUIRE(rig.driver.engine().meter(o).peak == most);
            }
          }
          for (std::uint32_t b = 0; b < kBuses && block == kSamples; ++b) {
            REQUIRE(rig.driver.engine().bus_peak(b) == peaks[b]);
          }
        }
      }
    }
  }

  TEST_CASE("the peak of a bus is that of the last block, whichever of its voices sound on") {
    Rig rig(config(Simd::Auto), 64);
    REQUIRE(rig.send(add_bus(1, 0)));
    const VoiceId stays = rig.voice(0, std::vector<float>(640, 0.25F), {0, 1});
    const VoiceId ends = rig.voice(1, std::vector<float>(128, 0.5F), {0, 1});
    REQUIRE(rig.send(set_voice_bus(ends, 1)));
    REQUIRE(rig.send(start(stays, now())));
    REQUIRE(rig.send(start(ends, now())));
    const auto peaks = [&rig] {
      (void)rig.driver.render(64);
      const Engine& engine = rig.driver.engine();
      return std::vector<float>{engine.bus_peak(0), engine.bus_peak(1)};
    };
    CHECK(peaks() == std::vector<float>{0.75F, 0.5F});
    CHECK(peaks() == std::vector<float>{0.75F, 0.5F});
    CHECK(peaks() == std::vector<float>{0.25F, 0.0F});
    REQUIRE(rig.send(set_voice_bus(stays, 1, now(), 0)));
    CHECK(peaks() == std::vector<float>{0.25F, 0.25F});
    CHECK(peaks() == std::vector<float>{0.25F, 0.25F});
    REQUIRE(rig.send(set_voice_bus(stays, 0, now(), 0)));
    CHECK(peaks() == std::vector<float>{0.25F, 0.0F});
  }

  TEST_CASE("a mark counts in the peak of its output") {
    for (const std::size_t block : {std::size_t{16}, std::size_t{256}}) {
      Rig rig(config(Simd::Auto), block);
      const VoiceId id = rig.voice(0, std::vector<float>(600, 0.25F), {0, 1});
      Command go = start(id, at(300));
      go.as.start.mark.output = 1;
      go.as.start.mark.width = 5;
      go.as.start.mark.bits = 1;
      go.as.start.mark.level = 0.75F;
      REQUIRE(rig.send(go));
      (void)rig.driver.render(1000);
      CHECK(rig.driver.engine().meter(0).peak == 0.25F);
      CHECK(rig.driver.engine().meter(1).peak == 1.0F);
    }
  }
}
