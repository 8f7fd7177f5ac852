// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/sync/decisions.hpp>
#include <avrig/types.h>

#include <array>
#include <cstdlib>
#include <span>

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
  section.ready_ns = 900 * kMs;
  section.horizon_ns = INT64_MIN;
  return section;
}

/// A gate whose frames a device makes: they came up to `lag_ns` after their capture.
SyncSection device_gate(std::int64_t first_ns, std::int64_t lag_ns) {
  SyncSection section = gate(SyncPhase::Running, first_ns);
  section.live = 1;
  section.released = 10;
  section.ready_ns = first_ns + lag_ns;
  section.lag_ns = lag_ns;
  return section;
}

SyncSection writer_that_needs(std::int64_t needs_ns) {
  SyncSection section{};
  section.role = SyncRole::AudioWriter;
  section.needs_ns = needs_ns;
  return section;
}

Moment at(std::int64_t now_ns) {
  return {now_ns, 900 * kMs, 3000 * kMs, 1000 * kMs, 60 * kMs};
}

SyncSection reaches(std::int64_t horizon_ns, bool ends = false) {
  SyncSection section = gate(SyncPhase::Running, 0);
  section.horizon_ns = horizon_ns;
  section.ends = ends ? 1 : 0;
  return section;
}

/// Whether stream 0 may release a frame now.
bool may_go(std::span<const SyncSection> sections,
            std::int64_t capture_ns,
            std::int64_t max_unsynced_ns,
            std::int64_t now_ns,
            const MediaMap& heard = {}) {
  return release_ns(sections, 0, heard, capture_ns, max_unsynced_ns).value_or(now_ns) <= now_ns;
}

}  // namespace

