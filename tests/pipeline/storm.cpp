// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "storm.hpp"

#include <avrig/monotonic.hpp>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <map>
#include <random>

#include <doctest/doctest.h>

namespace avrig::e2e {
namespace {

std::string pipeline(const std::string& target, int loops, const std::string& slow) {
  const std::string fixtures = AVRIG_FIXTURES;
  return "avrig: 1\npipeline: storm\noffline: true\nstages:\n"
         "  - {id: clip, read: media, with: {url: clip.mkv, loop: " +
         std::to_string(loops) +
         "}}\n"
         "  - {id: sound, process: gain, in: clip/audio, with: {gain: -6dB}}\n"
         "  - {id: blur, process: gaussian-blur, in: clip/video, with: {kernel: 5}}\n"
         "  - {id: smear, process: " +
         fixtures + ", class: smear, in: blur, with: {slow: " + slow +
         "}}\n"
         "  - {id: stamp, process: timecode, in: smear}\n"
         "  - {id: lips-audio, sync: lips, in: sound}\n"
         "  - {id: lips-video, sync: lips, in: stamp}\n"
         "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: " +
         target + ", video_codec: ffv1, audio_codec: pcm_f32le}}\n";
}

/// Kills one stage after the other, a random order each round, until all have had their share.
class Killer {
 public:
  Killer(Rig& rig, int kills_each, int period_ms)
      : rig_(&rig), kills_each_(kills_each), period_ns_(std::int64_t{period_ms} * 1'000'000) {}

  void run() {
    std::int64_t next_ns = monotonic_ns();
    while (!rig_->ended()) {
      next_ns += period_ns_;
      const timespec until{next_ns / 1'000'000'000, next_ns % 1'000'000'000};
      (void)::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
      if (!kill_one()) {
        return;
      }
    }
  }

  [[nodiscard]] const std::map<std::string, int>& kills() const { return kills_; }

 private:
  // False when everybody has had enough.
  bool kill_one() {
    std::vector<StageNow> candidates = rig_->stages();
    if (candidates.empty()) {
      return true;
    }
    const bool over = std::all_of(candidates.begin(), candidates.end(), [&](const auto& stage) {
      return kills_[stage.id] >= kills_each_;
    });
    // Only a process that runs: a second signal to a dead one is no second kill.
    std::erase_if(candidates, [&](const StageNow& stage) {
      return stage.phase != "running" || killed_[stage.id] == stage.pid ||
             kills_[stage.id] >= kills_each_;
    });
    if (!candidates.empty()) {
      const StageNow& chosen = candidates[random_() % candidates.size()];
      if (::kill(chosen.pid, SIGKILL) == 0) {
        killed_[chosen.id] = chosen.pid;
        ++kills_[chosen.id];
      }
    }
    return !over;
  }

  Rig* rig_;
  int kills_each_;
  std::int64_t period_ns_;
  std::mt19937 random_{20261};
  std::map<std::string, int> kills_;
  std::map<std::string, pid_t> killed_;
};

}  // namespace

std::map<std::string, int> kill_all_in_turn(Rig& rig, int kills_each, int period_ms) {
  Killer killer(rig, kills_each, period_ms);
  killer.run();
  return killer.kills();
}

void check_storm(Rig& rig, const Storm& storm) {
  const Finished calm = rig.run(pipeline("calm.nut", storm.loops, "0"), {}, storm.patience_s);
  REQUIRE_MESSAGE(calm.code == 0, calm.said);
  check_accounts(calm);
  check_no_crash(calm);

  rig.start(pipeline("storm.nut", storm.loops, "8ms"));
  rig.wait_running();
  const std::map<std::string, int> kills = kill_all_in_turn(rig, storm.kills_each);
  const Finished run = rig.finish(storm.patience_s);
  REQUIRE_MESSAGE(run.code == 0, run.said);
  for (const auto& [id, count] : kills) {
    CHECK_MESSAGE(count >= storm.kills_each, id, " was killed too rarely: the clip is too short");
    CHECK(run.stage(id).at("crashes") == 0);
    CHECK(run.stage(id).at("restarts").get<int>() >= count - 1);
  }
  CHECK(kills.size() == 8);
  check_accounts(run);
  check_no_crash(run);
  MESSAGE("calm ", calm.seconds, " s, storm ", run.seconds, " s");
  const Content expected = decode(rig.file("calm.nut"));
  CHECK(expected.pictures.size() > 100);
  check_same(decode(rig.file("storm.nut")), expected);
}

}  // namespace avrig::e2e
