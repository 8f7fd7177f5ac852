// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/sweep.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <sys/types.h>
#include <vector>

namespace avrig::shm::testing {

/// Where a stage was after each instruction of one passage through a window: its instruction
/// pointers, the first of them at the window's entry.
using Passage = std::vector<std::uint64_t>;

/// May this process trace its children? Containers may forbid it.
[[nodiscard]] bool can_trace();

/// A child process that runs `stage` under ptrace until it enters `window`.
///
/// Whatever is left of it is killed with SIGKILL when this object ends.
class Stepper {
 public:
  Stepper(const std::function<void()>& stage, SweepWindow window);
  ~Stepper();
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  /// Run to the next entry into the window; false when the stage has ended without.
  [[nodiscard]] bool enter();
  /// Step through the window to its end, or `most` instructions; false when the stage ended in it.
  [[nodiscard]] Passage record(std::size_t most);
  /// After enter(): run to just after the `step`-th instruction of a passage like `known`. False
  /// when the stage went another way (its window is then stepped from the entry on).
  bool run_to(const Passage& known, std::size_t step);
  /// SIGKILL, and wait until it is gone.
  void kill();

 private:
  [[nodiscard]] bool step();
  [[nodiscard]] bool resume();
  [[nodiscard]] bool wait_stop();
  [[nodiscard]] std::uint64_t instruction_pointer() const;
  [[nodiscard]] bool inside() const;
  [[nodiscard]] bool run_to_address(std::uint64_t address);

  pid_t pid_ = -1;
};

}  // namespace avrig::shm::testing
