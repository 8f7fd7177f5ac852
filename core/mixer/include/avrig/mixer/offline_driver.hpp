// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/engine.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace avrig::mixer {

/// A command and the sample at which it was, or shall be, applied: a line of the log.
struct LoggedCommand {
  std::int64_t sample;
  Command command;
};

/// The device-free twin of a sound card: an engine on a virtual clock.
///
/// Time is samples rendered. Commands that are submitted are applied at the next block, or exactly
/// at the sample they are submitted for; a block is cut there.
class OfflineDriver {
 public:
  using Sink = std::function<void(std::span<float* const> outputs, std::size_t samples)>;

  OfflineDriver(const EngineConfig& config, std::size_t block);

  [[nodiscard]] Engine& engine() noexcept { return engine_; }
  [[nodiscard]] std::int64_t now() const noexcept { return engine_.position(); }
  /// Virtual monotonic time of the first sample that is not rendered yet.
  [[nodiscard]] std::int64_t now_ns() const noexcept;

  /// Apply a batch before the next sample is rendered; returns whether it was accepted.
  bool submit(std::span<const Command> batch);
  bool submit(const Command& command) { return submit(std::span(&command, 1)); }
  /// Apply a batch exactly when `sample` is the next one to render.
  void submit_at(std::int64_t sample, std::span<const Command> batch);
  void submit_at(std::int64_t sample, const Command& command) {
    submit_at(sample, std::span(&command, 1));
  }

  /// Render to `sample`, in blocks; `sink` gets each of them.
  void run_to(std::int64_t sample, const Sink& sink);
  /// Render `samples` more samples and keep them: one vector an output.
  [[nodiscard]] std::vector<std::vector<float>> render(std::size_t samples);

  /// All that was applied, in order: replay() of it makes an equal engine.
  [[nodiscard]] const std::vector<LoggedCommand>& log() const noexcept { return log_; }
  /// All events so far, taken from the engine.
  [[nodiscard]] std::vector<Event>& events();

 private:
  struct Waiting {
    std::int64_t sample;
    std::vector<Command> batch;
  };

  Engine engine_;
  std::size_t block_;
  std::vector<std::vector<float>> rows_;
  std::vector<float*> pointers_;
  std::vector<Waiting> waiting_;  // by sample, first come first
  std::vector<LoggedCommand> log_;
  std::vector<Event> events_;
};

/// Bring a fresh engine to where a log ends, and on to `sample`, without rendering. The first
/// command of a batch carries its length, so that batches stay whole.
void replay(Engine& engine, std::span<const LoggedCommand> log, std::int64_t sample) noexcept;

}  // namespace avrig::mixer
