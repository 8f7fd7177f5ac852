// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "rig.hpp"
#include "storm.hpp"

#include <csignal>
#include <exception>

#include <doctest/doctest.h>

using namespace avrig::e2e;
using nlohmann::json;

namespace {

const std::string kFixtures = AVRIG_FIXTURES;

/// Sound of one file, pictures of another, one group, one recording.
std::string two_files(const std::string& group,
                      const std::string& take,
                      const std::string& more = {}) {
  return "avrig: 1\npipeline: two\ngroups: {lips: {" + group + "}}\n" + more +
         "stages:\n"
         "  - {id: voice, read: media, with: {url: voice.mkv, video: false}}\n"
         "  - {id: film, read: media, with: {url: film.mkv, audio: false}}\n"
         "  - {id: lips-audio, sync: lips, in: voice}\n"
         "  - {id: lips-video, sync: lips, in: film}\n"
         "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: " +
         take + ", video_codec: ffv1, bitexact: true}}\n";
}

/// A device of 100 pictures a second whose stamps are `lag` old when they come.
std::string device(const std::string& lag, const std::string& group) {
  return "avrig: 1\npipeline: device\ngroups: {eyes: {" + group +
         "}}\nstages:\n"
         "  - {id: device, read: " +
         kFixtures + ", class: ticker, with: {count: 300, period: 10ms, lag: " + lag +
         "}}\n"
         "  - {id: eyes-video, sync: eyes, in: device}\n"
         "  - {id: screen, write: display, in: eyes-video, with: {to: none}}\n"
         "  - {id: take, write: media, in: eyes-video, with: {url: take.nut, video_codec: ffv1}}\n";
}

double delay_ms(const Finished& run) {
  return run.report.at("sync").at(0).at("delay_ns").get<double>() * 1e-6;
}

/// What a file holds that is still written; none before its header is there.
std::size_t pictures_in(const std::string& path) {
  try {
    return decode(path).pictures.size();
  } catch (const std::exception&) {
    return 0;
  }
}

pid_t pid_of(const Rig& rig, const std::string& id) {
  for (const StageNow& stage : rig.stages()) {
    if (stage.id == id) {
      return stage.pid;
    }
  }
  return 0;
}

}  // namespace

