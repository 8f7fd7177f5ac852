// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include <doctest/doctest.h>

using namespace avrig::e2e;
using nlohmann::json;

namespace {

const std::string kFixtures = AVRIG_FIXTURES;

/// A reader, pass-through stages, gates, a recorder.
std::string pass_through(const std::string& audio_codec, const std::string& target) {
  return "avrig: 1\npipeline: pass\noffline: true\nstages:\n"
         "  - {id: clip, read: media, with: {url: clip.mkv}}\n"
         "  - {id: sound, process: " +
         kFixtures +
         ", class: pass-audio, in: clip/audio}\n"
         "  - {id: picture, process: " +
         kFixtures +
         ", class: pass-video, in: clip/video}\n"
         "  - {id: lips-audio, sync: lips, in: sound}\n"
         "  - {id: lips-video, sync: lips, in: picture}\n"
         "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: " +
         target + ", video_codec: ffv1, audio_codec: " + audio_codec +
         ", lossless: true, bitexact: true}}\n";
}

/// The eight of the README, offline: nobody waits for a clock.
std::string eight(const std::string& more = {}) {
  return "avrig: 1\npipeline: eight\noffline: true\nstages:\n"
         "  - {id: clip, read: media, with: {url: clip.mkv}}\n"
         "  - {id: clean, process: gain, in: clip/audio, with: {gain: -6dB}}\n"
         "  - {id: blur, process: gaussian-blur, in: clip/video, with: {kernel: 5}}\n"
         "  - {id: lips-audio, sync: lips, in: clean}\n"
         "  - {id: lips-video, sync: lips, in: blur}\n"
         "  - {id: speakers, write: jack, in: lips-audio}\n"
         "  - {id: screen, write: display, in: lips-video, with: {to: none}}\n"
         "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: take.nut, "
         "video_codec: ffv1}}\n" +
         more;
}

/// Every pid of a report, once each.
std::set<long> pids(const Finished& run) {
  std::set<long> result;
  for (const json& stage : run.report.at("stages")) {
    result.insert(stage.at("pid").get<long>());
  }
  return result;
}

void check_exact(const std::string& audio_codec) {
  Rig rig;
  make_clip(rig, {.seconds = 1.0, .audio_codec = audio_codec});
  for (const char* const target : {"one.nut", "two.nut"}) {
    const Finished run = rig.run(pass_through(audio_codec, target));
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    CHECK(run.stage("take").at("frames_in").get<std::size_t>() ==
          run.edge("lips-video", "take").at("delivered").get<std::size_t>() +
              run.edge("lips-audio", "take").at("delivered").get<std::size_t>());
  }
  const Content expected = decode(rig.file("clip.mkv"));
  CHECK(expected.pictures.size() == 30);
  check_same(decode(rig.file("one.nut")), expected);
  CHECK_MESSAGE(rig.read("one.nut") == rig.read("two.nut"), "the second run gave other bytes");
}

/// What the fixtures wrote about places: {word, index} -> "inode offset".
std::map<std::string, std::string> places(const Rig& rig,
                                          const std::string& name,
                                          const std::string& word) {
  std::map<std::string, std::string> result;
  std::istringstream lines(rig.read(name));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string what;
    std::string index;
    std::string inode;
    std::string offset;
    fields >> what >> index >> inode >> offset;
    if (what == word) {
      result[index] = inode + "+" + offset;
    }
  }
  return result;
}

}  // namespace

