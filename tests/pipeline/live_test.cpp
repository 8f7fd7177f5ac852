// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "jack_rig.hpp"
#include "rig.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include <doctest/doctest.h>

using namespace avrig::e2e;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

constexpr double kFrameMs = 1000.0 / 30.0;

/// The eight of the README, live, with a private JACK server unless `jack` says otherwise.
std::string eight(int loop = 1, const std::string& jack = "start: private, period: 256") {
  return "avrig: 1\npipeline: live\njack: {" + jack +
         "}\nstages:\n"
         "  - {id: clip, read: media, with: {url: clip.mkv, loop: " +
         std::to_string(loop) +
         "}}\n"
         "  - {id: clean, process: gain, in: clip/audio, with: {gain: 0dB}}\n"
         "  - {id: blur, process: gaussian-blur, in: clip/video, with: {kernel: 3}}\n"
         "  - {id: lips-audio, sync: lips, in: clean}\n"
         "  - {id: lips-video, sync: lips, in: blur}\n"
         "  - {id: speakers, write: jack, in: lips-audio}\n"
         "  - {id: screen, write: display, in: lips-video, with: {to: none}}\n"
         "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: take.mkv}}\n";
}

/// The private server's process; 0: there is none.
pid_t server_of(const Rig& rig) {
  for (const pid_t pid : rig.processes()) {
    std::error_code none;
    if (fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", none).filename() == "jackd") {
      return pid;
    }
  }
  return 0;
}

/// Start it on a clip of that length, and stay until something is recorded.
void start_playing(Rig& rig, double seconds, const std::string& yaml) {
  make_clip(rig, {.seconds = seconds, .audio_codec = "flac", .video_codec = "libx264"});
  rig.start(yaml);
  rig.wait_running();
  rig.wait_size("take.mkv", 20'000);
}

/// The recording has every picture of the clip once and in order, and as many samples.
Probed check_recording(const Rig& rig, std::uint64_t pictures) {
  const Probed after = probe(rig.file("take.mkv"));
  CHECK(after.read == pictures);
  CHECK(after.missing == 0);
  CHECK(after.duplicate == 0);
  CHECK(after.out_of_order == 0);
  CHECK(decode(rig.file("take.mkv")).samples() == decode(rig.file("clip.mkv")).samples());
  return after;
}

/// How often a line of the log says so.
std::size_t times_said(const std::string& log, const std::string& what) {
  std::size_t count = 0;
  for (auto at = log.find(what); at != std::string::npos; at = log.find(what, at + 1)) {
    ++count;
  }
  return count;
}

/// From the call until all stages ran, a private server's start included.
double start_seconds(const Finished& run) {
  const std::string log = run.log();
  std::smatch found;
  REQUIRE(std::regex_search(log, found, std::regex("([0-9]+) ms after the call")));
  return std::stod(found[1]) * 1e-3;
}

/// Stay until a server runs in that one's place, and then to the end, which is a good one.
Finished finish_with_another_server(Rig& rig, pid_t before) {
  CHECK(wait_until(
      [&] {
        const pid_t now = server_of(rig);
        return now != 0 && now != before;
      },
      10));
  Finished run = rig.finish();
  REQUIRE_MESSAGE(run.code == 0, run.said);
  check_accounts(run);
  check_no_crash(run);
  CHECK(run.stage("speakers").at("counters").at("server_losses") == 1);
  CHECK(run.log().find("the JACK server is back") != std::string::npos);
  return run;
}

}  // namespace

