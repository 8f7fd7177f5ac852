// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"
#include "storm.hpp"

#include <fstream>
#include <map>

#include <doctest/doctest.h>

using namespace avrig::e2e;

namespace {

long resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      return std::stol(line.substr(6));
    }
  }
  return 0;
}

/// Resident memory of each stage, from when the rings have been round once to the end.
struct Memory {
  long first_kib = 0;
  long most_kib = 0;
};

std::map<std::string, Memory> watch(Rig& rig) {
  std::map<std::string, Memory> seen;
  for (int round = 0; !rig.ended(); ++round) {
    for (const StageNow& stage : rig.stages()) {
      const long kib = resident_kib(stage.pid);
      Memory& memory = seen[stage.id];
      if (round >= 5 && kib > 0) {
        memory.first_kib = memory.first_kib == 0 ? kib : memory.first_kib;
        memory.most_kib = std::max(memory.most_kib, kib);
      }
    }
    (void)wait_until([&] { return rig.ended(); }, 2.0);
  }
  return seen;
}

}  // namespace

TEST_SUITE("pipeline/long") {
  TEST_CASE("long: half an hour: memory stays flat, the offset unchanged, the end clean") {
    Rig rig;
    make_clip(rig, {.seconds = 1800.0, .audio_codec = "flac", .video_codec = "libx264"});
    rig.start(
        "avrig: 1\npipeline: long\noffline: true\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv}}\n"
        "  - {id: clean, process: gain, in: clip/audio, with: {gain: 0dB}}\n"
        "  - {id: blur, process: gaussian-blur, in: clip/video, with: {kernel: 3}}\n"
        "  - {id: lips-audio, sync: lips, in: clean}\n"
        "  - {id: lips-video, sync: lips, in: blur}\n"
        "  - {id: speakers, write: jack, in: lips-audio}\n"
        "  - {id: screen, write: display, in: lips-video, with: {to: none}}\n"
        "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: take.mkv}}\n");
    rig.wait_running();
    const auto memory = watch(rig);
    const Finished run = rig.finish();
    CHECK_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    CHECK(memory.size() == 8);
    for (const auto& [id, seen] : memory) {
      MESSAGE(id, ": ", seen.first_kib, " to ", seen.most_kib, " KiB");
      CHECK_MESSAGE(seen.most_kib < seen.first_kib + 8192, id);
    }
    const Probed before = probe(rig.file("clip.mkv"));
    const Probed after = probe(rig.file("take.mkv"));
    CHECK(after.read == 54000);
    CHECK(after.missing == 0);
    CHECK(after.pairs == before.pairs);
    CHECK(std::abs(after.offset_min_ms - before.offset_min_ms) < 2.0);
    CHECK(std::abs(after.offset_max_ms - before.offset_max_ms) < 2.0);
  }

  TEST_CASE("SP-14: sixty seconds through the rig: as many pictures, the same offset") {
    Rig rig;
    make_clip(rig, {.seconds = 60.0, .audio_codec = "flac", .video_codec = "libx264"});
    const Finished run = rig.run(
        "avrig: 1\npipeline: sixty\noffline: true\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv}}\n"
        "  - {id: lips-audio, sync: lips, in: clip/audio}\n"
        "  - {id: lips-video, sync: lips, in: clip/video}\n"
        "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: take.mkv}}\n",
        {},
        300);
    REQUIRE_MESSAGE(run.code == 0, run.said);
    const Probed after = probe(rig.file("take.mkv"));
    CHECK(after.read == 1800);
    CHECK(after.missing == 0);
    CHECK(after.offset_max_ms - after.offset_min_ms < 2.0);
    CHECK(std::abs(after.offset_max_ms) < 1000.0 / 30.0);
  }

  TEST_CASE("storm: five minutes of kills change no picture and no sample") {
    Rig rig;
    make_clip(rig, {.seconds = 10.0});
    check_storm(rig, {.loops = 110, .kills_each = 375, .patience_s = 1200});
  }
}
