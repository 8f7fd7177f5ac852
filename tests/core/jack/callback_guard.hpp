// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

namespace avrig::jack::test {

/// What the process callback of this program's JACK client has done so far that it may not do.
/// Counted wherever it is called from, JACK's own part of the callback included.
struct Misdeeds {
  long cycles = 0;
  long allocations = 0;  ///< and releases
  long locks = 0;
  long system_calls = 0;
  long page_faults = 0;      ///< but for the first cycles, in which JACK's own memory is new
  bool sees_memory = false;  ///< is this counted here at all (not under sanitizers)
  bool sees_system_calls = false;
};

[[nodiscard]] Misdeeds misdeeds() noexcept;

}  // namespace avrig::jack::test