TEST_SUITE("pipeline/live") {
  TEST_CASE("live: the demo clip plays in sync, and its recording has every picture in place") {
    Rig rig;
    make_clip(rig, {.seconds = 6.0, .audio_codec = "flac", .video_codec = "libx264"});
    const Finished run = rig.run(eight());
    REQUIRE_MESSAGE(run.code == 0, run.said);
    CHECK(run.seconds > 6.0);
    check_accounts(run);
    check_no_crash(run);
    std::set<long> pids;
    for (const json& stage : run.report.at("stages")) {
      pids.insert(stage.at("pid").get<long>());
    }
    CHECK(pids.size() == 8);
    const Probed before = probe(rig.file("clip.mkv"));
    const Probed after = check_recording(rig, 180);
    CHECK(after.pairs == before.pairs);
    CHECK(after.offset_min_ms > -kFrameMs);
    CHECK(after.offset_max_ms < kFrameMs);
    // What was presented, by the audio's own clock. A loaded machine shows a picture late now and
    // then; on the whole it does not.
    const json group = run.report.at("sync").at(0);
    INFO(group.dump());
    CHECK(group.at("offset_ns").at("count").get<long>() > 100);
    CHECK(std::abs(group.at("offset_ns").at("mean").get<double>()) < 20e6);
    CHECK(group.at("offset_ns").at("min").get<double>() > -20e6);
    CHECK(run.stage("speakers").at("frames_in").get<long>() > 0);
  }

  TEST_CASE("live: the launcher killed -9: stages and server are gone in two seconds") {
    Rig rig;
    start_playing(rig, 2.0, eight(-1));
    CHECK(server_of(rig) != 0);
    rig.signal(SIGKILL);
    CHECK(rig.wait_gone(2.5));
    CHECK(rig.finish().code == 128 + SIGKILL);
    const Content content = decode(rig.file("take.mkv"));
    CHECK(content.pictures.size() > 0);
    CHECK(content.samples() > 0);
  }

  TEST_CASE("SP-15: live, Ctrl-C ends all in two seconds, with files that play") {
    Rig rig;
    start_playing(rig, 2.0, eight(-1));
    rig.signal(SIGINT);
    CHECK(rig.wait_gone(2.5));
    const Finished run = rig.finish();
    CHECK(run.code == 130);
    // What was not due yet was dropped, and says so.
    check_accounts(run);
    check_no_crash(run);
    CHECK(run.edge("lips-audio", "speakers").at("drops").at("stopped").get<long>() > 0);
    for (const char* const from : {"lips-audio", "lips-video"}) {
      CHECK(run.edge(from, "take").at("dropped") == 0);
    }
    CHECK(decode(rig.file("take.mkv")).pictures.size() > 0);
  }

  TEST_CASE("live: stopped by order, every frame of the report has an end") {
    Rig rig;
    start_playing(rig, 2.0, eight(-1));
    CHECK(rig.ask({{"do", "stop"}}).at("ok") == true);
    const Finished run = rig.finish();
    CHECK(run.code == 0);
    check_accounts(run);
    check_no_crash(run);
  }

  TEST_CASE("live: a picture that hangs for a while leaves the sound alone") {
    Rig rig;
    make_clip(rig, {.seconds = 7.0, .audio_codec = "flac", .video_codec = "libx264"});
    const Finished run = rig.run(
        "avrig: 1\npipeline: live\njack: {start: private, period: 1024}\nstages:\n"
        "  - {id: clip, read: media, with: {url: clip.mkv}}\n"
        "  - {id: slow, process: " +
        std::string(AVRIG_FIXTURES) +
        ", class: faulty, in: clip/video, with: {stall-at: 45, stall: 3s}}\n"
        "  - {id: lips-audio, sync: lips, in: clip/audio}\n"
        "  - {id: lips-video, sync: lips, in: slow}\n"
        "  - {id: speakers, write: jack, in: lips-audio}\n"
        "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: take.mkv}}\n");
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    // Without a bound to the recorder's patience it would be two seconds and more. A loaded machine
    // may be late with a cycle now and then.
    CHECK(run.stage("speakers").at("counters").at("underrun_samples").get<long>() < 60'000);
    (void)check_recording(rig, 210);
  }

  TEST_CASE(
      "live: a device's sound is heard D after its capture, and recorded from its beginning") {
    Rig rig;
    const Finished run = rig.run(
        "avrig: 1\npipeline: mic\njack: {start: private, period: 1024}\n"
        "groups: {lips: {max_delay: 3s}}\nstages:\n"  // what a starved machine may need
        "  - {id: mic, read: " +
        std::string(AVRIG_FIXTURES) +
        ", class: hum, with: {blocks: 400}}\n"
        "  - {id: ears, sync: lips, in: mic}\n"
        "  - {id: speakers, write: jack, in: ears}\n"
        "  - {id: take, write: media, in: ears, with: {url: take.nut}}\n");
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    // A block of 10 ms and two periods of the device at least.
    const double delay_ms = run.report.at("sync").at(0).at("delay_ns").get<double>() * 1e-6;
    CHECK(delay_ms > 50.0);
    CHECK(delay_ms < 3000.0);
    const json speakers = run.edge("ears", "speakers");
    INFO(speakers.dump());
    // What was captured before the start is not played late, it is not played.
    CHECK(speakers.at("drops").at("late").get<long>() > 50);
    CHECK(speakers.at("delivered").get<long>() > 150);
    CHECK(speakers.at("dropped") == speakers.at("drops").at("late"));
    CHECK(run.stage("speakers").at("counters").at("underrun_samples").get<long>() < 24'000);
    CHECK(run.edge("ears", "take").at("delivered") == 400);
    CHECK(decode(rig.file("take.nut")).samples() == 400U * 480U);
  }

  TEST_CASE("live: JACK plays a group that waits for no clock") {
    Rig rig;
    make_clip(rig, {.seconds = 1.5});
    for (const std::string mode : {"asap", "offline"}) {
      const Finished run = rig.run(
          "avrig: 1\npipeline: soon\njack: {start: private, period: 1024}\n"
          "groups: {lips: {mode: " +
          mode +
          "}}\nstages:\n"
          "  - {id: clip, read: media, with: {url: clip.mkv}}\n"
          "  - {id: lips-audio, sync: lips, in: clip/audio}\n"
          "  - {id: lips-video, sync: lips, in: clip/video}\n"
          "  - {id: speakers, write: jack, in: lips-audio}\n"
          "  - {id: screen, write: display, in: lips-video, with: {to: none}}\n"
          "  - {id: take, write: media, in: [lips-audio, lips-video], with: {url: " +
          mode + ".mkv}}\n");
      REQUIRE_MESSAGE(run.code == 0, run.said);
      check_accounts(run);
      check_no_crash(run);
      CHECK(run.edge("lips-audio", "speakers").at("dropped") == 0);
      CHECK(run.report.at("seconds").get<double>() > 1.4);
      CHECK(decode(rig.file(mode + ".mkv")).pictures.size() == 45);
    }
  }

  TEST_CASE(
      "live: a private JACK server that is killed comes back, and the sound goes on in time") {
    Rig rig;
    start_playing(rig, 8.0, eight());
    const pid_t before = server_of(rig);
    REQUIRE(before != 0);
    REQUIRE(::kill(before, SIGKILL) == 0);
    const Finished run = finish_with_another_server(rig, before);
    CHECK(run.log().find("was killed by signal 9 (SIGKILL); it is started again") !=
          std::string::npos);
    // Nobody waited for it: what it could not play is gone, and the rest came when it was due.
    CHECK(run.seconds < start_seconds(run) + 8.0 + 3.0);
    const json group = run.report.at("sync").at(0);
    CHECK(group.at("offset_ns").at("count").get<long>() > 100);
    // A gap that was not passed over would stay as an offset of its length, a second or so.
    CHECK(std::abs(group.at("offset_ns").at("mean").get<double>()) < 100e6);
    (void)check_recording(rig, 240);
  }

  TEST_CASE("live: a private JACK server that is stopped is ended, and another goes on in time") {
    Rig rig;
    start_playing(rig, 9.0, eight());
    const pid_t before = server_of(rig);
    REQUIRE(before != 0);
    REQUIRE(::kill(before, SIGSTOP) == 0);
    const Finished run = finish_with_another_server(rig, before);
    CHECK(times_said(run.log(), "stood still and was killed; it is started again") == 1);
    CHECK(run.stage("speakers").at("restarts") == 0);
    (void)check_recording(rig, 270);
  }

  TEST_CASE(
      "live: somebody else's JACK server that stands still is left alone, and one line says so") {
    const avrig::jack::test::DummyServer server;
    Rig rig;
    start_playing(rig, 6.0, eight(1, "start: never, server: " + server.name()));
    server.freeze();
    const auto said = [&] {
      return times_said(rig.log_so_far(), "it stands still, and nothing is heard until it goes on");
    };
    CHECK(wait_until([&] { return said() == 1; }, 20));
    server.thaw();
    // It plays on, and to the end: that is when all has been heard.
    const Finished run = rig.finish();
    REQUIRE_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    CHECK(said() == 1);
    CHECK(run.stage("speakers").at("restarts") == 0);
    CHECK(server.answers());
  }

  TEST_CASE("live: a private JACK server that dies again and again ends the run with 5") {
    Rig rig;
    start_playing(rig, 2.0, eight(-1));
    pid_t last = 0;
    for (int kill = 0; kill < 6; ++kill) {
      pid_t now = 0;
      REQUIRE(wait_until(
          [&] {
            now = server_of(rig);
            return now != 0 && now != last;
          },
          10));
      REQUIRE(::kill(now, SIGKILL) == 0);
      last = now;
    }
    const Finished run = rig.finish();
    CHECK(run.code == 5);
    CHECK(run.said.find("that was beyond its restarts (5 within 60 s)") != std::string::npos);
    // Nor does it keep one of the eight places that JACK has for servers.
    const std::string log = run.log();
    std::smatch name;
    REQUIRE(std::regex_search(log, name, std::regex("a private one, '(avrig-[0-9]+)'")));
    std::ifstream registry("/dev/shm/jack-shm-registry", std::ios::binary);
    const std::string places(std::istreambuf_iterator<char>(registry), {});
    CHECK(!places.empty());
    CHECK(places.find(name[1].str()) == std::string::npos);
    CHECK(decode(rig.file("take.mkv")).pictures.size() > 0);
  }

  TEST_CASE("live: killed writers and gates come back, and the recording stays whole") {
    Rig rig;
    start_playing(rig, 8.0, eight());
    for (const std::string id :
         {"speakers", "lips-video", "take", "lips-audio", "screen", "blur"}) {
      rig.replace(id);
    }
    const Finished run = rig.finish();
    CHECK_MESSAGE(run.code == 0, run.said);
    check_accounts(run);
    check_no_crash(run);
    const Probed after = check_recording(rig, 240);
    CHECK(after.offset_min_ms > -kFrameMs);
    CHECK(after.offset_max_ms < kFrameMs);
  }
}
