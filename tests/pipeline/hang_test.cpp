// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"

#include <csignal>
#include <ctime>
#include <memory>
#include <sched.h>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig::e2e;
using nlohmann::json;

namespace {

constexpr int kRounds = 12;

/// A clip of a second, played again and again through a slow stage and gates into a recorder, all
/// on edges that must not lose anything. Whoever is not the slow one sleeps most of the time.
std::string slow_rig(const std::string& hang_timeout, const std::string& more = {}) {
  return "avrig: 1\npipeline: slow\noffline: true\ndefaults: {hang_timeout: " + hang_timeout +
         "}\nstages:\n"
         "  - {id: clip, read: media, with: {url: clip.mkv, loop: " +
         std::to_string(kRounds) + "}" + more +
         "}\n"
         "  - {id: slow, process: " +
         AVRIG_FIXTURES + ", class: faulty, in: clip/video, with: {slow: 10ms}" + more +
         "}\n"
         "  - {id: lips-audio, sync: lips, in: clip/audio" +
         more +
         "}\n"
         "  - {id: lips-video, sync: lips, in: slow" +
         more +
         "}\n"
         "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: take.nut, "
         "video_codec: ffv1}" +
         more + "}\n";
}

void start_flowing(Rig& rig, const std::string& yaml) {
  make_clip(rig, {.seconds = 1.0});
  rig.start(yaml);
  rig.wait_running();
  rig.wait_size("take.nut", 50'000);
}

void check_whole(const Rig& rig) {
  const Content clip = decode(rig.file("clip.mkv"));
  const Content take = decode(rig.file("take.nut"));
  REQUIRE(take.pictures.size() == kRounds * clip.pictures.size());
  for (std::size_t i = 0; i < take.pictures.size(); ++i) {
    CHECK(take.pictures[i].hash == clip.pictures[i % clip.pictures.size()].hash);
  }
  CHECK(take.samples() == kRounds * clip.samples());
}

void rest_ms(long ms) {
  const timespec pause{ms / 1000, ms % 1000 * 1'000'000};
  ::nanosleep(&pause, nullptr);
}

/// Threads that want a core for themselves, for as long as it lives.
class BusyCore {
 public:
  BusyCore(int core, int threads) {
    for (int index = 0; index < threads; ++index) {
      threads_.emplace_back([core](const std::stop_token& over) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET(static_cast<std::size_t>(core), &cpus);
        CHECK(::sched_setaffinity(0, sizeof cpus, &cpus) == 0);
        while (!over.stop_requested()) {
        }
      });
    }
  }

 private:
  std::vector<std::jthread> threads_;
};

}  // namespace

TEST_SUITE("pipeline/hang") {
  TEST_CASE("hang: a stopped stage of any role is found, named and replaced; nothing is lost") {
    Rig rig;
    start_flowing(rig, slow_rig("400ms"));
    const std::vector<std::string> all{"clip", "lips-audio", "lips-video", "take", "slow"};
    for (const std::string& id : all) {
      CAPTURE(id);
      rig.replace(id, SIGSTOP);
    }
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    for (const std::string& id : all) {
      CAPTURE(id);
      CHECK(run.log().find("stage '" + id + "' hangs: it has been stopped") != std::string::npos);
      // Those that waited for it were left alone, and being stopped is no fault of a stage.
      CHECK(run.stage(id).at("restarts") == 1);
      CHECK(run.stage(id).at("crashes") == 0);
    }
    check_accounts(run);
    check_whole(rig);
  }

  TEST_CASE("hang: a rig that is stopped as a whole, and goes on, has no hanging stage") {
    Rig rig;
    start_flowing(rig, slow_rig("1s"));
    const std::vector<pid_t> all = rig.processes();
    for (const pid_t pid : all) {
      REQUIRE(::kill(pid, SIGSTOP) == 0);
    }
    rest_ms(3000);
    rig.signal(SIGCONT);  // the launcher, which finds all the others still stopped
    rest_ms(100);
    for (const pid_t pid : all) {
      REQUIRE(::kill(pid, SIGCONT) == 0);
    }
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(run.log().find("hangs") == std::string::npos);
    check_no_crash(run);
    check_whole(rig);
  }

  TEST_CASE("hang: stages that rightly wait for longer than they may hang are left alone") {
    Rig rig;
    const Finished run = rig.run(
        "avrig: 1\npipeline: patient\ndefaults: {hang_timeout: 300ms}\n"
        "groups: {lips: {delay: 1s, max_delay: 2s}}\nstages:\n"
        "  - {id: cam, read: " +
        std::string(AVRIG_FIXTURES) +
        ", class: ticker, with: {count: 4, period: 1200ms}}\n"
        "  - {id: eye, sync: lips, in: cam}\n"  // has each picture in hand for a second
        "  - {id: screen, write: display, in: eye, with: {to: none}}\n"
        "  - {id: take, write: media, in: eye, with: {url: take.nut, video_codec: ffv1}}\n");
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(run.log().find("hangs") == std::string::npos);
    for (const char* const id : {"cam", "eye", "screen", "take"}) {
      CHECK(run.stage(id).at("restarts") == 0);
    }
    CHECK(decode(rig.file("take.nut")).pictures.size() == 4);
  }

  TEST_CASE("hang: a rig that hardly gets a core is slow, and nothing else") {
    Rig rig;
    start_flowing(rig, slow_rig("400ms", ", nice: 19, cpu: [0]"));
    {
      const BusyCore busy(0, 12);
      rest_ms(4000);
    }
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(run.log().find("hangs") == std::string::npos);
    check_no_crash(run);
    check_whole(rig);
  }
}