TEST_SUITE("pipeline/sync") {
  TEST_CASE("end: with 'any' a group ends where the first of its streams does, to the sample") {
    Rig rig;
    const auto expect = [&](std::size_t pictures, std::size_t samples) {
      for (const char* const name : {"one.nut", "two.nut"}) {
        const Finished run = rig.run(two_files("end: any", name, "offline: true\n"));
        REQUIRE_MESSAGE(run.code == 0, run.said);
        check_accounts(run);
        check_no_crash(run);
        const Content got = decode(rig.file(name));
        CHECK(got.pictures.size() == pictures);
        CHECK(got.samples() == samples);
      }
      CHECK_MESSAGE(rig.read("one.nut") == rig.read("two.nut"), "the second run gave other bytes");
    };
    SUBCASE("sound first") {
      make_clip(rig, {.name = "voice.mkv", .seconds = 1.0});
      make_clip(rig, {.name = "film.mkv", .seconds = 2.5});
      expect(30, 48000);
    }
    SUBCASE("pictures first, inside a block of sound") {
      make_clip(rig, {.name = "voice.mkv", .seconds = 2.5});
      make_clip(rig, {.name = "film.mkv", .seconds = 1.1});
      expect(33, 52800);
    }
  }

  TEST_CASE("end: with 'all', and without a word, each stream goes to its own end") {
    Rig rig;
    make_clip(rig, {.name = "voice.mkv", .seconds = 1.0});
    make_clip(rig, {.name = "film.mkv", .seconds = 2.0});
    for (const std::string mode : {"offline: true\n", ""}) {
      const std::string name = mode.empty() ? "live.nut" : "offline.nut";
      const Finished run = rig.run(two_files("end: all", name, mode));
      REQUIRE_MESSAGE(run.code == 0, run.said);
      check_accounts(run);
      check_no_crash(run);
      const Content got = decode(rig.file(name));
      CHECK(got.pictures.size() == 60);
      CHECK(got.samples() == 48000);
    }
  }

  TEST_CASE("end: live, with 'any', a source that never ends does not keep its group") {
    Rig rig;
    make_clip(rig, {.name = "voice.mkv", .seconds = 1.5});
    make_clip(rig, {.name = "film.mkv", .seconds = 1.0});
    std::string yaml = two_files("end: any", "take.nut");
    yaml.replace(yaml.find("audio: false"), 12, "audio: false, loop: -1");
    const Finished run = rig.run(yaml);
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    const Content got = decode(rig.file("take.nut"));
    CHECK(got.pictures.size() == 45);
    CHECK(got.samples() == 72000);
    CHECK(run.edge("film", "lips-video").at("drops").contains("ended"));
  }

  TEST_CASE("end: with 'any', gates that are killed end their group where it ends all the same") {
    Rig rig;
    make_clip(rig, {.name = "voice.mkv", .seconds = 6.0});
    make_clip(rig, {.name = "film.mkv", .seconds = 1.0});
    const auto endless = [](const std::string& take) {
      std::string yaml = two_files("end: any", take, "offline: true\n");
      return yaml.replace(yaml.find("audio: false"), 12, "audio: false, loop: -1");
    };
    const Finished calm = rig.run(endless("calm.nut"));
    REQUIRE_MESSAGE(calm.code == 0, calm.said);
    rig.start(endless("take.nut"));
    rig.wait_running();
    const auto kills = kill_all_in_turn(rig, 4, 50);
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(kills.at("lips-audio") + kills.at("lips-video") > 0);
    check_accounts(run);
    check_no_crash(run);
    const Content got = decode(rig.file("take.nut"));
    CHECK(got.samples() == 288'000);
    check_same(got, decode(rig.file("calm.nut")));
  }

  TEST_CASE("delay: a device's is measured before anything is presented, and reported") {
    Rig rig;
    const Finished run = rig.run(device("100ms", ""));
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    CHECK(delay_ms(run) > 100.0);
    CHECK(delay_ms(run) < 500.0);
    CHECK(run.log().find("group 'eyes' starts, with a delay of") != std::string::npos);
    // The pre-roll is recorded like the rest.
    CHECK(run.edge("eyes-video", "take").at("delivered") == 300);
    CHECK(probe(rig.file("take.nut")).missing == 0);
    CHECK(run.report.at("sync").at(0).at("offset_ns").at("count").get<long>() > 50);
  }

  TEST_CASE("delay: one that was asked for is used, with a warning where it is too small") {
    Rig rig;
    const Finished run = rig.run(device("100ms", "delay: 50ms"));
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(delay_ms(run) == doctest::Approx(50.0));
    CHECK(run.log().find("'delay' of group 'eyes' is 50 ms, but frames need up to") !=
          std::string::npos);
    CHECK(run.report.at("sync").at(0).at("late").get<long>() > 0);
    std::string later = device("20ms", "delay: 900ms");
    later.replace(later.find("take.nut"), 8, "more.nut");
    const Finished more = rig.run(later);
    REQUIRE_MESSAGE(more.code == 0, more.said);
    check_accounts(more);
    CHECK(delay_ms(more) == doctest::Approx(900.0));
    CHECK(more.edge("eyes-video", "take").at("delivered") == 300);
  }

  TEST_CASE("delay: a measured one above max_delay ends the run, and says what to write") {
    Rig rig;
    const Finished run = rig.run(device("700ms", "max_delay: 250ms"));
    CHECK(run.code == 2);
    INFO(run.said);
    CHECK(run.said.find("group 'eyes' would need a delay of 7") != std::string::npos);
    CHECK(run.said.find("frames of 'device' come to 'eyes-video' up to 7") != std::string::npos);
    CHECK(run.said.find("'groups: {eyes: {max_delay: 7") != std::string::npos);
    CHECK(run.report.at("sync").at(0).at("offset_ns").at("count") == 0);
  }

  TEST_CASE("SP-05: as soon as possible, the faster stream is held back by the slower one") {
    Rig rig;
    make_clip(rig, {.seconds = 1.5});
    const Content clip = decode(rig.file("clip.mkv"));
    const std::size_t all_but_a_block = (clip.samples() - 1024) * clip.sound.size() * sizeof(float);
    const auto pictures_when_sound_is_over = [&](const std::string& name,
                                                 const std::string& group) {
      rig.start("avrig: 1\npipeline: soon\ngroups: {lips: {mode: asap" + group +
                "}}\nstages:\n"
                "  - {id: clip, read: media, with: {url: clip.mkv}}\n"
                "  - {id: slow, process: " +
                kFixtures +
                ", class: faulty, in: clip/video, with: {slow: 80ms}}\n"
                "  - {id: pass, process: " +
                kFixtures +
                ", class: pass-audio, in: clip/audio, with: {slow: 5ms}}\n"
                "  - {id: lips-audio, sync: lips, in: pass}\n"
                "  - {id: lips-video, sync: lips, in: slow}\n"
                "  - {id: sound, write: media, in: lips-audio, with: {url: " +
                name +
                ".wav}}\n"
                "  - {id: film, write: media, in: lips-video, with: {url: " +
                name + ".nut, video_codec: ffv1}}\n");
      rig.wait_size(name + ".wav", all_but_a_block);
      const std::size_t pictures = pictures_in(rig.file(name + ".nut"));
      const Finished run = rig.finish();
      REQUIRE_MESSAGE(run.code == 0, run.said);
      check_accounts(run);
      check_no_crash(run);
      CHECK(decode(rig.file(name + ".nut")).pictures.size() == 45);
      return pictures;
    };
    CHECK(pictures_when_sound_is_over("together", "") >= 35);
    // Far apart is allowed: the sound does not wait.
    CHECK(pictures_when_sound_is_over("apart", ", max_unsynced: 1h") < 30);
  }

  TEST_CASE("screen: one that stands still, and may, does not stop the recorder") {
    Rig rig;
    make_clip(rig, {.seconds = 5.0});
    rig.start(
        "avrig: 1\npipeline: still\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv, audio: false}}\n"
        "  - {id: pass, process: " +
        kFixtures +
        ", class: pass-video, in: clip}\n"
        "  - {id: eyes, sync: eyes, in: pass}\n"
        "  - {id: screen, write: display, in: eyes, with: {to: none}}\n"
        "  - {id: take, write: media, in: eyes, with: {url: take.nut, video_codec: ffv1}}\n");
    rig.wait_running();
    rig.wait_size("take.nut", 20'000);
    const pid_t screen = pid_of(rig, "screen");
    REQUIRE(screen > 0);
    REQUIRE(::kill(screen, SIGSTOP) == 0);
    const bool whole = wait_until([&] { return pictures_in(rig.file("take.nut")) == 150; }, 20);
    REQUIRE(::kill(screen, SIGCONT) == 0);
    CHECK(whole);
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    CHECK(run.edge("eyes", "take").at("delivered") == 150);
    CHECK(run.edge("eyes", "screen").at("drops").at("skipped").get<long>() > 0);
  }
}
