// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/graph/plan.hpp>
#include <avrig/launch/counters.hpp>
#include <avrig/shm/run_block.hpp>
#include <avrig/shm/segment.hpp>
#include <avrig/stage/assignment.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace avrig::launch {

/// The shared memory of a run, held by the launcher: it outlives every stage.
///
/// Thread: control
class RunMemory {
 public:
  /// Throws Error(Open) when memory is short.
  explicit RunMemory(const graph::Plan& plan);

  /// What goes with a stage's `attach`: run block, sync block where it has one, its rings.
  [[nodiscard]] std::vector<int> fds_for(const stage::Assignment& assignment) const;
  /// Read-only descriptors for tools: run block, all rings, all sync blocks. Throws Error(Open).
  [[nodiscard]] std::vector<UniqueFd> read_only() const;

  /// Map the rings to look at; slow for large ones, so done while the stages attach.
  void observe();
  [[nodiscard]] const shm::RunBlock& block() const noexcept { return *block_; }
  /// What can be seen; null before observe().
  [[nodiscard]] const RunView* view() const noexcept { return view_ ? &*view_ : nullptr; }

 private:
  shm::Segment run_block_;
  std::vector<shm::Segment> rings_;
  std::vector<shm::Segment> groups_;
  std::optional<shm::RunBlock> block_;
  std::optional<RunView> view_;
};

}  // namespace avrig::launch
