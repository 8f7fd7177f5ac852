// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "sleeper.hpp"
#include <avrig/launch/scheduling.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig;
using launch::testing::Sleeper;

namespace {

spec::StageSpec stage(const std::string& id, const std::vector<std::string>& inputs) {
  spec::StageSpec out;
  out.id = id;
  for (const std::string& from : inputs) {
    spec::InputSpec input;
    input.stage = from;
    out.inputs.push_back(input);
  }
  return out;
}

spec::PipelineSpec chain() {
  spec::PipelineSpec out;
  out.offline = true;
  out.stages = {stage("clip", {}),
                stage("clean", {"clip"}),
                stage("blur", {"clip"}),
                stage("mark", {"blur"}),
                stage("take", {"clean", "mark"}),
                stage("alone", {})};
  return out;
}

int own_nice() {
  return ::getpriority(PRIO_PROCESS, 0);
}

}  // namespace

TEST_SUITE("launch/scheduling") {
  TEST_CASE("scheduling: offline, a stage yields to those behind it, the further the more") {
    const spec::PipelineSpec spec = chain();
    CHECK(launch::offline_niceness(spec, "take") == 0);
    CHECK(launch::offline_niceness(spec, "alone") == 0);
    CHECK(launch::offline_niceness(spec, "clean") == 10);
    CHECK(launch::offline_niceness(spec, "mark") == 10);
    CHECK(launch::offline_niceness(spec, "blur") == 15);
    CHECK(launch::offline_niceness(spec, "clip") == 19);
  }

  TEST_CASE("scheduling: the process gets it, live ones stay, and what the file says counts") {
    spec::PipelineSpec spec = chain();
    const Sleeper blur;
    CHECK(launch::apply_scheduling(spec, spec.stages[2], blur.pid()).empty());
    CHECK(blur.nice() == std::min(19, own_nice() + 15));
    spec.stages[2].nice = 18;
    CHECK(launch::apply_scheduling(spec, spec.stages[2], blur.pid()).empty());
    CHECK(blur.nice() == 18);
    spec.offline = false;
    const Sleeper live;
    CHECK(launch::apply_scheduling(spec, spec.stages[1], live.pid()).empty());
    CHECK(live.nice() == own_nice());
  }

  TEST_CASE("scheduling: a live stage that comes back goes ahead of others until it is there") {
    spec::PipelineSpec spec = chain();
    spec.offline = false;
    const Sleeper clean;
    const launch::Haste sut = launch::hasten(spec, spec.stages[1], clean.pid());
    // Not everybody may; then nothing changes.
    CHECK(clean.nice() ==
          (sut == launch::Haste::Yes ? std::max(-20, own_nice() - 10) : own_nice()));
    launch::end_haste(spec, spec.stages[1], clean.pid());
    CHECK(clean.nice() == own_nice());
    spec.stages[1].nice = 3;
    CHECK(launch::hasten(spec, spec.stages[1], clean.pid()) == launch::Haste::No);
    spec.stages[1].nice = 0;
    spec.offline = true;
    CHECK(launch::hasten(spec, spec.stages[1], clean.pid()) == launch::Haste::No);
    CHECK(clean.nice() == own_nice());
  }

  TEST_CASE("scheduling: what the system refuses is named") {
    spec::PipelineSpec spec = chain();
    spec.stages[0].cpus = {1023};
    const Sleeper clip;
    CHECK(launch::apply_scheduling(spec, spec.stages[0], clip.pid()) == " cpus");
  }
}
