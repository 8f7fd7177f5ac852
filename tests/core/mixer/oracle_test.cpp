// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "oracle.hpp"

#include "rig.hpp"
#include <avrig/mixer/gain.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

namespace {

constexpr std::int64_t kLength = 1200;
constexpr unsigned kOutputs = 3;
constexpr std::array<std::size_t, 5> kBlocks = {16, 64, 256, 1000, 4096};

// A batch, or samples that are lost, when `sample` is the next one to render.
struct Given {
  std::int64_t sample;
  std::vector<Command> batch;
  std::int64_t lost = 0;
};

struct Schedule {
  std::vector<Oracle::Source> sources;
  std::vector<Given> given;
};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  Schedule make(std::int64_t begin, std::uint32_t generation) {
    begin_ = begin;
    generation_ = generation;
    Schedule schedule;
    voices_ = pick(2, 6);
    for (int v = 0; v < voices_; ++v) {
      schedule.sources.push_back(source());
    }
    std::vector<std::int64_t> samples(static_cast<std::size_t>(pick(2, 12)));
    for (std::int64_t& sample : samples) {
      sample = begin + (chance(50) ? 0 : pick(0, static_cast<int>(kLength) - 200));
    }
    std::sort(samples.begin(), samples.end());
    for (std::uint32_t v = 0; v < schedule.sources.size(); ++v) {
      if (chance(75)) {
        Command made = start_command(schedule, make_voice(v, generation), begin);
        made.request = ++request_;
        schedule.given.push_back({begin, {made}, 0});
      }
    }
    for (const std::int64_t sample : samples) {
      Given given{sample, {}, 0};
      const int count = chance(30) ? pick(2, 4) : 1;
      for (int i = 0; i < count; ++i) {
        given.batch.push_back(command(schedule, sample, count > 1));
      }
      schedule.given.push_back(given);
      const Command& first = given.batch[0];
      if (count == 1 && first.kind == CommandKind::Pause && chance(70)) {
        Command back = resume(first.voice, chance(70) ? at(sample + pick(0, 300)) : when(sample));
        back.request = ++request_;
        schedule.given.push_back({sample, {back}, 0});
      }
    }
    if (chance(20)) {
      lose(schedule, begin);
    }
    return schedule;
  }

 private:
  // What was meant for a sample that is never rendered comes right after it.
  void lose(Schedule& schedule, std::int64_t begin) {
    const std::int64_t from = begin + pick(1, 900);
    const std::int64_t to = from + pick(1, 200);
    std::size_t at = 0;
    while (at < schedule.given.size() && schedule.given[at].sample < from) {
      ++at;
    }
    for (std::size_t i = at; i < schedule.given.size(); ++i) {
      schedule.given[i].sample = std::max(schedule.given[i].sample, to);
    }
    const Command jumped = jump(to - from, static_cast<std::uint32_t>(pick(0, 3)));
    const auto place = schedule.given.begin() + static_cast<std::ptrdiff_t>(at);
    schedule.given.insert(place, Given{from, {jumped}, to - from});
  }

  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool chance(int percent) { return pick(1, 100) <= percent; }

  Oracle::Source source() {
    Oracle::Source made;
    made.data.resize(static_cast<std::size_t>(chance(15) ? pick(1, 4) : pick(5, 800)));
    for (float& x : made.data) {
      x = static_cast<float>(pick(-32768, 32767)) / 100000.0F;
    }
    made.gain = chance(50) ? 1.0F : db_to_linear(pick(-20, 6));
    made.outputs = {static_cast<unsigned>(pick(0, kOutputs - 1))};
    if (chance(60)) {
      made.outputs.push_back((made.outputs[0] + 1) % kOutputs);
    }
    return made;
  }

  VoiceId voice() {
    return make_voice(static_cast<std::uint32_t>(pick(0, voices_ - 1)), generation_);
  }

