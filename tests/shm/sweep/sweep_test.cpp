// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#define DOCTEST_CONFIG_IMPLEMENT
#include "scene.hpp"
#include "stepper.hpp"
#include <avrig/shm/sync_block.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <random>
#include <sched.h>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig::shm;
using namespace avrig::shm::testing;

namespace {

constexpr std::size_t kEvery = 3000;   // up to here each instruction is a crash point
constexpr std::size_t kSampled = 101;  // beyond, each of these

struct Outcome {
  std::size_t points = 0;
  std::size_t passages = 0;
  std::size_t wrong = 0;
  std::string first;  // what was wrong first
};

// What a killed stage's process did: from its start on as far as it gets alone.
void live_alone(Scene& scene, Role role) {
  const std::unique_ptr<Stage> stage = scene.start(role);
  while (stage->step()) {
  }
}

struct Case {
  Flow flow;
  Mutant mutant;
  SweepWindow window;
  Role victim;
  int rounds;  // how far the rig has come before
};

void judge(Scene& scene, Outcome& outcome, const Case& what, std::size_t passage, std::size_t k) {
  const std::string wrong = scene.finish();
  if (!wrong.empty() && outcome.wrong++ == 0) {
    outcome.first = std::string(name_of(what.victim)) + " killed after instruction " +
                    std::to_string(k) + " of passage " + std::to_string(passage) + ": " + wrong;
  }
}

void crash(Scene& scene,
           Outcome& outcome,
           const Case& what,
           const Passage& known,
           std::size_t passage,
           std::size_t k) {
  scene.prepare(what.victim, what.rounds);
  {
    Stepper stage([&] { live_alone(scene, what.victim); }, what.window);
    for (std::size_t entry = 0; entry <= passage; ++entry) {
      if (!stage.enter()) {
        break;
      }
    }
    (void)stage.run_to(known, k);
    stage.kill();
  }
  ++outcome.points;
  scene.restart(what.victim);
  if (k % 2 == 1) {
    scene.restart_all();  // everybody died
  }
  judge(scene, outcome, what, passage, k);
}

// Each passage of the victim through the window, each instruction of it.
void sweep(Outcome& outcome, const Case& what, std::size_t stride = 1) {
  Scene scene(what.flow, what.mutant);
  std::vector<Passage> passages;
  scene.prepare(what.victim, what.rounds);
  {
    Stepper stage([&] { live_alone(scene, what.victim); }, what.window);
    while (stage.enter()) {
      passages.push_back(stage.record(20'000));
    }
  }
  outcome.passages += passages.size();
  for (std::size_t passage = 0; passage < passages.size(); ++passage) {
    for (std::size_t k = 0; k < passages[passage].size();
         k += k < kEvery ? stride : std::max(stride, kSampled)) {
      crash(scene, outcome, what, passages[passage], passage, k);
    }
  }
}

// All of the first victim's instructions, and every fifth of the others': they run the same code
// on another page.
Outcome sweep_all(SweepWindow window,
                  Flow flow,
                  std::initializer_list<Role> victims,
                  std::initializer_list<int> rounds) {
  constexpr std::size_t kOthers = 5;
  Outcome outcome;
  std::size_t stride = flow == Flow::Lossless ? 1 : kOthers;
  for (const Role victim : victims) {
    for (const int round : rounds) {
      sweep(outcome, {flow, Mutant::None, window, victim, round}, stride);
      stride = kOthers;
    }
  }
  return outcome;
}

void report(const char* window, const Outcome& outcome) {
  std::printf("sweep: %-22s %6zu crash points in %3zu passages, %zu wrong%s%s\n",
              window,
              outcome.points,
              outcome.passages,
              outcome.wrong,
              outcome.first.empty() ? "" : ": ",
              outcome.first.c_str());
  std::fflush(stdout);
  CHECK_MESSAGE(outcome.wrong == 0, outcome.first);
  CHECK(outcome.points > 20);
}

}  // namespace

TEST_SUITE("shm/sweep") {
  TEST_CASE("sweep: a maker killed while it publishes") {
    report("publish", sweep_all(SweepWindow::Publish, Flow::Lossless, {Role::Maker}, {5, 0}));
    report("publish, live", sweep_all(SweepWindow::Publish, Flow::Live, {Role::Maker}, {4}));
  }
  TEST_CASE("sweep: an editor killed while it edits") {
    report("edit", sweep_all(SweepWindow::Edit, Flow::Lossless, {Role::Undo, Role::Rerun}, {6, 3}));
  }
  TEST_CASE("sweep: a follower killed while it advances") {
    report("advance",
           sweep_all(SweepWindow::Advance,
                     Flow::Lossless,
                     {Role::Raw,
                      Role::Rerun,
                      Role::Undo,
                      Role::Gate,
                      Role::Recorder,
                      Role::Preview,
                      Role::Presenter},
                     {5}));
    report("advance, live",
           sweep_all(SweepWindow::Advance, Flow::Live, {Role::Recorder, Role::Preview}, {3}));
  }
  TEST_CASE("sweep: a gate killed while it refers") {
    report("refer", sweep_all(SweepWindow::Refer, Flow::Lossless, {Role::Gate}, {6, 0}));
  }
  TEST_CASE("sweep: a stage killed while it stores a two-copy state") {
    report("sync-state store",
           sweep_all(SweepWindow::SyncStore,
                     Flow::Lossless,
                     {Role::Recorder, Role::Preview, Role::Undo},
                     {6}));
    report("sync-state store, live",
           sweep_all(SweepWindow::SyncStore, Flow::Live, {Role::Recorder, Role::Preview}, {3}));
  }
  TEST_CASE("sweep: a member of a sync group killed while it says how far it is") {
    Outcome outcome;
    const auto state_of = [](std::uint64_t number) {
      SyncSection state{};
      state.released = number;
      state.t0_ns = static_cast<std::int64_t>(number);
      state.offset_last_ns = static_cast<std::int64_t>(number);
      return state;
    };
    const auto write_three = [&](const Segment& memory) {
      SyncBlock block(memory, 0);
      for (std::uint64_t number = block.own().released + 1; number <= 3; ++number) {
        block.write(state_of(number));
      }
    };
    std::vector<Passage> passages;
    {
      const Segment memory = SyncBlock::create(2, 0);
      Stepper stage([&] { write_three(memory); }, SweepWindow::SyncStore);
      while (stage.enter()) {
        passages.push_back(stage.record(kEvery));
      }
    }
    outcome.passages = passages.size();
    for (std::size_t passage = 0; passage < passages.size(); ++passage) {
      for (std::size_t k = 0; k < passages[passage].size(); ++k) {
        const Segment memory = SyncBlock::create(2, 0);
        Stepper stage([&] { write_three(memory); }, SweepWindow::SyncStore);
        for (std::size_t entry = 0; entry <= passage; ++entry) {
          (void)stage.enter();
        }
        (void)stage.run_to(passages[passage], k);
        stage.kill();
        ++outcome.points;
        const SyncBlock block(memory, std::nullopt);
        const SyncSection left = block.read(0);
        const bool whole = left.t0_ns == static_cast<std::int64_t>(left.released) &&
                           left.offset_last_ns == left.t0_ns;
        write_three(memory);
        if (!whole || left.released < passage || left.released > passage + 1 ||
            block.read(0).released != 3) {
          ++outcome.wrong;
          outcome.first = "a half-written section";
        }
      }
    }
    report("sync block", outcome);
  }
  TEST_CASE("sweep: a stage killed between mapped and registered") {
    report("attach",
           sweep_all(SweepWindow::Attach,
                     Flow::Lossless,
                     {Role::Undo, Role::Maker, Role::Gate, Role::Recorder},
                     {5}));
  }
  TEST_CASE("sweep: a stage killed while it recovers") {
    report("recovery",
           sweep_all(SweepWindow::Recover,
                     Flow::Lossless,
                     {Role::Maker, Role::Undo, Role::Gate, Role::Recorder},
                     {6}));
    report("recovery, live",
           sweep_all(SweepWindow::Recover, Flow::Live, {Role::Maker, Role::Preview}, {10}));
  }
  TEST_CASE("sweep: a maker killed while it reclaims") {
    report("reclaim",
           sweep_all(SweepWindow::Reclaim, Flow::Lossless, {Role::Maker, Role::Gate}, {5}));
    report("reclaim, live", sweep_all(SweepWindow::Reclaim, Flow::Live, {Role::Maker}, {4}));
  }

  TEST_CASE("sweep: a stage killed at work, and its successor while it heals") {
    Outcome outcome;
    std::mt19937 random(1);
    const auto pick = [&](std::size_t below) {
      return random() % below;
    };
    for (const auto& [window, victim] : {std::pair{SweepWindow::Edit, Role::Undo},
                                         std::pair{SweepWindow::Advance, Role::Preview},
                                         std::pair{SweepWindow::Refer, Role::Gate},
                                         std::pair{SweepWindow::Publish, Role::Maker}}) {
      const Case what{Flow::Lossless, Mutant::None, window, victim, 6};
      Scene scene(what.flow, what.mutant);
      for (int pair = 0; pair < 40; ++pair) {
        scene.prepare(victim, what.rounds);
        std::size_t step = 0;
        for (const SweepWindow now : {window, SweepWindow::Recover, SweepWindow::Recover}) {
          Stepper stage([&] { live_alone(scene, victim); }, now);
          if (stage.enter()) {
            step = pick(200);
            (void)stage.record(step);
          }
        }
        ++outcome.points;
        scene.restart(victim);
        judge(scene, outcome, what, 0, step);
      }
    }
    report("three deaths in a row", outcome);
  }

  TEST_CASE("sweep: finds an editor without a before-image") {
    Outcome outcome;
    sweep(outcome, {Flow::Lossless, Mutant::NoBeforeImage, SweepWindow::Edit, Role::Undo, 6});
    std::printf("sweep: mutant without before-image: %zu of %zu points wrong: %s\n",
                outcome.wrong,
                outcome.points,
                outcome.first.c_str());
    CHECK(outcome.wrong > 0);
  }
  TEST_CASE("sweep: finds a maker that keeps its progress beside its output") {
    Outcome outcome;
    sweep(outcome, {Flow::Lossless, Mutant::OwnProgressWord, SweepWindow::Publish, Role::Maker, 5});
    std::printf("sweep: mutant with a second commit: %zu of %zu points wrong: %s\n",
                outcome.wrong,
                outcome.points,
                outcome.first.c_str());
    CHECK(outcome.wrong > 0);
  }
  TEST_CASE("sweep: finds a looker that completes a frame before it has looked") {
    Outcome outcome;
    sweep(outcome,
          {Flow::Lossless, Mutant::CompletesFirst, SweepWindow::Advance, Role::Recorder, 5});
    std::printf("sweep: mutant that completes first: %zu of %zu points wrong: %s\n",
                outcome.wrong,
                outcome.points,
                outcome.first.c_str());
    CHECK(outcome.wrong > 0);
  }
}

int main(int argc, char** argv) {
  if (!can_trace()) {
    std::puts("sweep: skipped, this machine forbids ptrace");
    return 77;
  }
  // Tracer and stage take turns: on one core a step costs a third.
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
  (void)::sched_setaffinity(0, sizeof one, &one);
  return doctest::Context(argc, argv).run();
}
