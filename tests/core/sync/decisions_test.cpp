// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/sync/decisions.hpp>

#include <array>

#include <doctest/doctest.h>

using namespace avrig::shm;
using namespace avrig::sync;

namespace {

constexpr std::int64_t kMs = 1'000'000;

SyncSection gate(SyncPhase phase, std::int64_t first_ns) {
  SyncSection section{};
  section.role = SyncRole::Gate;
  section.phase = phase;
  section.first_capture_ns = first_ns;
  return section;
}

}  // namespace

TEST_SUITE("core/sync/decisions") {
  TEST_CASE("start: a group waits for its slowest gate, and begins at the earliest first frame") {
    std::array sections{gate(SyncPhase::Preroll, 40 * kMs), gate(SyncPhase::Absent, 0)};
    CHECK_FALSE(decide_start(sections, {}, 1000 * kMs, 900 * kMs, 3000 * kMs, 60 * kMs));
    sections[1] = gate(SyncPhase::Preroll, 15 * kMs);
    const auto start = decide_start(sections, {}, 1000 * kMs, 900 * kMs, 3000 * kMs, 60 * kMs);
    REQUIRE(start);
    CHECK(start->t0_ns == 1060 * kMs);
    CHECK(start->media0_ns == 15 * kMs);
    CHECK(start->delay_ns == 0);
  }

  TEST_CASE("start: beyond its patience a group begins without a stream that shows nothing") {
    const std::array sections{gate(SyncPhase::Preroll, 40 * kMs), gate(SyncPhase::Absent, 0)};
    const auto start = decide_start(sections, {}, 3900 * kMs, 900 * kMs, 3000 * kMs, 60 * kMs);
    REQUIRE(start);
    CHECK(start->media0_ns == 40 * kMs);
  }

  TEST_CASE("start: a stream that ended without a frame holds nobody and begins nothing") {
    std::array sections{gate(SyncPhase::Ended, 0), gate(SyncPhase::Ended, 0)};
    CHECK_FALSE(decide_start(sections, {}, 9000 * kMs, 900 * kMs, 3000 * kMs, 60 * kMs));
    sections[1] = gate(SyncPhase::Preroll, 7 * kMs);
    const auto start = decide_start(sections, {}, 1000 * kMs, 900 * kMs, 3000 * kMs, 60 * kMs);
    REQUIRE(start);
    CHECK(start->media0_ns == 7 * kMs);
  }

  TEST_CASE("start: the group's delay is added, up to its bound") {
    const std::array sections{gate(SyncPhase::Preroll, 0)};
    GroupOptions options;
    options.delay_ns = 800 * kMs;
    const auto start = decide_start(sections, options, 1000 * kMs, 0, 3000 * kMs, 60 * kMs);
    REQUIRE(start);
    CHECK(start->delay_ns == 500 * kMs);
    CHECK(start->t0_ns == 1560 * kMs);
  }

  TEST_CASE("late: by more than half a frame, and never for less than 2 ms") {
    CHECK_FALSE(is_late(0, 40 * kMs, 20 * kMs));
    CHECK(is_late(0, 40 * kMs, 20 * kMs + 1));
    CHECK_FALSE(is_late(0, kMs, 2 * kMs));
    CHECK(is_late(0, kMs, 2 * kMs + 1));
    CHECK_FALSE(is_late(5 * kMs, 40 * kMs, 0));
  }
}
