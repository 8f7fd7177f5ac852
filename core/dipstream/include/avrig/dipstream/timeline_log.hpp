// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/kept_log.hpp>
#include <avrig/mixer/command.hpp>
#include <avrig/shm/two_copy.hpp>

#include <cstdint>
#include <functional>
#include <span>

namespace avrig::dipstream {

/// The log that a mixer's successor replays: every batch with the sample at which it was applied,
/// and how far the device had come. What lies before a Standpoint may be dropped.
///
/// Threads: `process` is the one that renders; `control` may be another.
class TimelineLog {
 public:
  /// The end of a mixer's newest cycle.
  struct Progress {
    std::int64_t sample;   ///< rendered so far
    std::int64_t frame;    ///< the same, as the device counts
    std::int64_t time_ns;  ///< CLOCK_MONOTONIC at which the next cycle is expected
    std::uint64_t epoch;
    std::uint64_t cycles;  ///< 0 = none yet
    double ns_per_sample;
    std::int64_t sigma_ns;
    std::uint64_t block;
    std::uint64_t freewheel;  ///< 1: its times were not those of any clock
  };
  static constexpr std::uint32_t kNoQueue = UINT32_MAX;
  struct Batch {
    std::int64_t sample;  ///< the first one that it can change
    std::uint64_t taken;  ///< records taken from its queue, these included
    std::uint32_t queue;  ///< kNoQueue: a break of the timeline
    std::uint32_t commands;
  };

  /// Go on with what a predecessor gave into keeping, or begin. Throws Error(Open).
  explicit TimelineLog(Keeper& keeper);

  /// False: there is no room now; nothing may be applied.      Thread: process      RT-safe: yes
  [[nodiscard]] bool batch(std::int64_t sample,
                           std::uint32_t queue,
                           std::uint64_t taken,
                           std::span<const mixer::Command> commands) noexcept;
  /// The same for a break of the timeline, which cannot wait: room is left for it.
  [[nodiscard]] bool jump(std::int64_t sample, const mixer::Command& command) noexcept;
  /// Thread: process      RT-safe: yes
  void came_to(const Progress& progress) noexcept { progress_->store(progress); }

  /// Thread: control
  void supply() { log_.supply(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return log_.bytes(); }
  [[nodiscard]] std::uint64_t written() const noexcept { return log_.written(); }
  /// Nobody is to replay it.      Thread: control
  void give_up() noexcept { log_.give_up(); }
  [[nodiscard]] Progress progress() const noexcept;
  /// As KeptLog::for_each().      Thread: control
  using Visit = std::function<bool(const Batch&, std::span<const mixer::Command>)>;
  KeptLog::Place for_each(KeptLog::Place from, const Visit& visit) const;
  /// What lies before this place is not needed any more.      Thread: control
  void drop_before(KeptLog::Place place) { log_.drop_before(place.chunk); }

 private:
  [[nodiscard]] bool append(const Batch& head,
                            std::span<const mixer::Command> commands,
                            std::uint64_t spare) noexcept;

  KeptLog log_;
  shm::Mapping place_;
  shm::TwoCopy<Progress>* progress_;
};

}  // namespace avrig::dipstream