  When when(std::int64_t sample) {
    const int kind = pick(0, 9);
    if (kind < 2) {
      return now();
    }
    if (kind < 5) {
      return at(sample + pick(-80, 500));
    }
    const std::int64_t offset = chance(40) ? 0 : pick(-150, 300);
    return kind < 7 ? with_start(voice(), offset) : with_end(voice(), offset);
  }

  Command command(const Schedule& schedule, std::int64_t sample, bool in_batch) {
    const VoiceId id = voice();
    const int kind = pick(0, 99);
    Command made;
    if (kind < 36) {
      made = start_command(schedule, id, sample);
    } else if (kind < 56) {
      made = stop(id, when(sample));
    } else if (kind < 76) {
      made = pause(id, chance(60) ? at(sample + pick(0, 100)) : when(sample));
    } else if (kind < 95 || in_batch || request_ == 0) {
      made = resume(id, when(sample));
    } else {
      made = cancel(id,
                    static_cast<std::uint64_t>(std::max<std::int64_t>(
                        1, static_cast<std::int64_t>(request_) - pick(0, 8))));
    }
    made.request = ++request_;
    return made;
  }

  Command start_command(const Schedule& schedule, VoiceId id, std::int64_t sample) {
    const int length = static_cast<int>(schedule.sources[slot_of(id)].data.size());
    LoopSpec loop = kNoLoop;
    if (chance(40)) {
      loop = {0, 0, chance(50) ? 0 : pick(2, 5)};
      if (chance(50)) {
        loop.begin = pick(0, length - 1);
        loop.end = pick(static_cast<int>(loop.begin) + 1, length);
      }
    }
    const int index = chance(60) ? 0 : chance(95) ? pick(0, length - 1) : length;
    return start(id, when(sample), loop, index, static_cast<Late>(pick(0, 2)));
  }

  std::mt19937_64 random_;
  std::int64_t begin_ = 0;
  std::uint32_t generation_ = 0;
  std::uint64_t request_ = 0;
  int voices_ = 0;
};

bool is_compared(EventKind kind) {
  return kind == EventKind::Started || kind == EventKind::Ended || kind == EventKind::Paused ||
         kind == EventKind::Resumed || kind == EventKind::Dropped || kind == EventKind::Cancelled;
}

struct Outcome {
  std::vector<std::vector<float>> out;
  std::vector<Oracle::Happening> happenings;
  std::vector<bool> accepted;
};

Outcome expect(const Schedule& schedule, std::int64_t begin) {
  Outcome outcome;
  outcome.out.resize(kOutputs);
  Oracle oracle(schedule.sources, kOutputs, begin);
  std::size_t next = 0;
  while (oracle.now() < begin + kLength) {
    while (next < schedule.given.size() && schedule.given[next].sample <= oracle.now()) {
      const Given& given = schedule.given[next++];
      if (given.lost > 0) {
        oracle.lose(given.lost);
      } else {
        outcome.accepted.push_back(oracle.apply(given.batch));
      }
    }
    const std::vector<float> row = oracle.step();
    for (unsigned o = 0; o < kOutputs; ++o) {
      outcome.out[o].push_back(row[o]);
    }
  }
  outcome.happenings = oracle.happenings();
  return outcome;
}

// One engine for many schedules: what one leaves behind must not show in the next.
class Bench {
 public:
  explicit Bench(std::size_t block) : driver_(config(), block) {}

