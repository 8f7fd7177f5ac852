// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace avrig::launch {

/// How often a stage has crashed, and when it may come back.
class RestartBudget {
 public:
  explicit RestartBudget(const spec::RestartPolicy& policy) noexcept : policy_(policy) {}

  /// A crash that counts. Returns how long to wait before the restart; empty: beyond the budget.
  [[nodiscard]] std::optional<std::int64_t> crashed(std::int64_t now_ns);
  /// Crashes inside the window.
  [[nodiscard]] std::size_t recent() const noexcept { return crashes_.size(); }

 private:
  spec::RestartPolicy policy_;
  std::deque<std::int64_t> crashes_;
};

/// Which frames a stage crashed on. A frame that was in hand at two crashes is to blame.
class BlameCounter {
 public:
  static constexpr int kCrashesToQuarantine = 2;

  /// The stage crashed with `sequence` in hand. True when the frame is now to be set aside.
  [[nodiscard]] bool blame(std::uint64_t sequence);

 private:
  std::map<std::uint64_t, int> crashes_;
};

}  // namespace avrig::launch
