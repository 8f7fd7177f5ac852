// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mortal_rig.hpp"

#include <array>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;

// Voices in space through a writer's death, compared with those of a writer that lived.

namespace {

constexpr std::int64_t kBegin = 12800;
constexpr std::int64_t kDeath = kBegin + 64 * 40;
constexpr std::int64_t kHole = 64 * 12;
constexpr std::int64_t kEnd = kDeath + 64 * 200;

/// What is heard on both outputs from kDeath + kHole on.
std::array<std::vector<float>, 2> heard(bool dies) {
  MortalRig rig;
  rig.client = rig.join();
  const std::string session = rig.ask({{"do", "session"}}).at("session");
  const std::vector<float> sound = ramp(9000);
  for (const char* name : {"plane", "bird", "bell"}) {
    (void)rig.add(sound, {{"name", name}, {"quality", name[1] == 'l' ? "sinc" : "cubic"}});
    (void)rig.ask({{"do", "start"}, {"voice", name}, {"loop", true}, {"at_sample", kBegin}});
  }
  const auto say = [&rig](json request) { CHECK(rig.ask(std::move(request)).at("ok") == true); };
  // A plane that comes nearer (Doppler), a bird on the flat, and a bell whose way falls due before,
  // in and after the hole.
  say({{"do", "emitter"},
       {"voice", "plane"},
       {"position", {-30, 5, -40}},
       {"velocity", {40, 0, 25}},
       {"model", "inverse"},
       {"rolloff", 0.25},
       {"max_distance", 500}});
  say({{"do", "emitter"}, {"voice", "bird"}, {"mode", "2d"}, {"position", {300, 400}}});
  say({{"do", "emitter"}, {"voice", "bell"}, {"position", {4, 0, 3}}, {"max_distance", 60}});
  for (int step = 0; step < 8; ++step) {
    say({{"do", "emitter"},
         {"voice", "bell"},
         {"position", {4 - step, step, 3}},
         {"velocity", {step, -2 * step, 0}},
         {"ramp", 500},
         {"at_sample", kDeath - 1000 + 333 * step}});
  }
  say({{"do", "listener"},
       {"position", {1, 2, 3}},
       {"velocity", {-3, 0, 1}},
       {"forward", {1, 0, -1}},
       {"up", {0, 1, 0}},
       {"speed_of_sound", 300}});
  say({{"do", "listener"},
       {"velocity", {10, 0, 0}},
       {"ramp", 900},
       {"at_sample", kDeath - 300}});  // under way when it dies
  REQUIRE(rig.host->engine().position() < kBegin);
  while (rig.host->engine().position() < kDeath) {
    rig.run(1);
  }
  if (dies) {
    rig.die(kHole / 64);
    (void)rig.come_back(session, 0);
  }
  // What is not named stays as it was, also what was said before the death.
  say({{"do", "emitter"},
       {"voice", "plane"},
       {"position", {-20, 5, -30}},
       {"at_sample", kDeath + 64 * 60}});
  say({{"do", "emitter"},
       {"voice", "bird"},
       {"position", {-600, 100}},
       {"at_sample", kDeath + 64 * 70}});
  say({{"do", "listener"}, {"position", {2, 1, 0}}, {"at_sample", kDeath + 64 * 80}});
  REQUIRE(rig.host->engine().position() < kDeath + 64 * 60);
  while (rig.host->engine().position() < kEnd) {
    rig.run(1);
  }
  std::array<std::vector<float>, 2> out;
  for (std::size_t side = 0; side < 2; ++side) {
    const std::vector<float>& row = rig.device->row(side);
    const std::int64_t first = kEnd - static_cast<std::int64_t>(row.size());
    CHECK(first == (dies ? kDeath + kHole : 0));
    out[side].assign(row.begin() + (kDeath + kHole - first), row.end());
  }
  return out;
}

}  // namespace

TEST_SUITE("core/dipstream space survival") {
  TEST_CASE("emitters, Doppler and the listener go on after a death, bit for bit as without one") {
    const auto undisturbed = heard(false);
    const auto disturbed = heard(true);
    for (std::size_t side = 0; side < 2; ++side) {
      REQUIRE(disturbed[side].size() == undisturbed[side].size());
      float most = 0;
      for (std::size_t at = 0; at < disturbed[side].size(); ++at) {
        CAPTURE(at);
        REQUIRE(disturbed[side][at] == undisturbed[side][at]);
        most = std::max(most, disturbed[side][at]);
      }
      CHECK(most > 0.01F);
    }
  }
}
