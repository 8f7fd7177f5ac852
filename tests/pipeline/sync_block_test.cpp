// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/shm/sync_block.hpp>

#include <atomic>
#include <cstdint>
#include <thread>

#include <doctest/doctest.h>

using namespace avrig::shm;

namespace {

/// A section in which every field follows from one number.
SyncSection section_of(std::uint64_t n) {
  const auto s = static_cast<std::int64_t>(n);
  SyncSection out{};
  out.role = SyncRole::AudioWriter;
  out.phase = SyncPhase::Running;
  out.released = n;
  out.late = n + 1;
  out.t0_ns = s + 2;
  out.media0_ns = s + 3;
  out.delay_ns = s + 4;
  out.master = {1, n + 5, s + 6, s + 7, static_cast<double>(n), s + 8};
  out.presented = n + 9;
  out.offset_min_ns = s + 10;
  out.offset_max_ns = s + 11;
  out.offset_sum_ns = s + 12;
  out.offset_last_ns = s + 13;
  return out;
}

bool is_whole(const SyncSection& got) {
  const SyncSection want = section_of(got.released);
  return got.late == want.late && got.t0_ns == want.t0_ns && got.media0_ns == want.media0_ns &&
         got.delay_ns == want.delay_ns && got.master.epoch == want.master.epoch &&
         got.master.media_ns == want.master.media_ns && got.master.mono_ns == want.master.mono_ns &&
         got.master.rate == want.master.rate && got.master.sigma_ns == want.master.sigma_ns &&
         got.presented == want.presented && got.offset_min_ns == want.offset_min_ns &&
         got.offset_max_ns == want.offset_max_ns && got.offset_sum_ns == want.offset_sum_ns &&
         got.offset_last_ns == want.offset_last_ns;
}

/// Two sections written as fast as it goes, while two readers look at both.
void check_never_torn(std::uint64_t updates) {
  const Segment segment = SyncBlock::create(2, 0);
  SyncBlock first(segment, 0);
  SyncBlock second(segment, 1);
  first.write(section_of(1));
  second.write(section_of(1));
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> torn{0};
  std::atomic<std::uint64_t> backwards{0};
  std::atomic<std::uint64_t> seen{0};
  const auto look = [&] {
    const SyncBlock block(segment, std::nullopt);
    std::uint64_t last[2] = {0, 0};
    std::uint64_t reads = 0;
    while (!over.load(std::memory_order_relaxed)) {
      for (std::uint32_t index = 0; index < 2; ++index) {
        const SyncSection got = block.read(index);
        torn += is_whole(got) ? 0 : 1;
        backwards += got.released < last[index] ? 1 : 0;
        last[index] = got.released;
        ++reads;
      }
    }
    seen += reads;
  };
  {
    std::jthread reader(look);
    std::jthread other([&] {
      for (std::uint64_t n = 2; n <= updates / 2; ++n) {
        second.write(section_of(n));
      }
    });
    for (std::uint64_t n = 2; n <= updates / 2; ++n) {
      first.write(section_of(n));
    }
    other.join();
    over = true;
  }
  CHECK(torn.load() == 0);
  CHECK(backwards.load() == 0);
  CHECK(seen.load() > 1000);
  CHECK(first.read(0).released == updates / 2);
  CHECK(first.read(1).released == updates / 2);
}

}  // namespace

TEST_SUITE("pipeline/sync_block") {
#ifdef AVRIG_LONG
  TEST_CASE("SP-09: of a hundred million updates none is seen half") {
    check_never_torn(100'000'000);
  }
#else
  TEST_CASE("SP-09: of ten million updates none is seen half") {
    check_never_torn(10'000'000);
  }

  TEST_CASE("SP-09: due times follow the monotonic maps alone") {
    const Segment segment = SyncBlock::create(2, 0);
    SyncBlock leader(segment, 0);
    SyncBlock writer(segment, 1);
    CHECK_FALSE(leader.due_ns(0).has_value());
    SyncSection start{};
    start.role = SyncRole::Gate;
    start.started = 1;
    start.t0_ns = 5'000;
    start.media0_ns = 1'000;
    leader.write(start);
    CHECK(leader.due_ns(3'000) == 7'000);
    SyncSection map{};
    map.role = SyncRole::AudioWriter;
    map.master = {1, 1, 1'000, 50'000, 1.25, 0};
    writer.write(map);
    CHECK(leader.due_ns(3'000) == 51'600);
  }
#endif
}
