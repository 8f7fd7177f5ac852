// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/event.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace avrig::mixer {

/// Turns predictions into facts: an event is predicted when its sample is rendered, confirmed once
/// that sample has left the output, and suspect when the output broke in between.
///
/// The host knows how far the output has come; the ledger knows which events wait for it.
/// Thread: control
class EventLedger {
 public:
  /// At most `capacity` events wait; beyond that the oldest are forgotten.
  explicit EventLedger(std::size_t capacity = 65536) : capacity_(capacity) {}

  /// An event came out of the engine. Those that are about a sound are kept until it is heard.
  void predicted(const Event& event);

  /// The output broke between rendering and hearing `from` .. `to`: what lies there is suspect.
  void doubt(std::int64_t from, std::int64_t to);

  /// All samples before `sample` have been heard; returns what became certain (or stays suspect),
  /// in the order of the samples.
  [[nodiscard]] std::vector<Event> heard(std::int64_t sample);

  [[nodiscard]] std::size_t waiting() const noexcept { return events_.size(); }
  /// All that waits, and the same put into a ledger that is new.
  [[nodiscard]] std::vector<Event> save() const { return {events_.begin(), events_.end()}; }
  void load(const std::vector<Event>& events) { events_.assign(events.begin(), events.end()); }

 private:
  std::size_t capacity_;
  std::deque<Event> events_;  // by sample
};

}  // namespace avrig::mixer
