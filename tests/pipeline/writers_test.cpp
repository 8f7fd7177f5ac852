// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"
#include "storm.hpp"

#include <cmath>
#include <cstdlib>
#include <tuple>

#include <doctest/doctest.h>

using namespace avrig::e2e;

namespace {

const std::string kFixtures = AVRIG_FIXTURES;

/// A user's reader, and every writer of sound and features.
std::string sound(const std::string& name, const std::string& slow) {
  return "avrig: 1\npipeline: sound\noffline: true\nstages:\n"
         "  - {id: ramp, read: " +
         kFixtures +
         ", class: ramp, with: {blocks: 2500}}\n"
         "  - {id: pass, process: " +
         kFixtures + ", class: pass-audio, in: ramp, with: {slow: " + slow +
         "}}\n"
         "  - {id: level, process: level, in: pass}\n"
         "  - {id: table, write: csv, in: level, with: {url: " +
         name +
         ".csv}}\n"
         "  - {id: speakers, write: jack, in: pass, with: {to: " +
         name +
         "-heard.wav}}\n"
         "  - {id: take, write: media, in: pass, with: {url: " +
         name + ".wav}}\n";
}

/// Pictures into lossy recordings: their number and order is what can be compared.
std::string pictures() {
  return "avrig: 1\npipeline: pictures\noffline: true\nstages:\n"
         "  - {id: clip, read: media, with: {url: clip.mkv}}\n"
         "  - {id: pass, process: " +
         kFixtures +
         ", class: faulty, in: clip/video, with: {slow: 10ms}}\n"
         "  - {id: mkv, write: media, in: [clip/audio, pass], with: {url: take.mkv}}\n"
         "  - {id: mp4, write: media, in: [clip/audio, pass], with: {url: take.mp4}}\n"
         "  - {id: webm, write: media, in: [clip/audio, pass], with: {url: take.webm}}\n";
}

}  // namespace

TEST_SUITE("pipeline/writers") {
  TEST_CASE("writers: tables and sound files are the same with and without kills") {
    Rig rig;
    const Finished calm = rig.run(sound("calm", "0"));
    REQUIRE_MESSAGE(calm.code == 0, calm.said);
    check_accounts(calm);
    rig.start(sound("storm", "3ms"));
    rig.wait_running();
    const auto kills = kill_all_in_turn(rig, 4);
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(kills.size() == 6);
    for (const auto& [id, count] : kills) {
      CHECK_MESSAGE(count == 4, id);
    }
    check_accounts(run);
    check_no_crash(run);
    CHECK(calm.stage("take").at("frames_in") == 2500);
    CHECK(calm.stage("table").at("frames_out") == calm.stage("table").at("frames_in"));
    CHECK_MESSAGE(rig.read("storm.csv") == rig.read("calm.csv"), "the tables differ");
    check_same(decode(rig.file("storm.wav")), decode(rig.file("calm.wav")));
    CHECK(decode(rig.file("calm-heard.wav")).samples() == 2500U * 480U);
    check_same(decode(rig.file("storm-heard.wav")), decode(rig.file("calm-heard.wav")));
  }

  TEST_CASE("writers: sound of another rate is heard to its last sample") {
    Rig rig;
    for (const auto& [from_hz, to, blocks, expected] : {std::tuple{44100, "48kHz", 92, 48065U},
                                                        {48000, "44.1kHz", 101, 44541U},
                                                        {44100, "44.1kHz", 3, 1440U}}) {
      CAPTURE(from_hz);
      const std::string name = std::to_string(blocks) + ".wav";
      const Finished run = rig.run(
          "avrig: 1\npipeline: rates\noffline: true\nstages:\n"
          "  - {id: ramp, read: " +
          kFixtures + ", class: ramp, with: {blocks: " + std::to_string(blocks) +
          ", rate: " + std::to_string(from_hz) +
          "}}\n"
          "  - {id: speakers, write: jack, in: ramp, with: {rate: " +
          to + ", to: " + name + "}}\n");
      REQUIRE_MESSAGE(run.code == 0, run.said);
      const Content heard = decode(rig.file(name));
      CHECK(heard.samples() == expected);
      // The last samples are the last of the ramp, not silence.
      REQUIRE(heard.samples() > 10);
      const float last = static_cast<float>(blocks * 480) / 65540.0F;
      CHECK(std::abs(heard.sound.front()[heard.samples() - 200] - last) < 0.01F);
      check_accounts(run);
    }
  }

  TEST_CASE("writers: lossy recordings have every picture once, with and without kills") {
    Rig rig;
    make_clip(rig, {.seconds = 20.0, .audio_codec = "flac", .video_codec = "libx264"});
    rig.start(pictures());
    rig.wait_running();
    const auto kills = kill_all_in_turn(rig, 5);
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(kills.size() == 5);
    for (const auto& [id, count] : kills) {
      CHECK_MESSAGE(count == 5, id);
    }
    check_accounts(run);
    check_no_crash(run);
    const Content clip = decode(rig.file("clip.mkv"));
    for (const char* const name : {"take.mkv", "take.mp4", "take.webm"}) {
      CAPTURE(name);
      const Probed probed = probe(rig.file(name));
      CHECK(probed.read == 600);
      CHECK(probed.missing == 0);
      CHECK(probed.duplicate == 0);
      CHECK(probed.out_of_order == 0);
      CHECK(std::abs(probed.offset_min_ms) < 5.0);
      CHECK(std::abs(probed.offset_max_ms) < 5.0);
    }
    CHECK(decode(rig.file("take.mkv")).samples() == clip.samples());
  }
}
