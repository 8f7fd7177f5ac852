// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

using namespace avrig::e2e;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

const std::string kFixtures = AVRIG_FIXTURES;

/// A clip, played for ever, through a slow stage into a recorder.
std::string endless(const std::string& slow) {
  return "avrig: 1\npipeline: endless\noffline: true\nstages:\n"
         "  - {id: clip, read: media, with: {url: clip.mkv, loop: -1, audio: false}}\n"
         "  - {id: slow, process: " +
         kFixtures + ", class: faulty, in: clip, with: {slow: " + slow +
         "}}\n"
         "  - {id: take, write: media, in: slow, with: {url: take.nut, video_codec: ffv1}}\n";
}

Finished stop(Rig& rig) {
  CHECK(rig.ask({{"do", "stop"}}).at("ok") == true);
  return rig.finish();
}

}  // namespace

TEST_SUITE("pipeline/restart") {
  TEST_CASE("restart: a recorder reads only what its predecessor wrote, not every part before") {
    Rig rig;
    make_clip(rig, {.seconds = 1.0});
    rig.start(endless("5ms"));
    rig.wait_running();
    constexpr int kKills = 12;
    rig.wait_size("take.nut", 30'000);
    for (int kill = 1; kill <= kKills; ++kill) {
      rig.replace("take");
      rig.wait_size("take.part" + std::to_string(kill) + ".nut", 30'000);
    }
    const Finished run = stop(rig);
    REQUIRE_MESSAGE(run.code == 0, run.said);
    const json take = run.stage("take");
    CHECK(take.at("restarts") == kKills);
    CHECK(take.at("counters").at("parts_read") == kKills);  // each part once
    check_accounts(run);
    check_no_crash(run);
    const Content content = decode(rig.file("take.nut"));
    REQUIRE(content.pictures.size() == run.edge("slow", "take").at("delivered").get<std::size_t>());
    const Content clip = decode(rig.file("clip.mkv"));
    for (std::size_t i = 0; i < content.pictures.size(); ++i) {
      CHECK(content.pictures[i].hash == clip.pictures[i % clip.pictures.size()].hash);
    }
    CHECK_FALSE(fs::exists(rig.file("take.part1.nut")));
  }

  TEST_CASE("restart: the reader of a looped file measures its round once") {
    Rig rig;
    make_clip(rig, {.seconds = 0.5});
    rig.start(endless("2ms"));
    rig.wait_running();
    for (int kill = 0; kill < 5; ++kill) {
      rig.replace("clip");
      rig.wait_size("take.nut", 100'000U * static_cast<unsigned>(kill + 1));
    }
    const Finished run = stop(rig);
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(run.stage("clip").at("restarts") == 5);
    CHECK(run.stage("clip").at("counters").at("measured") == 1);
    check_accounts(run);
    const Content content = decode(rig.file("take.nut"));
    REQUIRE(content.pictures.size() > 15);
    // No seam: a round is as long after a kill as before it.
    const std::int64_t step_ns = content.pictures[1].pts_ns - content.pictures[0].pts_ns;
    for (std::size_t i = 1; i < content.pictures.size(); ++i) {
      const std::int64_t gap_ns = content.pictures[i].pts_ns - content.pictures[i - 1].pts_ns;
      CHECK(std::abs(gap_ns - step_ns) <= 1'000'000);
    }
  }

  TEST_CASE("restart: a parameter that was set while running is still set after a kill") {
    const auto sound = [](const std::string& target) {
      return "avrig: 1\npipeline: sound\noffline: true\nstages:\n"
             "  - {id: ramp, read: " +
             kFixtures +
             ", class: ramp, with: {blocks: 400}}\n"
             "  - {id: slow, process: " +
             kFixtures +
             ", class: pass-audio, in: ramp, with: {slow: 5ms}}\n"
             "  - {id: quiet, process: gain, in: slow, with: {gain: 0dB}}\n"
             "  - {id: take, write: media, in: quiet, with: {url: " +
             target + "}}\n";
    };
    Rig rig;
    const Finished calm = rig.run(sound("calm.wav"));
    REQUIRE_MESSAGE(calm.code == 0, calm.said);
    rig.start(sound("take.wav"));
    rig.wait_running();
    rig.wait_size("take.wav", 100'000);
    CHECK(rig.ask({{"do", "set"}, {"stage", "quiet"}, {"param", "gain"}, {"value", "-6dB"}})
              .at("ok") == true);
    const std::uint64_t size = fs::file_size(rig.file("take.wav"));
    rig.wait_size("take.wav", size + 50'000);
    rig.replace("quiet");
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    const Content expected = decode(rig.file("calm.wav"));
    const Content got = decode(rig.file("take.wav"));
    REQUIRE(got.samples() == expected.samples());
    const float factor = std::pow(10.0F, -6.0F / 20.0F);
    std::size_t first = 0;
    while (first < got.samples() && got.sound[1][first] == expected.sound[1][first]) {
      ++first;
    }
    CHECK(first > 0);
    REQUIRE(first < got.samples() - 20'000);
    std::size_t wrong = 0;
    for (std::size_t i = first; i < got.samples(); ++i) {
      wrong += std::abs(got.sound[1][i] - expected.sound[1][i] * factor) > 1e-6F ? 1U : 0U;
    }
    CHECK(wrong == 0);
  }

  TEST_CASE("restart: a recording that ends before its first frame leaves no file, and says so") {
    for (const bool killed : {false, true}) {
      CAPTURE(killed);
      Rig rig;
      make_clip(rig, {.seconds = 1.0});
      rig.start(endless("20s"));
      // The first frame is in hand, and will be there too late.
      REQUIRE(wait_until(
          [&] {
            const auto stages = rig.stages();
            return stages.size() == 3 &&
                   std::all_of(stages.begin(), stages.end(), [](const StageNow& stage) {
                     return stage.phase == "running";
                   });
          },
          20));
      if (killed) {
        REQUIRE(fs::exists(rig.file("take.nut")));
        rig.replace("take");
      }
      const Finished run = stop(rig);
      INFO(run.said);
      CHECK(run.stage("take").at("counters").at("no_file") == 1);
      CHECK(run.log().find("take warning no frame came before the end") != std::string::npos);
      CHECK_FALSE(fs::exists(rig.file("take.nut")));
      CHECK_FALSE(fs::exists(rig.file("take.part1.nut")));
    }
  }
}
