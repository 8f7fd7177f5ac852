// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "random_schedule.hpp"

#include <avrig/mixer/commands.hpp>
#include <avrig/mixer/gain.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace avrig::mixer::test {

Schedule ScheduleMaker::make(std::int64_t begin, std::uint32_t generation) {
  generation_ = generation;
  Schedule schedule;
  voices_ = pick(2, 6);
  for (int v = 0; v < voices_; ++v) {
    schedule.sources.push_back(source());
  }
  std::vector<std::int64_t> samples(static_cast<std::size_t>(pick(2, 12)));
  for (std::int64_t& sample : samples) {
    sample = begin + (chance(50) ? 0 : pick(0, static_cast<int>(kScheduleLength) * stretch_ - 200));
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

// What was meant for a sample that is never rendered comes right after it.
void ScheduleMaker::lose(Schedule& schedule, std::int64_t begin) {
  const std::int64_t from = begin + stretch_ * pick(1, 900);
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

Oracle::Source ScheduleMaker::source() {
  Oracle::Source made;
  made.data.resize(static_cast<std::size_t>(chance(15) ? pick(1, 4) : pick(5, 800)));
  for (float& x : made.data) {
    x = static_cast<float>(pick(-32768, 32767)) / 100000.0F;
  }
  made.gain = chance(50) ? 1.0F : db_to_linear(pick(-20, 6));
  made.outputs = {static_cast<unsigned>(pick(0, kScheduleOutputs - 1))};
  if (chance(60)) {
    made.outputs.push_back((made.outputs[0] + 1) % kScheduleOutputs);
  }
  return made;
}

VoiceId ScheduleMaker::voice() {
  return make_voice(static_cast<std::uint32_t>(pick(0, voices_ - 1)), generation_);
}

When ScheduleMaker::when(std::int64_t sample) {
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

Command ScheduleMaker::command(const Schedule& schedule, std::int64_t sample, bool in_batch) {
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
                  static_cast<std::uint64_t>(
                      std::max<std::int64_t>(1, static_cast<std::int64_t>(request_) - pick(0, 8))));
  }
  made.request = ++request_;
  return made;
}

Command ScheduleMaker::start_command(const Schedule& schedule, VoiceId id, std::int64_t sample) {
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

std::vector<Command> voices_of(const Schedule& schedule,
                               std::uint32_t generation,
                               std::uint32_t first_source) {
  std::vector<Command> commands;
  for (std::uint32_t v = 0; v < schedule.sources.size(); ++v) {
    const Oracle::Source& source = schedule.sources[v];
    Command add = add_voice(make_voice(v, generation), first_source + v, {});
    for (const unsigned output : source.outputs) {
      add.as.add.output[add.as.add.lanes++] = static_cast<std::uint8_t>(output);
    }
    commands.push_back(add);
    if (source.gain != 1.0F) {
      const double db = 20.0 * std::log10(static_cast<double>(source.gain));
      commands.push_back(set_gain(make_voice(v, generation), std::round(db), When{}, 0));
    }
  }
  return commands;
}

Outcome expect(const Schedule& schedule, std::int64_t begin, std::int64_t length) {
  Outcome outcome;
  outcome.out.resize(kScheduleOutputs);
  Oracle oracle(schedule.sources, kScheduleOutputs, begin);
  std::size_t next = 0;
  while (oracle.now() < begin + length) {
    while (next < schedule.given.size() && schedule.given[next].sample <= oracle.now()) {
      const Given& given = schedule.given[next++];
      if (given.lost > 0) {
        oracle.lose(given.lost);
      } else {
        outcome.accepted.push_back(oracle.apply(given.batch));
      }
    }
    const std::vector<float> row = oracle.step();
    for (unsigned o = 0; o < kScheduleOutputs; ++o) {
      outcome.out[o].push_back(row[o]);
    }
  }
  outcome.happenings = oracle.happenings();
  return outcome;
}

bool is_compared(EventKind kind) {
  return kind == EventKind::Started || kind == EventKind::Ended || kind == EventKind::Paused ||
         kind == EventKind::Resumed || kind == EventKind::Dropped || kind == EventKind::Cancelled;
}

Oracle::Happening happening(const Event& event) {
  const bool cancelled = event.kind == EventKind::Cancelled;
  return {event.kind,
          slot_of(event.voice),
          event.sample,
          cancelled ? 0 : event.late,
          cancelled ? 0 : event.play};
}

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

void count(Tally& tally, const Outcome& outcome) {
  for (const Oracle::Happening& one : outcome.happenings) {
    ++tally.kinds[static_cast<std::size_t>(std::get<0>(one))];
    tally.late += std::get<3>(one) > 0 ? 1U : 0U;
  }
  tally.refused += static_cast<std::uint64_t>(
      std::count(outcome.accepted.begin(), outcome.accepted.end(), false));
}

bool is_rich(const Tally& tally, std::uint64_t schedules) {
  bool rich = tally.late > schedules / 20 && tally.refused > schedules / 20;
  for (const EventKind kind : {EventKind::Started,
                               EventKind::Ended,
                               EventKind::Paused,
                               EventKind::Resumed,
                               EventKind::Dropped,
                               EventKind::Cancelled}) {
    const std::uint64_t seen = tally.kinds[static_cast<std::size_t>(kind)];
    std::printf("%s %llu\n", to_string(kind), static_cast<unsigned long long>(seen));
    rich = rich && seen > schedules / 20;
  }
  std::printf("late %llu, batches refused %llu\n",
              static_cast<unsigned long long>(tally.late),
              static_cast<unsigned long long>(tally.refused));
  return rich;
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace avrig::mixer::test
