// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "command_rig.hpp"
#include <avrig/launch/jack_server.hpp>

#include <csignal>

using namespace avrig;
using namespace avrig::test;

namespace {

/// Files of the private server of that launcher.
std::vector<std::string> jack_files(pid_t launcher) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    const std::string name = entry.path().filename().string();
    if (name.find("avrig-" + std::to_string(launcher)) != std::string::npos) {
      found.push_back(name);
    }
  }
  return found;
}

bool gone_within(pid_t launcher, std::int64_t deadline_ns) {
  while (!jack_files(launcher).empty() && monotonic_ns() < deadline_ns) {
    const timespec pause{0, 5'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return jack_files(launcher).empty();
}

}  // namespace

TEST_SUITE("apps/avrig jack") {
  TEST_CASE(
      "avrig run: a private JACK server comes with the run that needs one, and goes with it") {
    if (std::system("command -v jackd >/dev/null") != 0) {
      std::exit(77);
    }
    const Desk desk;
    const std::string file =
        desk.write("rig.yaml", three("frames: 0, period: 2ms", "", "", "jack"));
    auto rig = desk.start({"run", file});
    const Watched stages(desk.wait_for_frames(5));
    const pid_t launcher = rig.pid();
    const std::string server = "avrig-" + std::to_string(launcher);
    CHECK(launch::jack_answers(server));

    SUBCASE("at an orderly end") {
      rig.signal(SIGINT);
      CHECK(desk.finish(rig).code == 130);
      CHECK(jack_files(launcher).empty());
    }
    SUBCASE("when the launcher is killed") {
      rig.signal(SIGKILL);
      CHECK(stages.gone_by(monotonic_ns() + 2'000'000'000));
      CHECK(gone_within(launcher, monotonic_ns() + 2'000'000'000));
    }
    CHECK_FALSE(launch::jack_answers(server));
  }
}
