// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "storm.hpp"

#include <doctest/doctest.h>

using namespace avrig::e2e;

TEST_SUITE("pipeline/storm") {
  TEST_CASE("storm: a stage killed every 100 ms changes no picture and no sample") {
    Rig rig;
    make_clip(rig, {.seconds = 2.0});
    check_storm(rig, {.loops = 50, .kills_each = 20});
  }
}
