// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "oracle.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <vector>

namespace avrig::mixer::test {

inline constexpr std::int64_t kScheduleLength = 1200;
inline constexpr unsigned kScheduleOutputs = 3;

/// A batch, or samples that are lost, when `sample` is the next one to render.
struct Given {
  std::int64_t sample;
  std::vector<Command> batch;
  std::int64_t lost = 0;
};

struct Schedule {
  std::vector<Oracle::Source> sources;
  std::vector<Given> given;
};

/// Makes schedules at random: starts, stops, pauses and resumes, at times and with one another,
/// with offsets, loops and indices, alone and in batches; some of them wrong, some of them late.
class ScheduleMaker {
 public:
  /// `stretch`: by how much commands are spread wider than over kScheduleLength.
  explicit ScheduleMaker(std::uint64_t seed, int stretch = 1) : random_(seed), stretch_(stretch) {}

  /// One that begins at sample `begin`, for voices of that generation.
  [[nodiscard]] Schedule make(std::int64_t begin, std::uint32_t generation);

 private:
  void lose(Schedule& schedule, std::int64_t begin);
  [[nodiscard]] Oracle::Source source();
  [[nodiscard]] VoiceId voice();
  [[nodiscard]] When when(std::int64_t sample);
  [[nodiscard]] Command command(const Schedule& schedule, std::int64_t sample, bool in_batch);
  [[nodiscard]] Command start_command(const Schedule& schedule, VoiceId id, std::int64_t sample);
  [[nodiscard]] int pick(int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random_);
  }
  [[nodiscard]] bool chance(int percent) { return pick(1, 100) <= percent; }

  std::mt19937_64 random_;
  int stretch_;
  std::uint32_t generation_ = 0;
  std::uint64_t request_ = 0;
  int voices_ = 0;
};

/// The commands that make the voices of a schedule.
[[nodiscard]] std::vector<Command> voices_of(const Schedule& schedule,
                                             std::uint32_t generation,
                                             std::uint32_t first_source);

/// What a schedule comes to.
struct Outcome {
  std::vector<std::vector<float>> out;
  std::vector<Oracle::Happening> happenings;
  std::vector<bool> accepted;
};

/// By the oracle: `length` samples that are heard, from `begin` on.
[[nodiscard]] Outcome expect(const Schedule& schedule, std::int64_t begin, std::int64_t length);

/// Is this event part of an outcome?
[[nodiscard]] bool is_compared(EventKind kind);
/// An event as the oracle tells it.
[[nodiscard]] Oracle::Happening happening(const Event& event);
/// Into an order in which outcomes can be compared.
void sort(std::vector<Oracle::Happening>& happenings);

void print(const char* who, const std::vector<Oracle::Happening>& happenings);
void print(const Schedule& schedule);

/// What schedules contained, so that a generator that makes nothing happen is seen.
struct Tally {
  std::array<std::uint64_t, 32> kinds{};
  std::uint64_t refused = 0;
  std::uint64_t late = 0;
};

void count(Tally& tally, const Outcome& outcome);
/// Prints it; true where everything happened often enough.
[[nodiscard]] bool is_rich(const Tally& tally, std::uint64_t schedules);

/// A number from the environment, so that a run can be repeated or be a long one.
[[nodiscard]] std::uint64_t from_environment(const char* name, std::uint64_t otherwise);

}  // namespace avrig::mixer::test
