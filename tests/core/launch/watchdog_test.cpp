// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "sleeper.hpp"
#include <avrig/launch/watchdog.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_follower.hpp>
#include <avrig/shm/ring_maker.hpp>

#include <doctest/doctest.h>

using namespace avrig;
using launch::Hang;
using launch::testing::Sleeper;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kTimeoutNs = 300 * kMs;
constexpr std::int64_t kTickNs = 50 * kMs;

/// `after`: of the follower that is watched.
shm::RingSpec ring_spec(std::uint64_t after) {
  shm::RingSpec spec;
  spec.slots = 16;
  spec.buffers = 8;
  spec.buffer_bytes = 4096;
  spec.participants.resize(2);
  spec.participants[0].stage = spec.participants[0].bell = 1;
  spec.participants[0].after = after;
  return spec;
}

/// A maker, and the follower of its ring that is watched; time passes as the test says.
struct Watched {
  explicit Watched(std::uint64_t after = 0)
      : ring_segment(shm::Ring::create("watched", ring_spec(after))),
        run_segment(shm::RunBlock::create(2, 2)),
        block(run_segment, 0) {
    rings.emplace_back(ring_segment, shm::RingAccess{shm::RingAccess::As::Everything, 0});
    maker.emplace(rings[0], block.bells());
    follower.emplace(rings[0], 0, block.bells());
    stage::AssignedInput input;
    input.ring = input.participant = 0;
    assignment.bell = 1;
    assignment.inputs.push_back(input);
    sut.restarted(now_ns);
  }

  void publish() {
    const auto buffer = maker->try_claim();
    REQUIRE(buffer);
    shm::Descriptor frame{};
    maker->publish(frame, *buffer);
  }
  shm::Taken take() {
    shm::Taken taken;
    REQUIRE(follower->try_next(taken) == shm::RingFollower::Next::Taken);
    return taken;
  }
  void count_nap(std::uint64_t what) { block.bells()[1].naps.fetch_add(what); }

  std::optional<Hang> look(pid_t pid) {
    return sut.look(assignment, block, rings, pid, now_ns += kTickNs);
  }
  /// Look until it is found to hang, at most ten times the time-out long.
  std::optional<Hang> watch(pid_t pid) {
    const std::int64_t until_ns = now_ns + 10 * kTimeoutNs;
    while (now_ns < until_ns) {
      if (const auto hang = look(pid)) {
        return hang;
      }
    }
    return std::nullopt;
  }

  shm::Segment ring_segment;
  shm::Segment run_segment;
  shm::RunBlock block;
  std::deque<shm::Ring> rings;
  std::optional<shm::RingMaker> maker;
  std::optional<shm::RingFollower> follower;
  stage::Assignment assignment;
  launch::Watchdog sut{kTimeoutNs};
  std::int64_t now_ns = monotonic_ns();
};

}  // namespace

TEST_SUITE("launch/watchdog") {
  TEST_CASE("watchdog: a stage that has nothing to do is left alone") {
    const Sleeper process;
    Watched stage;
    CHECK_FALSE(stage.watch(process.pid()));
    stage.publish();
    stage.follower->complete(stage.take());
    CHECK_FALSE(stage.watch(process.pid()));
  }

  TEST_CASE("watchdog: a frame in hand for too long is a hang, unless its stage waits with it") {
    const Sleeper process;
    Watched stage;
    stage.publish();
    const shm::Taken taken = stage.take();
    for (int turn = 0; turn < 100; ++turn) {  // it waits for a due time, 10 ms at a time
      stage.count_nap(shm::kNapBegins);
      CHECK_FALSE(stage.look(process.pid()));
      stage.count_nap(shm::kNapEnds);
    }
    const auto hang = stage.watch(process.pid());
    REQUIRE(hang);
    CHECK(hang->why == Hang::Why::Frame);
    CHECK(hang->age_ns > kTimeoutNs);
    CHECK(hang->age_ns <= kTimeoutNs + 2 * kTickNs);
    CHECK(to_string(*hang) == "it has had one frame in hand for 0.4 s");
    stage.follower->complete(taken);
    CHECK_FALSE(stage.watch(process.pid()));
  }

  TEST_CASE("watchdog: a sleeper that does not look up hangs, whoever has rung its bell") {
    const Sleeper process;
    Watched stage;
    stage.count_nap(shm::kNapBegins);
    stage.publish();
    const auto hang = stage.watch(process.pid());
    REQUIRE(hang);
    CHECK(hang->why == Hang::Why::Asleep);
  }

  TEST_CASE("watchdog: a stage that takes no frame although one waits hangs") {
    const Sleeper process;
    Watched stage;
    CHECK_FALSE(stage.watch(process.pid()));
    stage.publish();
    const std::int64_t there_ns = stage.now_ns;
    const auto hang = stage.watch(process.pid());
    REQUIRE(hang);
    CHECK(hang->why == Hang::Why::Frames);
    // Counted from the frame's coming, not from when it last had one.
    CHECK(stage.now_ns - there_ns > kTimeoutNs);
  }

  TEST_CASE("watchdog: a frame that another before it still has does not wait for it") {
    const Sleeper process;
    Watched stage(2);
    stage.publish();
    CHECK_FALSE(stage.watch(process.pid()));
    stage.rings[0].participant_page(1).done.store(1);
    CHECK(stage.watch(process.pid()));
  }

  TEST_CASE("watchdog: a stopped process hangs, whatever it owes, and also while it gets ready") {
    const Sleeper process;
    Watched stage;
    CHECK_FALSE(stage.sut.look_at_start(process.pid(), stage.now_ns += kTickNs));
    process.stop();
    CHECK(launch::is_stopped(process.pid()));
    const auto hang = stage.watch(process.pid());
    REQUIRE(hang);
    CHECK(hang->why == Hang::Why::Stopped);
    stage.sut.restarted(stage.now_ns);
    std::optional<Hang> early;
    for (int turn = 0; turn < 10 && !early; ++turn) {
      early = stage.sut.look_at_start(process.pid(), stage.now_ns += kTickNs);
    }
    CHECK(early);
  }

  TEST_CASE("watchdog: time in which nobody looked does not count") {
    const Sleeper process;
    Watched stage;
    stage.publish();
    const shm::Taken taken = stage.take();
    CHECK_FALSE(stage.look(process.pid()));
    stage.now_ns += 3600 * 1000 * kMs;
    CHECK_FALSE(stage.look(process.pid()));
    CHECK(stage.watch(process.pid()));
    stage.follower->complete(taken);
  }

  TEST_CASE(
      "watchdog: a stage that could run and gets no core is left alone, until it has had it") {
    // This very process: it runs, and for the time that passes here it has run next to nothing.
    Watched stage;
    stage.publish();
    const shm::Taken taken = stage.take();
    CHECK(launch::is_runnable(::getpid()));
    CHECK_FALSE(stage.watch(::getpid()));
    const std::int64_t until_ns = launch::cpu_time_ns(::getpid()) + kTimeoutNs;
    while (launch::cpu_time_ns(::getpid()) < until_ns) {
    }
    const auto hang = stage.watch(::getpid());
    REQUIRE(hang);
    CHECK(hang->why == Hang::Why::Frame);
    stage.follower->complete(taken);
  }
}