  static EngineConfig config() {
    EngineConfig made;
    made.outputs = kOutputs;
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
      Command add = add_voice(make_voice(v, generation), v, {});
      for (const unsigned output : source.outputs) {
        add.as.add.output[add.as.add.lanes++] = static_cast<std::uint8_t>(output);
      }
      add.as.add.gain_db = 0.0F;
      REQUIRE(driver_.submit(add));
      if (source.gain != 1.0F) {
        const double db = 20.0 * std::log10(static_cast<double>(source.gain));
        REQUIRE(driver_.submit(set_gain(make_voice(v, generation), std::round(db), When{}, 0)));
      }
    }
    driver_.events().clear();
    for (const Given& given : schedule.given) {
      driver_.submit_at(given.sample, given.batch);
    }
    outcome.out = driver_.render(static_cast<std::size_t>(kLength));
    for (const Event& event : driver_.events()) {
      if (is_compared(event.kind)) {
        const bool cancelled = event.kind == EventKind::Cancelled;
        outcome.happenings.emplace_back(event.kind,
                                        slot_of(event.voice),
                                        event.sample,
                                        cancelled ? 0 : event.late,
                                        cancelled ? 0 : event.play);
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

void print(const char* who, const std::vector<Oracle::Happening>& happenings) {
  for (const auto& [kind, slot, sample, late, play] : happenings) {
    std::printf("%s: %s voice %u sample %lld late %lld play %u\n",
                who,
                to_string(kind),
                slot,
                static_cast<long long>(sample),
                static_cast<long long>(late),
                play);
  }
}

void print(const Schedule& schedule) {
  for (std::size_t v = 0; v < schedule.sources.size(); ++v) {
    std::printf("voice %zu: %zu samples\n", v, schedule.sources[v].data.size());
  }
  for (const Given& given : schedule.given) {
    for (const Command& one : given.batch) {
      std::printf(
          "%lld%s: #%llu kind %u voice %u when %u voice %u %lld, loop %lld %lld %lld idx "
          "%lld late %u\n",
          static_cast<long long>(given.sample),
          given.batch.size() > 1 ? " (batch)" : "",
          static_cast<unsigned long long>(one.request),
          static_cast<unsigned>(one.kind),
          slot_of(one.voice),
          static_cast<unsigned>(one.when.kind),
          slot_of(one.when.voice),
          static_cast<long long>(one.when.sample),
          static_cast<long long>(one.as.start.loop.begin),
          static_cast<long long>(one.as.start.loop.end),
          static_cast<long long>(one.as.start.loop.count),
          static_cast<long long>(one.as.start.starting_idx),
          static_cast<unsigned>(one.as.start.late));
    }
  }
}

void sort(std::vector<Oracle::Happening>& happenings) {
  for (Oracle::Happening& one : happenings) {
    if (std::get<0>(one) == EventKind::Cancelled) {
      std::get<4>(one) = 0;
    }
  }
  std::sort(happenings.begin(), happenings.end());
}

// What the schedules contained, so that a generator that makes nothing happen is seen.
struct Tally {
  std::array<std::uint64_t, 32> kinds{};
  std::uint64_t refused = 0;
  std::uint64_t late = 0;
};

void count(Tally& tally, const Outcome& outcome) {
  for (const Oracle::Happening& one : outcome.happenings) {
    ++tally.kinds[static_cast<std::size_t>(std::get<0>(one))];
    tally.late += std::get<3>(one) > 0 ? 1U : 0U;
  }
  tally.refused += static_cast<std::uint64_t>(
      std::count(outcome.accepted.begin(), outcome.accepted.end(), false));
}

void compare(std::uint64_t seed, std::uint32_t schedules, Tally& tally) {
  Maker maker(seed);
  std::vector<std::unique_ptr<Bench>> benches;
  for (const std::size_t block : kBlocks) {
    benches.push_back(std::make_unique<Bench>(block));
  }
  for (std::uint32_t n = 1; n <= schedules; ++n) {
    const std::int64_t begin = benches[0]->now();
    const Schedule schedule = maker.make(begin, n);
    Outcome right = expect(schedule, begin);
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

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
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
    for (const EventKind kind : {EventKind::Started,
                                 EventKind::Ended,
                                 EventKind::Paused,
                                 EventKind::Resumed,
                                 EventKind::Dropped,
                                 EventKind::Cancelled}) {
      const std::uint64_t seen = tally.kinds[static_cast<std::size_t>(kind)];
      std::printf("%s %llu\n", to_string(kind), static_cast<unsigned long long>(seen));
      CHECK(seen > schedules / 20);
    }
    std::printf("late %llu, batches refused %llu\n",
                static_cast<unsigned long long>(tally.late),
                static_cast<unsigned long long>(tally.refused));
    CHECK(tally.late > schedules / 20);
    CHECK(tally.refused > schedules / 20);
  }
}
