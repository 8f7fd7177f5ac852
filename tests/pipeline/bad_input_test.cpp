// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"

#include <csignal>
#include <filesystem>
#include <random>

#include <doctest/doctest.h>

using namespace avrig::e2e;

namespace {

namespace fs = std::filesystem;

std::string record(const std::string& url,
                   const std::string& target = "take.nut",
                   const std::string& loop = "1") {
  return "avrig: 1\npipeline: bad\noffline: true\nstages:\n"
         "  - {id: clip, read: media, with: {url: " +
         url + ", loop: " + loop +
         "}}\n"
         "  - {id: take, write: media, in: [clip/audio, clip/video], with: {url: " +
         target + ", video_codec: ffv1}}\n";
}

/// It says so in words that name the thing, and leaves nothing half-made.
void check_refused(Rig& rig, const Finished& run, int code, const std::string& named) {
  CHECK_MESSAGE(run.code == code, run.said);
  CHECK_MESSAGE(run.said.find(named) != std::string::npos, run.said);
  CHECK_FALSE(fs::exists(rig.file("take.nut")));
}

}  // namespace

TEST_SUITE("pipeline/bad_input") {
  TEST_CASE("bad input: no such file, an empty one, and one that is no media end with 3") {
    Rig rig;
    check_refused(rig, rig.run(record("nowhere.mkv")), 3, "nowhere.mkv");
    rig.write("empty.mkv", "");
    check_refused(rig, rig.run(record("empty.mkv")), 3, "empty.mkv");
    rig.write("text.mkv", std::string(5000, 'x'));
    check_refused(rig, rig.run(record("text.mkv")), 3, "text.mkv");
  }

  TEST_CASE("bad input: of a file that was cut off, all that is there is recorded") {
    Rig rig;
    make_clip(rig, {.seconds = 2.0});
    fs::resize_file(rig.file("clip.mkv"), fs::file_size(rig.file("clip.mkv")) * 6 / 10);
    const Finished run = rig.run(record("clip.mkv"));
    CHECK_MESSAGE(run.code == 0, run.said);
    check_no_crash(run);
    check_accounts(run);
    const Content expected = decode(rig.file("clip.mkv"));
    CHECK(expected.pictures.size() > 20);
    check_same(decode(rig.file("take.nut")), expected);
  }

  TEST_CASE("bad input: damage inside a file is stepped over, and no stage crashes") {
    for (const unsigned seed : {1U, 2U, 3U, 4U}) {
      CAPTURE(seed);
      Rig rig;
      make_clip(rig, {.seconds = 2.0, .audio_codec = "flac", .video_codec = "libx264"});
      std::string bytes = rig.read("clip.mkv");
      std::mt19937 random(seed);
      for (std::size_t i = 0; i < bytes.size() / 500; ++i) {
        bytes[2000 + random() % (bytes.size() - 2000)] = static_cast<char>(random());
      }
      rig.write("broken.mkv", bytes);
      const Finished run = rig.run(record("broken.mkv"));
      INFO(run.said);
      CHECK((run.code == 0 || run.code == 3));
      if (run.code == 0) {
        check_no_crash(run);
        check_accounts(run);
        CHECK(decode(rig.file("take.nut")).pictures.size() > 0);
      } else {
        CHECK(run.said.find("broken.mkv") != std::string::npos);
      }
    }
  }

  TEST_CASE("bad input: a file that vanished and cannot be opened again ends the run with 3") {
    Rig rig;
    make_clip(rig, {.seconds = 2.0});
    rig.start(record("clip.mkv", "take.nut", "-1"));
    rig.wait_running();
    rig.wait_size("take.nut", 50'000);
    REQUIRE(fs::remove(rig.file("clip.mkv")));
    for (const StageNow& stage : rig.stages()) {
      if (stage.id == "clip") {
        REQUIRE(::kill(stage.pid, SIGKILL) == 0);
      }
    }
    const Finished run = rig.finish(20);
    CHECK_MESSAGE(run.code == 3, run.said);
    CHECK(run.said.find("clip.mkv") != std::string::npos);
    CHECK(decode(rig.file("take.nut")).pictures.size() > 0);
  }

  TEST_CASE("bad input: a target that exists is not touched, one that cannot be made is named") {
    Rig rig;
    make_clip(rig, {.seconds = 0.3});
    rig.write("mine.nut", "precious");
    const Finished existing = rig.run(record("clip.mkv", "mine.nut"));
    CHECK_MESSAGE(existing.code == 3, existing.said);
    CHECK(existing.said.find("mine.nut") != std::string::npos);
    CHECK(rig.read("mine.nut") == "precious");
    const Finished nowhere = rig.run(record("clip.mkv", "mine.nut/take.nut"));
    CHECK_MESSAGE(nowhere.code == 3, nowhere.said);
    CHECK(nowhere.said.find("take.nut") != std::string::npos);
    const Finished container = rig.run(record("clip.mkv", "take.nothing"));
    CHECK_MESSAGE((container.code == 2 || container.code == 3), container.said);
  }

  TEST_CASE("bad input: random bytes as a pipeline end with 2, never with a crash") {
    Rig rig;
    std::mt19937 random(7);
    for (int round = 0; round < 20; ++round) {
      std::string bytes(1 + random() % 3000, '\0');
      for (char& byte : bytes) {
        byte = static_cast<char>(round % 2 == 0 ? random() : 32 + random() % 96);
      }
      rig.write("random.yaml", bytes);
      const Finished run = rig.command({"run", rig.file("random.yaml")}, 20);
      CHECK_MESSAGE(run.code == 2, "round ", round, ": ", run.said);
      CHECK(run.said.find("random.yaml") != std::string::npos);
    }
  }

  TEST_CASE("bad input: a pipeline with one character wrong never crashes anything") {
    Rig rig;
    make_clip(rig, {.seconds = 0.1});
    const std::string good = "run_dir: " + rig.folder() + "/runs\n" + record("clip.mkv");
    std::mt19937 random(11);
    for (int round = 0; round < 25; ++round) {
      std::string bytes = good;
      bytes[random() % bytes.size()] = static_cast<char>(32 + random() % 96);
      rig.write("changed.yaml", bytes);
      const Finished run = rig.command({"validate", rig.file("changed.yaml")}, 20);
      INFO(bytes);
      CHECK_MESSAGE((run.code == 0 || run.code == 2 || run.code == 3), run.said);
    }
  }

  TEST_CASE("bad input: deep nesting, an alias bomb and ten thousand stages end with 2 at once") {
    Rig rig;
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int level = 1; level < 12; ++level) {
      const std::string before = "*a" + std::to_string(level - 1);
      bomb += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [";
      for (int i = 0; i < 9; ++i) {
        bomb += (i == 0 ? "" : ", ") + before;
      }
      bomb += "]\n";
    }
    std::string many = "avrig: 1\npipeline: many\nstages:\n";
    for (int i = 0; i < 10'000; ++i) {
      many += "  - {id: s" + std::to_string(i) + ", read: media, with: {url: a}}\n";
    }
    for (const std::string& text : {std::string(100'000, '['), bomb, many}) {
      rig.write("hostile.yaml", text);
      const Finished run = rig.command({"run", rig.file("hostile.yaml")}, 20);
      CHECK_MESSAGE(run.code == 2, run.said.substr(0, 500));
      CHECK(run.seconds < 10);
    }
  }

  TEST_CASE("bad input: a wrong file is told with line, column and a way out, and exit 2") {
    Rig rig;
    const Finished run = rig.run(
        "avrig: 1\npipeline: wrong\nstages:\n"
        "  - {id: clip, raed: media, with: {url: a}}\n"
        "  - {id: take, write: media, in: clop, with: {url: b}}\n");
    CHECK(run.code == 2);
    CHECK_MESSAGE(run.said.find("pipeline.yaml:5:") != std::string::npos, run.said);
    CHECK(run.said.find("did you mean 'read'?") != std::string::npos);
    CHECK(run.said.find("clop") != std::string::npos);
  }
}
