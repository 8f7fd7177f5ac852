// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../support/ring_peer.hpp"
#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_follower.hpp>
#include <avrig/shm/run_block.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <random>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

extern char** environ;

using namespace avrig::shm;
using namespace avrig::shm::testing;

namespace {

RingSpec ring_of_peers() {
  RingSpec spec;
  spec.slots = 16;
  spec.buffers = 8;
  spec.buffer_bytes = kPeerBytes;
  spec.window = 6;
  spec.maker_bell = static_cast<std::uint32_t>(Peer::Maker);
  spec.participants.resize(kPeers - 1);
  for (std::uint32_t index = 0; index < kPeers - 1; ++index) {
    spec.participants[index].bell = index + 1;
  }
  spec.participants[1].part = Part::Editor;
  spec.participants[1].behind = 0b0001;
  spec.participants[2].part = Part::Editor;
  spec.participants[2].editor_line = 1;
  spec.participants[2].after = 0b0010;
  spec.participants[2].undo_bytes = kPeerBytes;
  spec.participants[3].after = 0b0100;
  return spec;
}

class Peers {
 public:
  Peers()
      : ring_memory(Ring::create("kill-test", ring_of_peers())),
        run_memory(RunBlock::create(kPeers, kPeers)),
        journal_memory(Segment::create("kill-journal", kPageBytes)),
        journal_mapping(journal_memory, Mapping::Access::ReadWrite),
        run(run_memory, std::nullopt) {
    for (std::uint32_t index = 0; index < kPeers; ++index) {
      start(index);
    }
  }
  ~Peers() {
    for (const pid_t pid : pids) {
      if (pid > 0) {
        ::kill(pid, SIGKILL);
        int status = 0;
        ::waitpid(pid, &status, 0);
      }
    }
  }
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  void start(std::uint32_t index) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ring_memory.fd(), kRingFd);
    ::posix_spawn_file_actions_adddup2(&actions, run_memory.fd(), kRunFd);
    ::posix_spawn_file_actions_adddup2(&actions, journal_memory.fd(), kJournalFd);
    std::string program = AVRIG_RING_PEER;
    std::string stage = std::to_string(index);
    std::array<char*, 3> arguments{program.data(), stage.data(), nullptr};
    const int failed =
        ::posix_spawn(&pids[index], program.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    REQUIRE(failed == 0);
  }

  /// SIGKILL, wait until it is gone, ring for what it may not have rung, start a successor.
  void replace(std::uint32_t index) {
    ::kill(pids[index], SIGKILL);
    int status = 0;
    ::waitpid(pids[index], &status, 0);
    run.ring_all();
    start(index);
    ++kills[index];
  }

  /// True when all have ended well before the deadline.
  [[nodiscard]] bool end(std::int64_t deadline_ns) {
    bool good = true;
    for (pid_t& pid : pids) {
      int status = 0;
      pid_t ended = 0;
      while ((ended = ::waitpid(pid, &status, WNOHANG)) == 0 &&
             avrig::monotonic_ns() < deadline_ns) {
        const timespec pause{0, 5'000'000};
        ::nanosleep(&pause, nullptr);
      }
      good = good && ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
      pid = ended == pid ? -1 : pid;
    }
    return good;
  }

  [[nodiscard]] PeerJournal& journal() const {
    return *reinterpret_cast<PeerJournal*>(journal_mapping.bytes().data());
  }

  Segment ring_memory, run_memory, journal_memory;
  Mapping journal_mapping;
  RunBlock run;
  std::array<pid_t, kPeers> pids{};
  std::array<int, kPeers> kills{};
};

}  // namespace

TEST_SUITE("shm/ring kill") {
  TEST_CASE("ring: stages killed at random lose nothing, double nothing, leave nothing half done") {
    constexpr unsigned kSeed = 7;
    constexpr std::int64_t kRunNs = 8'000'000'000;
    MESSAGE("seed " << kSeed);
    std::mt19937 random(kSeed);
    Peers peers;
    const Ring ring(peers.ring_memory, RingAccess{RingAccess::As::Observer, 0});
    const std::int64_t end_ns = avrig::monotonic_ns() + kRunNs;
    while (avrig::monotonic_ns() < end_ns) {
      const timespec pause{0, static_cast<long>(1'000'000 + random() % 8'000'000)};
      ::nanosleep(&pause, nullptr);
      peers.replace(static_cast<std::uint32_t>(random() % kPeers));
    }
    peers.journal().stop.store(1);
    CHECK(peers.end(avrig::monotonic_ns() + 30'000'000'000));
    CHECK(peers.journal().wrong.load() == 0);
    CHECK(peers.journal().broken.load() == 0);
    const std::uint64_t frames = ring.find_head() - 1;
    for (std::uint32_t index = 0; index < kPeers - 1; ++index) {
      const EdgeCount edge = count_edge(ring, index);
      CHECK(edge.produced == frames);
      CHECK(edge.delivered == frames);
      CHECK(edge.dropped + edge.quarantined + edge.in_flight == 0);
    }
    int kills = 0;
    for (const int count : peers.kills) {
      CHECK(count >= 20);
      kills += count;
    }
    MESSAGE(frames << " frames, " << kills << " kills");
    CHECK(frames > 100);
  }
}
