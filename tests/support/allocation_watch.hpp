// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

namespace avrig::test {

/// Counts what this thread allocates and frees for as long as it lives, by whatever code.
///
/// A program that links avrig_allocation_watch and uses it has its `operator new` and `delete`
/// replaced. One at a time on a thread.
///
/// Thread: its own
class AllocationWatch {
 public:
  AllocationWatch() noexcept;
  ~AllocationWatch();
  AllocationWatch(const AllocationWatch&) = delete;
  AllocationWatch& operator=(const AllocationWatch&) = delete;

  /// Allocations and releases so far.
  [[nodiscard]] long count() const noexcept;
};

}  // namespace avrig::test