TEST_SUITE("pipeline/offline") {
  TEST_CASE("offline: 16-bit sound and FFV1 pictures pass bit by bit, twice the same bytes") {
    check_exact("pcm_s16le");
  }

  TEST_CASE("offline: 24-bit sound passes bit by bit") {
    check_exact("pcm_s24le");
  }

  TEST_CASE("offline: float sound passes bit by bit") {
    check_exact("pcm_f32le");
  }

  TEST_CASE("offline: sound beside the grid of its samples keeps its times to 1 us") {
    Rig rig;
    // Matroska counts whole milliseconds: at 44.1 kHz most of them lie between two samples.
    const std::string line =
        "ffmpeg -nostdin -v error -f lavfi -i sine=sample_rate=44100:duration=1 -f lavfi -i "
        "testsrc=size=64x48:duration=1 -af asetpts=PTS+0.0123/TB -c:a pcm_s16le -c:v ffv1 " +
        rig.file("clip.mkv");
    REQUIRE(std::system(line.c_str()) == 0);
    const Finished run = rig.run(pass_through("pcm_s16le", "take.nut"));
    REQUIRE_MESSAGE(run.code == 0, run.said);
    const Content expected = decode(rig.file("clip.mkv"));
    const Content got = decode(rig.file("take.nut"));
    check_same(got, expected);
    REQUIRE(got.block_ns.size() == expected.block_ns.size());
    CHECK(got.block_ns.size() > 20);
    std::int64_t most_ns = 0;
    for (std::size_t i = 0; i < got.block_ns.size(); ++i) {
      most_ns = std::max(most_ns, std::abs(got.block_ns[i] - expected.block_ns[i]));
    }
    CHECK(most_ns <= 1000);
  }

  TEST_CASE("SP-01: one file starts eight processes, one for each stage") {
    Rig rig;
    make_clip(rig, {.seconds = 1.0});
    const Finished run = rig.run(eight());
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(pids(run).size() == 8);
    check_accounts(run);
    check_no_crash(run);
    for (const json& stage : run.report.at("stages")) {
      INFO(stage.dump());
      CHECK(stage.at("frames_in").get<long>() + stage.at("frames_out").get<long>() > 0);
      CHECK(stage.at("restarts") == 0);
    }
    CHECK(run.stage("screen").at("frames_in") == 30);
    CHECK(decode(rig.file("take.nut")).samples() == decode(rig.file("clip.mkv")).samples());
  }

  TEST_CASE("SP-01: sound alone and pictures alone start four processes each") {
    for (const bool audio : {true, false}) {
      Rig rig;
      make_clip(rig, {.seconds = 0.5});
      const std::string medium = audio ? "audio" : "video";
      const Finished run = rig.run(
          "avrig: 1\npipeline: four\noffline: true\nstages:\n"
          "  - {id: clip, read: media, with: {url: clip.mkv, " +
          std::string(audio ? "video" : "audio") +
          ": false}}\n"
          "  - {id: work, process: " +
          kFixtures + ", class: pass-" + medium +
          ", in: clip}\n"
          "  - {id: gate, sync: one, in: work}\n"
          "  - {id: take, write: media, in: gate, with: {url: take.nut, video_codec: ffv1}}\n");
      REQUIRE_MESSAGE(run.code == 0, run.said);
      CHECK(pids(run).size() == 4);
      check_accounts(run);
      check_no_crash(run);
      Content expected = decode(rig.file("clip.mkv"));
      (audio ? expected.pictures.clear() : expected.sound.clear());
      const Content got = decode(rig.file("take.nut"));
      CHECK(got.pictures.size() == expected.pictures.size());
      CHECK((got.sound == expected.sound));
    }
  }

  TEST_CASE("SP-03: a user's class is set up once, in its own process, and may drop") {
    Rig rig;
    make_clip(rig, {.seconds = 1.0});
    const Finished run = rig.run(
        "avrig: 1\npipeline: user\noffline: true\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv, audio: false}}\n"
        "  - {id: mine, process: " +
        kFixtures +
        ", class: counting, in: clip}\n"
        "  - {id: take, write: media, in: mine, with: {url: take.nut, video_codec: ffv1}}\n");
    REQUIRE_MESSAGE(run.code == 0, run.said);
    const json mine = run.stage("mine");
    CHECK(mine.at("counters").at("starts") == 1);
    CHECK(mine.at("counters").at("calls") == 30);
    CHECK(run.log().find("runs in process " + mine.at("pid").dump()) != std::string::npos);
    CHECK(decode(rig.file("take.nut")).pictures.size() == 27);
    check_accounts(run);
    check_no_crash(run);
  }

  TEST_CASE("SP-03: an unknown class is an error with its place and the right names") {
    Rig rig;
    make_clip(rig, {.seconds = 0.2});
    const Finished run = rig.run(
        "avrig: 1\npipeline: user\noffline: true\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv, audio: false}}\n"
        "  - {id: mine, process: " +
        kFixtures +
        ", class: countin, in: clip}\n"
        "  - {id: take, write: media, in: mine, with: {url: take.nut}}\n");
    CHECK((run.code == 2 || run.code == 3));
    INFO(run.said);
    CHECK(run.said.find("counting") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(rig.file("take.nut")));
  }

  TEST_CASE("SP-04: a frame lies at one place in shared memory, whoever reads it") {
    Rig rig;
    make_clip(rig, {.seconds = 1.0});
    const std::string with = ", with: {file: ";
    const Finished run = rig.run(
        "avrig: 1\npipeline: places\noffline: true\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv}}\n"
        "  - {id: raw, write: " +
        kFixtures + ", class: trace-screen, in: clip/video" + with +
        "raw.txt}}\n"
        "  - {id: sound, process: " +
        kFixtures + ", class: trace-audio, in: clip/audio" + with +
        "sound.txt}}\n"
        "  - {id: picture, process: " +
        kFixtures + ", class: trace-video, in: clip/video" + with +
        "picture.txt}}\n"
        "  - {id: edit, process: " +
        kFixtures + ", class: trace-edit, in: picture" + with +
        "edit.txt}}\n"
        "  - {id: lips-audio, sync: lips, in: sound}\n"
        "  - {id: lips-video, sync: lips, in: edit}\n"
        "  - {id: speakers, write: " +
        kFixtures + ", class: trace-sound, in: lips-audio" + with +
        "speakers.txt}}\n"
        "  - {id: screen, write: " +
        kFixtures + ", class: trace-screen, in: lips-video" + with + "screen.txt}}\n");
    REQUIRE_MESSAGE(run.code == 0, run.said);
    const auto raw = places(rig, "raw.txt", "at");
    const auto made = places(rig, "picture.txt", "out");
    CHECK(raw.size() == 30);
    CHECK((places(rig, "picture.txt", "in") == raw));
    CHECK(made.size() == 30);
    CHECK((places(rig, "edit.txt", "at") == made));
    CHECK((places(rig, "screen.txt", "at") == made));
    const auto heard = places(rig, "sound.txt", "out");
    CHECK(heard.size() > 10);
    CHECK((places(rig, "speakers.txt", "at") == heard));
    for (const auto& [index, place] : made) {
      CHECK(place.substr(0, place.find('+')) != raw.at(index).substr(0, raw.at(index).find('+')));
    }
  }

  TEST_CASE("taps: who looks at frames has makers spare the two buffers that they used last") {
    Rig rig;
    make_clip(rig, {.seconds = 1.0});
    rig.start(
        "avrig: 1\npipeline: taps\noffline: true\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv, audio: false, loop: -1}}\n"
        "  - {id: slow, process: " +
        kFixtures +
        ", class: faulty, in: clip, with: {slow: 5ms}}\n"
        "  - {id: screen, write: " +
        kFixtures + ", class: trace-screen, in: slow, with: {file: places.txt}}\n");
    rig.wait_running();
    rig.wait_size("places.txt", 2000);
    CHECK(rig.ask({{"do", "memory"}}).at("ok") == true);  // for counters alone
    rig.wait_size("places.txt", 4000);
    const std::size_t before = rig.read("places.txt").size();
    CHECK(rig.ask({{"do", "memory"}, {"taps", true}}).at("ok") == true);
    rig.wait_size("places.txt", before + 12'000);
    CHECK(rig.ask({{"do", "stop"}}).at("ok") == true);
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    // How often is a buffer used again within two frames? By offset: the ring is one.
    const auto reuses = [](const std::string& text) {
      std::vector<std::string> offsets;
      std::istringstream lines(text);
      for (std::string what, index, inode, offset; lines >> what >> index >> inode >> offset;) {
        offsets.push_back(offset);
      }
      std::size_t count = 0;
      for (std::size_t i = 2; i < offsets.size(); ++i) {
        count += offsets[i] == offsets[i - 1] || offsets[i] == offsets[i - 2] ? 1U : 0U;
      }
      return count;
    };
    const std::string text = rig.read("places.txt");
    CHECK(reuses(text.substr(0, 2000)) > 0);
    // What was under way when the order came, the file's own buffer included.
    const std::size_t settled = text.find('\n', before + 6'000) + 1;
    CHECK(reuses(text.substr(settled)) == 0);
  }

  TEST_CASE("SP-14: a file through the rig has as many pictures and samples, and the same offset") {
    Rig rig;
    make_clip(rig, {.seconds = 8.0, .audio_codec = "flac", .video_codec = "libx264"});
    const Finished run = rig.run(pass_through("pcm_f32le", "take.nut"));
    REQUIRE_MESSAGE(run.code == 0, run.said);
    const Probed before = probe(rig.file("clip.mkv"));
    const Probed after = probe(rig.file("take.nut"));
    CHECK(after.read == before.read);
    CHECK(after.missing == 0);
    CHECK(after.duplicate == 0);
    CHECK(after.out_of_order == 0);
    REQUIRE(after.pairs == before.pairs);
    CHECK(after.pairs > 1);
    CHECK(std::abs(after.offset_min_ms - before.offset_min_ms) < 0.01);
    CHECK(std::abs(after.offset_max_ms - before.offset_max_ms) < 0.01);
    CHECK(decode(rig.file("take.nut")).samples() == decode(rig.file("clip.mkv")).samples());
  }

  TEST_CASE("SP-17: one log with the stages' names, and what was run, in a dated folder") {
    Rig rig;
    make_clip(rig, {.seconds = 0.3});
    const Finished run = rig.run(
        "avrig: 1\npipeline: logged\noffline: true\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv, audio: false}}\n"
        "  - {id: mine, process: " +
        kFixtures +
        ", class: counting, in: clip}\n"
        "  - {id: take, write: media, in: mine, with: {url: '{run}/take.nut', video_codec: "
        "ffv1}}\n");
    REQUIRE_MESSAGE(run.code == 0, run.said);
    const std::string folder = run.run_dir();
    const std::string name = std::filesystem::path(folder).filename().string();
    CHECK(name.size() > 15);
    CHECK(name.find("-logged") != std::string::npos);
    CHECK(name.substr(0, 8).find_first_not_of("0123456789") == std::string::npos);
    CHECK(run.log().find(" mine info counting runs in process") != std::string::npos);
    for (const char* const file : {"/pipeline.yaml", "/host.json", "/report.json", "/take.nut"}) {
      CHECK_MESSAGE(std::filesystem::exists(folder + file), file);
    }
    CHECK(run.stage("take").at("latency_ns").at("p99").get<long>() > 0);
    // What the folder says can be run again, and means the same.
    const Finished again = rig.command({"validate", folder + "/pipeline.yaml"});
    CHECK_MESSAGE(again.code == 0, again.said);
  }
}
