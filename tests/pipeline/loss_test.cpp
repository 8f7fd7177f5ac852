// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"

#include <csignal>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

using namespace avrig::e2e;
using nlohmann::json;

namespace {

const std::string kFixtures = AVRIG_FIXTURES;

/// A device, a recorder that must have everything, a preview that need not.
std::string device(int count, const std::string& slack, const std::string& slow) {
  return "avrig: 1\npipeline: device\nstages:\n"
         "  - {id: device, read: " +
         kFixtures + ", class: ticker, with: {count: " + std::to_string(count) +
         ", period: 10ms}}\n"
         "  - {id: take, write: media, in: {from: device, loss: must, slack: " +
         slack +
         "}, with: {url: take.nut, video_codec: ffv1}}\n"
         "  - {id: preview, write: " +
         kFixtures +
         ", class: slow-screen, in: {from: device, loss: may_skip}, with: {slow: " + slow + "}}\n";
}

pid_t pid_of(const Rig& rig, const std::string& id) {
  for (const StageNow& stage : rig.stages()) {
    if (stage.id == id) {
      return stage.pid;
    }
  }
  return 0;
}

/// The resident memory of a process, in KiB.
long resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      return std::stol(line.substr(6));
    }
  }
  return 0;
}

}  // namespace

TEST_SUITE("pipeline/loss") {
  TEST_CASE("loss: a recorder of a device loses nothing to a slow preview") {
    Rig rig;
    const Finished run = rig.run(device(300, "2s", "80ms"));
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    const json take = run.edge("device", "take");
    CHECK(take.at("delivered") == 300);
    CHECK(take.at("dropped") == 0);
    const json preview = run.edge("device", "preview");
    CHECK(preview.at("produced") == 300);
    CHECK(preview.at("dropped").get<int>() > 200);
    CHECK(preview.at("delivered").get<int>() > 10);
    CHECK(preview.at("drops").at("skipped") == preview.at("dropped"));
    const Probed probed = probe(rig.file("take.nut"));
    CHECK(probed.read == 300);
    CHECK(probed.missing == 0);
    CHECK(probed.duplicate == 0);
    CHECK(probed.out_of_order == 0);
  }

  TEST_CASE("SP-19: a recorder stopped for less than its slack loses nothing") {
    Rig rig;
    rig.start(device(400, "3s", "1ms"));
    rig.wait_running();
    const pid_t take = pid_of(rig, "take");
    REQUIRE(take > 0);
    REQUIRE(::kill(take, SIGSTOP) == 0);
    const timespec stopped{1, 0};
    ::nanosleep(&stopped, nullptr);
    REQUIRE(::kill(take, SIGCONT) == 0);
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    CHECK(run.edge("device", "take").at("delivered") == 400);
    CHECK(probe(rig.file("take.nut")).missing == 0);
  }

  TEST_CASE("SP-19: one stopped for longer loses the oldest, counted; memory stays; exit 4") {
    Rig rig;
    rig.start(device(500, "500ms", "1ms"));
    rig.wait_running();
    rig.wait_size("take.nut", 1'000);  // what is lost before the first is not seen in the file
    const pid_t take = pid_of(rig, "take");
    const pid_t device_pid = pid_of(rig, "device");
    REQUIRE(take > 0);
    REQUIRE(::kill(take, SIGSTOP) == 0);
    const long before_kib = resident_kib(device_pid);
    const timespec stopped{2, 500'000'000};
    ::nanosleep(&stopped, nullptr);
    const long after_kib = resident_kib(device_pid);
    REQUIRE(::kill(take, SIGCONT) == 0);
    const Finished run = rig.finish();
    CHECK(run.code == 4);
    CHECK(after_kib < before_kib + 4096);
    check_accounts(run);
    check_no_crash(run);
    const json edge = run.edge("device", "take");
    CHECK(edge.at("produced") == 500);
    CHECK(edge.at("dropped").get<int>() > 50);
    CHECK(edge.at("drops").at("slack") == edge.at("dropped"));
    // What the report calls lost is what the recording lacks.
    const Probed probed = probe(rig.file("take.nut"));
    CHECK(probed.read == edge.at("delivered").get<std::uint64_t>());
    CHECK(probed.missing == edge.at("dropped").get<std::uint64_t>());
    CHECK(probed.out_of_order == 0);
    // The preview had nothing to do with it.
    CHECK(run.edge("device", "preview").at("produced") == 500);
  }

  TEST_CASE("SP-19: a file waits for a writer that stands still, and loses nothing") {
    Rig rig;
    make_clip(rig, {.seconds = 4.0});
    rig.start(
        "avrig: 1\npipeline: wait\noffline: true\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv, loop: 5}}\n"
        "  - {id: take, write: media, in: [clip/audio, clip/video], with: {url: take.nut, "
        "video_codec: ffv1}}\n");
    rig.wait_running();
    const pid_t take = pid_of(rig, "take");
    REQUIRE(::kill(take, SIGSTOP) == 0);
    const timespec stopped{1, 500'000'000};
    ::nanosleep(&stopped, nullptr);
    CHECK_FALSE(rig.ended());
    REQUIRE(::kill(take, SIGCONT) == 0);
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    CHECK(run.edge("clip/video", "take").at("delivered") == 600);
  }
}