TEST_SUITE("core/sync/decisions") {
  TEST_CASE("start: a group waits for its slowest gate, and begins at the earliest first frame") {
    std::array sections{gate(SyncPhase::Preroll, 40 * kMs), gate(SyncPhase::Absent, 0)};
    CHECK_FALSE(decide_start(sections, {}, at(1000 * kMs)));
    sections[1] = gate(SyncPhase::Preroll, 15 * kMs);
    const auto start = decide_start(sections, {}, at(1000 * kMs));
    REQUIRE(start);
    CHECK(start->t0_ns == 1060 * kMs);
    CHECK(start->media0_ns == 15 * kMs);
  }

  TEST_CASE("start: a file's delay counts from when its fastest stream was there") {
    std::array sections{gate(SyncPhase::Preroll, 40 * kMs), gate(SyncPhase::Preroll, 0)};
    sections[0].ready_ns = 920 * kMs;   // media time 0 would have been there at 880 ms
    sections[1].ready_ns = 1300 * kMs;  // and here it was
    const auto start = decide_start(sections, {}, at(1310 * kMs));
    REQUIRE(start);
    CHECK(start->t0_ns == 1370 * kMs);
    CHECK(start->delay_ns == 490 * kMs);
    CHECK(start->needed_ns == 490 * kMs);
  }

  TEST_CASE(
      "start: a delay that the group asks for is kept, but nothing begins before it is there") {
    std::array sections{gate(SyncPhase::Preroll, 0)};
    GroupOptions options;
    options.delay_ns = 800 * kMs;
    auto start = decide_start(sections, options, at(1000 * kMs));
    REQUIRE(start);
    CHECK(start->delay_ns == 800 * kMs);
    CHECK(start->t0_ns == 1700 * kMs);
    options.delay_ns = 10 * kMs;
    start = decide_start(sections, options, at(1000 * kMs));
    REQUIRE(start);
    CHECK(start->delay_ns == 160 * kMs);
    CHECK(start->t0_ns == 1060 * kMs);
  }

  TEST_CASE("start: beyond its patience a group begins without a stream that shows nothing") {
    const std::array sections{gate(SyncPhase::Preroll, 40 * kMs), gate(SyncPhase::Absent, 0)};
    const auto start = decide_start(sections, {}, at(3900 * kMs));
    REQUIRE(start);
    CHECK(start->media0_ns == 40 * kMs);
  }

  TEST_CASE("start: a stream that ended without a frame holds nobody and begins nothing") {
    std::array sections{gate(SyncPhase::Ended, 0), gate(SyncPhase::Ended, 0)};
    CHECK_FALSE(decide_start(sections, {}, at(9000 * kMs)));
    sections[1] = gate(SyncPhase::Preroll, 7 * kMs);
    const auto start = decide_start(sections, {}, at(1000 * kMs));
    REQUIRE(start);
    CHECK(start->media0_ns == 7 * kMs);
  }

  TEST_CASE("start: devices are watched for the pre-roll, and their slowest stream sets D") {
    const std::array sections{device_gate(5000 * kMs, 20 * kMs),
                              device_gate(5010 * kMs, 130 * kMs),
                              writer_that_needs(15 * kMs)};
    CHECK(needed_delay_ns(sections[0], sections) == 40 * kMs);
    CHECK_FALSE(decide_start(sections, {}, at(6139 * kMs)));
    const auto start = decide_start(sections, {}, at(6140 * kMs));
    REQUIRE(start);
    CHECK(start->delay_ns == 150 * kMs);
    // What is captured at media0 is due at T0: nothing of the pre-roll is presented too late.
    CHECK(start->t0_ns == 6200 * kMs);
    CHECK(start->media0_ns == 6050 * kMs);
  }

  TEST_CASE("start: a measured delay above max_delay starts nothing, one that was asked for does") {
    const std::array sections{device_gate(5000 * kMs, 620 * kMs)};
    GroupOptions options;
    CHECK_FALSE(decide_start(sections, options, at(9000 * kMs)));
    options.max_delay_ns = 625 * kMs;
    CHECK(decide_start(sections, options, at(9000 * kMs)));
    options.max_delay_ns = 500 * kMs;
    options.delay_ns = 300 * kMs;
    const auto start = decide_start(sections, options, at(9000 * kMs));
    REQUIRE(start);
    CHECK(start->delay_ns == 300 * kMs);
    CHECK(start->needed_ns == 625 * kMs);
  }

  TEST_CASE("late: by more than half a frame, and never for less than 2 ms") {
    CHECK_FALSE(is_late(0, 40 * kMs, 20 * kMs));
    CHECK(is_late(0, 40 * kMs, 20 * kMs + 1));
    CHECK_FALSE(is_late(0, kMs, 2 * kMs));
    CHECK(is_late(0, kMs, 2 * kMs + 1));
    CHECK_FALSE(is_late(5 * kMs, 40 * kMs, 0));
  }

  TEST_CASE(
      "SP-05: beside a peer that has shown nothing a batch goes at once, and says where it is") {
    std::array sections{gate(SyncPhase::Preroll, 10'000 * kMs), gate(SyncPhase::Absent, 0)};
    const std::int64_t now_ns = 77'000 * kMs;
    for (const std::int64_t max_unsynced_ns : {10 * kMs, 100 * kMs}) {
      CHECK(may_go(sections, 10'000 * kMs, max_unsynced_ns, now_ns));
    }
    note_release(sections[0], 10'000 * kMs, now_ns);
    CHECK(sections[0].position_ns == 10'000 * kMs);
    CHECK(std::abs(sections[0].position_at_ns - now_ns) < 100 * kMs);
  }

  TEST_CASE("SP-05: a peer goes on in thought: now - 5 s holds now - 1 s, and lets now - 6 s go") {
    std::array sections{gate(SyncPhase::Running, 0), gate(SyncPhase::Running, 0)};
    const std::int64_t now_ns = 77'000 * kMs;
    // Ten seconds old, stamped five seconds ago.
    note_release(sections[1], now_ns - 10'000 * kMs, now_ns - 5'000 * kMs);
    for (const std::int64_t max_unsynced_ns : {10 * kMs, 100 * kMs}) {
      CHECK_FALSE(may_go(sections, now_ns - 1'000 * kMs, max_unsynced_ns, now_ns));
      CHECK_FALSE(may_go(sections, now_ns - 1'000 * kMs, max_unsynced_ns, now_ns + 100 * kMs));
      CHECK(may_go(sections, now_ns - 6'000 * kMs, max_unsynced_ns, now_ns));
    }
  }

  TEST_CASE("SP-05: max_unsynced is how far a stream may lead, and not a nanosecond more") {
    std::array sections{gate(SyncPhase::Running, 0), gate(SyncPhase::Running, 0)};
    note_release(sections[1], 2'000 * kMs, 50'000 * kMs);
    for (const std::int64_t max_unsynced_ns : {10 * kMs, 100 * kMs}) {
      const std::int64_t free_ns = 50'000 * kMs + (500 * kMs - max_unsynced_ns) + 1;
      CHECK(release_ns(sections, 0, {}, 2'500 * kMs, max_unsynced_ns) == free_ns);
      CHECK_FALSE(may_go(sections, 2'500 * kMs, max_unsynced_ns, free_ns - 1));
      CHECK(may_go(sections, 2'500 * kMs, max_unsynced_ns, free_ns));
      CHECK(may_go(sections, 1'500 * kMs, max_unsynced_ns, 50'000 * kMs));  // behind: at once
    }
  }

  TEST_CASE("asap: the slowest of several streams holds; one that has ended does not") {
    std::array sections{
        gate(SyncPhase::Running, 0), gate(SyncPhase::Running, 0), gate(SyncPhase::Running, 0)};
    note_release(sections[1], 2'000 * kMs, 50'000 * kMs);
    note_release(sections[2], 1'000 * kMs, 50'000 * kMs);
    CHECK(release_ns(sections, 0, {}, 2'010 * kMs, 10 * kMs) == 51'000 * kMs + 1);
    sections[2].phase = SyncPhase::Ended;
    CHECK(release_ns(sections, 0, {}, 2'010 * kMs, 10 * kMs) == 50'000 * kMs + 1);
  }

  TEST_CASE("asap: sound is where it is heard, not where its blocks were handed over") {
    std::array sections{gate(SyncPhase::Running, 0), gate(SyncPhase::Running, 0)};
    sections[1].media = AVRIG_MEDIA_AUDIO;
    note_release(sections[1], 2'000 * kMs, 50'000 * kMs);
    const MediaMap heard{1, 1, 1'700 * kMs, 50'000 * kMs, 1.0, 0};
    CHECK(release_ns(sections, 0, heard, 2'000 * kMs, 10 * kMs) == 50'290 * kMs + 1);
  }

  TEST_CASE("end: a group that ends with the first of its streams ends where that one does") {
    std::array sections{reaches(2'000 * kMs), reaches(1'500 * kMs)};
    CHECK_FALSE(group_end_ns(sections));
    sections[1].ends = 1;
    CHECK(group_end_ns(sections) == 1'500 * kMs);
    sections[0] = reaches(1'400 * kMs, true);
    CHECK(group_end_ns(sections) == 1'400 * kMs);
  }

  TEST_CASE("end: a frame goes when each other stream reaches its end, or is known to end") {
    std::array sections{reaches(0), reaches(1'500 * kMs), gate(SyncPhase::Absent, 0)};
    CHECK_FALSE(others_reach(sections, 0, 1'000 * kMs));
    sections[2] = reaches(1'000 * kMs);
    CHECK(others_reach(sections, 0, 1'000 * kMs));
    CHECK_FALSE(others_reach(sections, 0, 1'001 * kMs));
    sections[2].ends = 1;
    CHECK(others_reach(sections, 0, 1'001 * kMs));
    // Without a single frame: it ends nothing, and nobody waits for it.
    sections[2] = gate(SyncPhase::Ended, 0);
    CHECK(others_reach(sections, 0, 1'500 * kMs));
    CHECK_FALSE(group_end_ns(sections));
  }
}
