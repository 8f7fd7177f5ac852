// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/restart_budget.hpp>

#include <doctest/doctest.h>

using namespace avrig;
using launch::BlameCounter;
using launch::RestartBudget;

namespace {

constexpr std::int64_t kMs = 1'000'000;

}  // namespace

TEST_SUITE("launch/restart_budget") {
  TEST_CASE("restart budget: the first restart is at once, each further one waits twice as long") {
    RestartBudget sut({.max = 4, .window_ns = 60'000 * kMs, .backoff_ns = 100 * kMs});
    CHECK(sut.crashed(0) == 0);
    CHECK(sut.crashed(1) == 100 * kMs);
    CHECK(sut.crashed(2) == 200 * kMs);
    CHECK(sut.crashed(3) == 400 * kMs);
    CHECK_FALSE(sut.crashed(4));
  }

  TEST_CASE("restart budget: crashes outside the window are forgiven") {
    RestartBudget sut({.max = 1, .window_ns = 1000 * kMs, .backoff_ns = 100 * kMs});
    CHECK(sut.crashed(0) == 0);
    CHECK(sut.crashed(1000 * kMs) == 0);
    CHECK_FALSE(sut.crashed(1999 * kMs));
  }

  TEST_CASE("restart budget: zero means never") {
    RestartBudget sut({.max = 0, .window_ns = 1000 * kMs, .backoff_ns = 0});
    CHECK_FALSE(sut.crashed(0));
  }

  TEST_CASE("blame counter: the second crash on the same frame sets it aside, once") {
    BlameCounter sut;
    CHECK_FALSE(sut.blame(7));
    CHECK_FALSE(sut.blame(8));
    CHECK(sut.blame(7));
    CHECK_FALSE(sut.blame(7));
  }
}
