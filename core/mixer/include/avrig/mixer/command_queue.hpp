// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/engine.hpp>
#include <avrig/mixer/spsc_ring.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace avrig::mixer {

/// Hears of every batch that is applied, before it is: the log that a successor replays.
class CommandLog {
 public:
  virtual ~CommandLog() = default;
  /// `sample` is the first one that the batch can change.
  ///
  /// Thread: process      RT-safe: must be
  virtual void applied(std::int64_t sample, std::span<const Command> batch) noexcept = 0;
};

/// Commands of one client on their way to the engine: bounded, a batch at a time.
class CommandQueue {
 public:
  explicit CommandQueue(std::size_t capacity = 4096) : ring_(capacity) {}

  /// Queue a batch: all of it, or nothing when there is no room (or it is too long).
  ///
  /// Thread: producer      RT-safe: yes (wait-free)
  [[nodiscard]] bool push(std::span<const Command> batch) noexcept;
  [[nodiscard]] bool push(const Command& command) noexcept { return push(std::span(&command, 1)); }

  /// Apply what waits, at most `cap` commands, to the engine; a batch that no longer fits waits for
  /// the next block. Returns how many commands were taken.
  ///
  /// Thread: process      RT-safe: yes
  std::size_t drain(Engine& engine, std::size_t cap = 256, CommandLog* log = nullptr) noexcept;

 private:
  SpscRing<Command> ring_;
  Command batch_[kMaxBatch];
};

}  // namespace avrig::mixer
