// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>

#include <doctest/doctest.h>

using namespace avrig::e2e;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

const std::string kFixtures = AVRIG_FIXTURES;
// Within which a rig is to be gone, whatever happened to its launcher.
constexpr double kGone = 2.0;

/// clip -> a stage that misbehaves -> a recorder.
std::string faulty(const std::string& with, const std::string& more = {}) {
  return "avrig: 1\npipeline: faulty\noffline: true\nstages:\n"
         "  - {id: clip, read: media, with: {url: clip.mkv, audio: false}}\n"
         "  - {id: bad, process: " +
         kFixtures + ", class: faulty, in: clip, with: {" + with + "}" + more +
         "}\n"
         "  - {id: take, write: media, in: bad, with: {url: take.nut, video_codec: ffv1}}\n";
}

/// Runs until it is stopped.
std::string endless() {
  return "avrig: 1\npipeline: endless\noffline: true\nstages:\n"
         "  - {id: clip, read: media, with: {url: clip.mkv, loop: -1}}\n"
         "  - {id: slow, process: " +
         kFixtures +
         ", class: faulty, in: clip/video, with: {slow: 10ms}}\n"
         "  - {id: lips-audio, sync: lips, in: clip/audio}\n"
         "  - {id: lips-video, sync: lips, in: slow}\n"
         "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: take.nut, "
         "video_codec: ffv1}}\n";
}

/// Frames are written.
void wait_flowing(Rig& rig) {
  rig.wait_running();
  rig.wait_size("take.nut", 50'000);
}

void check_plays(const std::string& path) {
  REQUIRE_MESSAGE(fs::exists(path), path);
  const Content content = decode(path);
  CHECK(content.pictures.size() > 0);
  for (std::size_t i = 1; i < content.pictures.size(); ++i) {
    CHECK(content.pictures[i].pts_ns > content.pictures[i - 1].pts_ns);
  }
}

}  // namespace

TEST_SUITE("pipeline/faults") {
  TEST_CASE("faults: the launcher killed -9: all is gone in two seconds, the recording plays") {
    Rig rig;
    make_clip(rig, {.seconds = 1.0});
    rig.start(endless());
    wait_flowing(rig);
    CHECK(rig.processes().size() == 6);
    rig.signal(SIGKILL);
    const auto gone = rig.wait_gone(kGone);
    CHECK_MESSAGE(gone, "still there: ", rig.processes().size());
    CHECK(rig.finish().code == 128 + SIGKILL);
    check_plays(rig.file("take.nut"));
  }

  TEST_CASE("SP-15: Ctrl-C ends the rig in two seconds, with 130 and files that play") {
    Rig rig;
    make_clip(rig, {.seconds = 1.0});
    rig.start(endless());
    wait_flowing(rig);
    rig.signal(SIGINT);
    const auto gone = rig.wait_gone(kGone);
    CHECK(gone);
    const Finished run = rig.finish();
    CHECK(run.code == 130);
    check_plays(rig.file("take.nut"));
    CHECK(run.stage("take").at("frames_in").get<long>() > 0);
    check_accounts(run);
    check_no_crash(run);
    CHECK(fs::is_empty(rig.folder() + "/avrig"));
  }

  TEST_CASE("SP-15: stop() ends it too, while it starts, runs, hangs, or has a stage down") {
    for (const std::string state : {"running", "starting", "hanging", "down"}) {
      CAPTURE(state);
      Rig rig;
      make_clip(rig, {.seconds = 1.0});
      const std::string with = state == "hanging"    ? "hang-at: 5"
                               : state == "starting" ? "load: 20s"
                                                     : "slow: 20ms";
      rig.start(faulty(with));
      if (state == "starting") {
        // Its recorder is there; the processor is not ready yet.
        REQUIRE(wait_until([&] { return rig.processes().size() >= 4; }, 20));
        rig.signal(SIGTERM);
      } else {
        rig.wait_running();
        if (state == "down") {
          CHECK(rig.ask({{"do", "hold"}, {"stage", "bad"}}).at("ok") == true);
        }
        CHECK(rig.ask({{"do", "stop"}}).at("ok") == true);
      }
      CHECK(rig.wait_gone(kGone));
      (void)rig.finish();
    }
  }

  TEST_CASE("SP-16: no picture is read before the slowest stage is ready") {
    Rig rig;
    make_clip(rig, {.seconds = 0.5});
    const Finished run = rig.run(faulty("load: 1500ms"));
    REQUIRE_MESSAGE(run.code == 0, run.said);
    // Of the first pictures, none had waited for the slow one to load.
    for (const char* const id : {"bad", "take"}) {
      CHECK(run.stage(id).at("latency_ns").at("max").get<double>() < 1.0e9);
    }
    CHECK(run.seconds > 1.5);
    CHECK(decode(rig.file("take.nut")).pictures.size() == 15);
  }

  TEST_CASE("faults: a processor that hangs is found, named, killed and restarted") {
    Rig rig;
    make_clip(rig, {.seconds = 1.0});
    const Finished run = rig.run(faulty("hang-at: 7", ", hang_timeout: 400ms, unprocessed: drop"));
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(run.log().find("stage 'bad' hangs") != std::string::npos);
    CHECK(run.stage("bad").at("crashes") == 2);
    CHECK(run.stage("bad").at("restarts") == 2);
    CHECK(run.stage("bad").at("quarantined") == 1);
    CHECK(run.stage("clip").at("restarts") == 0);
    CHECK(run.stage("take").at("restarts") == 0);
    CHECK(decode(rig.file("take.nut")).pictures.size() == 29);
    check_accounts(run);
  }

  TEST_CASE("faults: a frame that crashes its stage is saved, and dropped or passed as told") {
    for (const std::string word : {"drop", "pass"}) {
      CAPTURE(word);
      Rig rig;
      make_clip(rig, {.seconds = 1.0});
      const Finished run = rig.run(faulty("crash-at: 7", ", unprocessed: " + word));
      REQUIRE_MESSAGE(run.code == 0, run.said);
      CHECK(run.stage("bad").at("crashes") == 2);
      CHECK(run.stage("bad").at("quarantined") == 1);
      CHECK(run.edge("clip", "bad").at("quarantined") == 1);
      check_accounts(run);
      const Content expected = decode(rig.file("clip.mkv"));
      Content got = decode(rig.file("take.nut"));
      if (word == "pass") {
        check_same(got, {expected.pictures, {}, INT64_MIN, {}});
      } else {
        REQUIRE(got.pictures.size() == 29);
        CHECK(got.pictures[6].hash == expected.pictures[6].hash);
        CHECK(got.pictures[7].hash == expected.pictures[8].hash);
      }
      std::size_t saved = 0;
      for (const auto& entry : fs::directory_iterator(run.run_dir() + "/quarantine")) {
        const std::string name = entry.path().filename().string();
        CHECK(name.starts_with("bad-"));
        ++saved;
        if (name.ends_with(".raw")) {
          CHECK(entry.file_size() >= 320U * 240U);
        }
      }
      CHECK(saved == 2);
    }
  }

  TEST_CASE("faults: a stage that crashes on every frame ends the run with 5") {
    Rig rig;
    make_clip(rig, {.seconds = 1.0});
    const Finished run = rig.run(faulty("crash-every: true", ", restart: {max: 3, backoff: 10ms}"));
    CHECK(run.code == 5);
    CHECK(run.said.find("stage 'bad'") != std::string::npos);
    CHECK(run.said.find("SIGSEGV") != std::string::npos);
    CHECK(run.stage("bad").at("crashes") == 4);
    CHECK(run.report.at("exit_code") == 5);
  }
}
