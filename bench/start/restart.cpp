// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// restart RIG STAGE: kill -9 a stage in the midst of its work and take the time until its next
/// frame is published, as `avrig top` sees the rig: in its memory, read-only.

#include "rig_client.hpp"
#include <avrig/error.hpp>
#include <avrig/launch/control_server.hpp>
#include <avrig/launch/counters.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_follower.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <poll.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace {

using avrig::monotonic_ns;

constexpr std::int64_t kPatienceNs = 10'000'000'000;
constexpr std::uint64_t kFramesBefore = 20;

template <typename Condition>
void wait_for(const char* what, Condition condition) {
  const std::int64_t end_ns = monotonic_ns() + kPatienceNs;
  while (!condition()) {
    if (monotonic_ns() > end_ns) {
      throw avrig::Error(avrig::ErrorCode::Open, std::string("waited in vain until ") + what);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

/// Straight to its socket: other rigs of this user may be slow to answer.
avrig::app::Answer await_memory(const std::string& id) {
  const avrig::app::Rig rig{id, avrig::launch::control_folder() + "/" + id + ".sock", {}};
  std::optional<avrig::app::Answer> answer;
  wait_for("the rig runs", [&] {
    try {
      answer = avrig::app::ask_rig(rig, {{"do", "memory"}});
    } catch (const avrig::Error&) {  // not yet
    }
    return answer.has_value();
  });
  return std::move(*answer);
}

/// One stage of a rig: its process, and what it has published.
class Watched {
 public:
  Watched(avrig::app::Answer memory, const std::string& stage)
      : answer_(std::move(memory)),
        assignments_(answer_.json.at("assignments").get<std::vector<avrig::stage::Assignment>>()) {
    if (answer_.fds.empty()) {
      throw avrig::Error(avrig::ErrorCode::Open, "the rig sent no memory");
    }
    block_.emplace(
        avrig::shm::RunBlock::observe(avrig::shm::Segment::adopt(std::move(answer_.fds.front()))));
    const auto found = std::find_if(
        assignments_.begin(), assignments_.end(), [&](const auto& a) { return a.id == stage; });
    if (found == assignments_.end()) {
      throw avrig::Error(avrig::ErrorCode::Spec, "the rig has no stage '" + stage + "'");
    }
    page_ = &block_->stage(found->stage);
    ring_.emplace(
        avrig::shm::Segment::adopt(std::move(answer_.fds.at(1 + found->outputs.at(0).ring))),
        avrig::shm::RingAccess{});
  }

  [[nodiscard]] pid_t pid() const { return static_cast<pid_t>(page_->pid.load()); }
  [[nodiscard]] std::uint64_t published() const {
    return avrig::shm::count_edge(*ring_, 0).produced;
  }

 private:
  avrig::app::Answer answer_;
  std::vector<avrig::stage::Assignment> assignments_;
  std::optional<avrig::shm::RunBlock> block_;
  std::optional<avrig::shm::Ring> ring_;
  const avrig::shm::StagePage* page_ = nullptr;
};

void kill_and_wait(pid_t pid) {
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (process < 0 || ::kill(pid, SIGKILL) != 0) {
    throw avrig::errno_error(avrig::ErrorCode::Open, "cannot kill the stage");
  }
  pollfd gone{process, POLLIN, 0};
  (void)::poll(&gone, 1, 1000);
  ::close(process);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: restart RIG STAGE\n");
    return 1;
  }
  const Watched stage(await_memory(argv[1]), argv[2]);
  wait_for("the stage works", [&] { return stage.published() >= kFramesBefore; });
  const pid_t before = stage.pid();
  const std::int64_t killed_ns = monotonic_ns();
  kill_and_wait(before);
  const std::uint64_t published = stage.published();  // the dead publish nothing
  wait_for("it works again", [&] { return stage.published() > published; });
  const std::int64_t back_ns = monotonic_ns();
  std::printf("{\"restart_ms\": %.1f, \"another_process\": %s}\n",
              static_cast<double>(back_ns - killed_ns) * 1e-6,
              stage.pid() != before ? "true" : "false");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "restart: %s\n", error.what());
  return 1;
}
