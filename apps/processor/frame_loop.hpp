// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "input_set.hpp"
#include "output_port.hpp"
#include "services.hpp"
#include "terms.hpp"
#include <avrig/plugin/instance.hpp>
#include <avrig/stage/io.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace avrig::processor {

/// The part of an output: which delivery of its origin, then which output of that.
inline constexpr std::uint32_t kOrdinalShift = 16;

/// Runs a plug-in that makes frames from frames, or only looks at them.
///
/// A *step* is what one delivery comes to: one call of the plug-in, or several where it says Again.
/// Its outputs are published first, then its inputs completed, so that a successor finds in the
/// newest descriptor which step was the last, does its history again unpublished, and goes on.
///
/// Thread: the stage's own
class FrameLoop {
 public:
  /// `reconfigure` settles the formats again, between stop() and start().
  FrameLoop(stage::StageIo& io,
            const Terms& terms,
            plugin::PluginInstance& instance,
            Services& services,
            std::function<void()> reconfigure);

  /// Until every input has ended, or the run is abandoned.
  void run();

 private:
  // frame_loop.cpp: steps
  void resume();
  void wait_for_work() noexcept;
  void step();
  void set_aside();
  [[nodiscard]] std::int32_t call(bool draining, std::uint32_t& sub, std::uint32_t base);
  void deliver(std::int32_t status, std::uint32_t& sub, std::uint32_t base, std::uint64_t produced);
  [[nodiscard]] bool claim(std::uint32_t base, std::uint32_t sub, bool draining);
  void preset(OutputFrame& frame,
              OutputPort& port,
              std::uint32_t entry,
              std::uint32_t sub,
              bool draining) noexcept;
  [[nodiscard]] const avrig_frame& partner(std::uint32_t entry) const noexcept;
  void abandon_all() noexcept;
  void publish(OutputPort& port, OutputFrame& frame, const Commit& commit, bool quarantined);
  void publish_empty(OutputPort& port,
                     const Commit& commit,
                     shm::DropReason reason,
                     bool quarantined);
  [[nodiscard]] bool wait_publish(OutputPort& port) noexcept;
  [[nodiscard]] bool copy_unprocessed(OutputPort& port, const Commit& commit);
  void wait_until_due() noexcept;
  void tell_breaks() noexcept;
  void apply_orders();
  [[nodiscard]] Commit commit_of(bool unfinished, std::uint32_t part) const noexcept;
  [[nodiscard]] std::uint32_t ordinal() const noexcept;

  // frame_loop_marks.cpp: marks and the end
  void on_mark();
  void drain();
  void finish();

  stage::StageIo* io_;
  const Terms* terms_;
  plugin::PluginInstance* instance_;
  Services* services_;
  std::function<void()> reconfigure_;
  InputSet inputs_;
  std::vector<std::unique_ptr<OutputPort>> outputs_;
  bool keeps_back_;
  bool live_;
  std::vector<std::uint32_t> break_reason_;  // by input: told before its next delivery; 0 = none
  std::vector<const avrig_frame*> input_entries_;
  std::vector<OutputFrame> frames_;  // by output entry
  std::vector<avrig_frame*> output_entries_;
  const avrig_frame* first_ = nullptr;  // first input present in this step
  std::uint64_t told_passed_over_ = 0;
};

}  // namespace avrig::processor
