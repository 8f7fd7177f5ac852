// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mortal_writer.hpp"
#include <avrig/dipstream/dipstream.hpp>

#include <cmath>
#include <thread>

using namespace avrig;
using namespace avrig::jack_writer::test;

// PCM that is fed while the writer dies, again and again: all of it is heard, and none of it twice.

namespace {

constexpr int kSamples = 240000;
constexpr int kDeaths = 3;

/// Between two cycles, so that what was rendered was heard as well.
void die_between_cycles(const DummyServer& server, const Rig& rig, const Recorder& recorder) {
  const pid_t writer = rig.writer();
  REQUIRE(writer > 0);
  server.freeze();
  std::size_t cycles = 0;
  REQUIRE(eventually([&] {
    cycles = recorder.cycles();
    rest(0.05);
    return recorder.cycles() == cycles;
  }));
  REQUIRE(::kill(writer, SIGKILL) == 0);
  server.thaw();
}

/// The newest sample of the stream that was heard; -1: none.
int newest(const Recorder& recorder) {
  for (std::size_t at = recorder.samples(); at > 0; --at) {
    if (const float heard = recorder.row(1)[at - 1]; heard != 0.0F) {
      return static_cast<int>(std::lround(heard * 131072.0F)) - 1;
    }
  }
  return -1;
}

/// Die as often as it takes, each time with a part of the stream heard, then hear it to its end.
void die_and_hear_all(const DummyServer& server, const Rig& rig, const Recorder& recorder) {
  int heard = 0;
  std::int64_t excused = 0;  // passed over while nobody played
  for (int death = 0; death < kDeaths; ++death) {
    REQUIRE(eventually([&] { return newest(recorder) > heard + 9000; }));
    heard = newest(recorder);
    REQUIRE(heard < kSamples - 24000);  // in mid-feed
    const std::int64_t before = recorder.skipped();
    die_between_cycles(server, rig, recorder);
    const int last = newest(recorder);
    REQUIRE(eventually([&] { return newest(recorder) > last; }));
    excused += recorder.skipped() - before;
  }
  REQUIRE(eventually([&] { return newest(recorder) == kSamples - 1; }));
  int next = 0;
  std::int64_t missing = 0;
  std::int64_t wrong = 0;
  for (std::size_t at = 0; at < recorder.samples(); ++at) {
    const float value = recorder.row(1)[at];
    if (value == 0.0F) {
      continue;
    }
    const int index = static_cast<int>(std::lround(value * 131072.0F)) - 1;
    wrong += index < next || value != static_cast<float>(index + 1) / 131072.0F ? 1 : 0;
    missing += std::max(0, index - next);
    next = index + 1;
  }
  CHECK(wrong == 0);
  CHECK(next == kSamples);
  // The recorder itself may have been passed over, on a machine that is busy.
  const std::int64_t passed_over = recorder.skipped() - excused;
  MESSAGE("missing: " << missing << ", passed over while it played: " << passed_over);
  CHECK(missing <= passed_over);
}

}  // namespace

TEST_SUITE("apps/jack_writer feed survival") {
  TEST_CASE("a Python script feeds a stream through three deaths of the writer: exactly once") {
    const DummyServer server;
    Recorder recorder(server.name(), 2, std::size_t{1} << 22);
    const Rig rig(server.name());
    const std::string socket = rig.socket();
    launch::ChildOptions options;
    options.program = "/usr/bin/env";
    options.arguments = {"python3", FEEDER, socket, std::to_string(kSamples)};
    options.environment = {{"PYTHONPATH", PYTHON_CLIENT}, {"PYTHONDONTWRITEBYTECODE", "1"}};
    options.capture_output = false;
    (void)Experiment(socket);  // it answers
    recorder.listen_to("avrig-speakers", {1, 2});
    launch::ChildProcess feeder = launch::ChildProcess::spawn(options);
    die_and_hear_all(server, rig, recorder);
    const auto end = feeder.wait(monotonic_ns() + 20'000'000'000);
    REQUIRE(end);
    CHECK(end->clean());
  }

  TEST_CASE("the same in C++, whose stream is memory shared with the mixer") {
    const DummyServer server;
    Recorder recorder(server.name(), 2, std::size_t{1} << 22);
    const Rig rig(server.name());
    (void)Experiment(rig.socket());
    recorder.listen_to("avrig-speakers", {1, 2});
    dipstream::DipStream stream({.attach = rig.socket()});
    dipstream::Source source = stream.open_stream({2}, 0.5, {.on_gap = "keep_content"});
    std::jthread feeder([&] {
      std::vector<float> chunk;
      for (int fed = 0; fed < kSamples;) {
        chunk.clear();
        for (int at = fed; at < std::min(kSamples, fed + 1777); ++at) {
          chunk.push_back(static_cast<float>(at + 1) / 131072.0F);
        }
        const std::size_t taken = source.feed(chunk).taken;
        fed += static_cast<int>(taken);
        if (taken == 0) {
          rest(0.005);  // it is full
        }
      }
      source.close();
    });
    source.start({.timeout = 30, .wait = false});
    die_and_hear_all(server, rig, recorder);
  }
}
