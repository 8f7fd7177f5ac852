// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "random_schedule.hpp"
#include "rig.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

namespace {

constexpr std::array<std::size_t, 5> kBlocks = {16, 64, 256, 1000, 4096};

// One engine for many schedules: what one leaves behind must not show in the next.
class Bench {
 public:
  explicit Bench(std::size_t block) : driver_(config(), block) {}

  static EngineConfig config() {
    EngineConfig made;
    made.outputs = kScheduleOutputs;
    made.buses = 1;
    made.voices = 64;
    made.actions = 512;
    made.sources = 8;
    made.event_capacity = 2048;
    return made;
  }

  Outcome play(const Schedule& schedule, std::uint32_t generation) {
    Outcome outcome;
    Engine& engine = driver_.engine();
    for (std::uint32_t v = 0; v < schedule.sources.size(); ++v) {
      const Oracle::Source& source = schedule.sources[v];
      SampleView view;
      view.data = source.data.data();
      view.length = static_cast<std::int64_t>(source.data.size());
      view.channels = 1;
      engine.set_samples(v, view);
    }
    for (const Command& command : voices_of(schedule, generation, 0)) {
      REQUIRE(driver_.submit(command));
    }
    driver_.events().clear();
    for (const Given& given : schedule.given) {
      driver_.submit_at(given.sample, given.batch);
    }
    outcome.out = driver_.render(static_cast<std::size_t>(kScheduleLength));
    for (const Event& event : driver_.events()) {
      if (is_compared(event.kind)) {
        outcome.happenings.push_back(happening(event));
      }
    }
    for (std::uint32_t v = 0; v < schedule.sources.size(); ++v) {
      REQUIRE(driver_.submit(remove_voice(make_voice(v, generation), kCommandForce)));
    }
    REQUIRE(engine.events_lost() == 0);
    return outcome;
  }

  [[nodiscard]] std::int64_t now() { return driver_.now(); }

 private:
  OfflineDriver driver_;
};

void compare(std::uint64_t seed, std::uint32_t schedules, Tally& tally) {
  ScheduleMaker maker(seed);
  std::vector<std::unique_ptr<Bench>> benches;
  for (const std::size_t block : kBlocks) {
    benches.push_back(std::make_unique<Bench>(block));
  }
  for (std::uint32_t n = 1; n <= schedules; ++n) {
    const std::int64_t begin = benches[0]->now();
    const Schedule schedule = maker.make(begin, n);
    Outcome right = expect(schedule, begin, kScheduleLength);
    sort(right.happenings);
    count(tally, right);
    for (std::size_t b = 0; b < kBlocks.size(); ++b) {
      Outcome seen = benches[b]->play(schedule, n);
      sort(seen.happenings);
      const bool equal = seen.happenings == right.happenings && seen.out == right.out;
      if (!equal) {
        MESSAGE("seed " << seed << ", schedule " << n << ", block " << kBlocks[b]);
        print(schedule);
        print("oracle", right.happenings);
        print("engine", seen.happenings);
      }
      REQUIRE(seen.happenings == right.happenings);
      REQUIRE((seen.out == right.out));
    }
  }
}

}  // namespace

TEST_SUITE("core/mixer/oracle") {
  TEST_CASE("oracle: random schedules give its samples and its events at every block size") {
    const std::uint64_t seed = from_environment("AVRIG_SEED", 20261120);
    const std::uint64_t schedules = from_environment("AVRIG_SCHEDULES", 10000);
    std::printf("seed %llu, %llu schedules\n",
                static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(schedules));
    // A fresh set of engines now and then, so that a failure is found again quickly.
    Tally tally;
    for (std::uint64_t done = 0; done < schedules; done += 500) {
      const std::uint64_t some = std::min<std::uint64_t>(500, schedules - done);
      compare(seed + done, static_cast<std::uint32_t>(some), tally);
    }
    CHECK(is_rich(tally, schedules));
  }
}
