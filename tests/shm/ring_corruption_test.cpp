// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "hostile_ring.hpp"

#include <random>

#include <doctest/doctest.h>

using namespace avrig::shm::testing;

TEST_SUITE("shm/ring corruption") {
  TEST_CASE("ring: twenty thousand corruptions crash and hang nobody") {
    constexpr int kCorruptions = 20'000;
    constexpr unsigned kSeed = 20261120;
    std::mt19937_64 random(kSeed);
    MESSAGE("seed " << kSeed);
    int accepted = 0;
    for (int turn = 0; turn < kCorruptions; ++turn) {
      HostileRing ring(random() % 2 == 0);
      // Half of them in the header and the maker's page, where geometry and cursors lie.
      const std::uint64_t reach = random() % 2 == 0 ? 2048 : ring.control_bytes() - 8;
      const std::uint64_t count = 1 + random() % 6;
      for (std::uint64_t change = 0; change < count; ++change) {
        const std::uint64_t place = (random() % reach) & ~std::uint64_t{7};
        std::uint64_t value = random();
        switch (random() % 4) {
          case 0:
            value %= 64;
            break;
          case 1:
            value = ~(value % 64);
            break;
          case 2:
            std::memcpy(&value, ring.bytes().data() + place, sizeof value);
            value ^= std::uint64_t{1} << (random() % 64);
            break;
          default:
            break;
        }
        std::memcpy(ring.bytes().data() + place, &value, sizeof value);
      }
      accepted += ring.work() ? 1 : 0;
    }
    CHECK(accepted > kCorruptions / 10);
    CHECK(accepted < kCorruptions);
  }
}
