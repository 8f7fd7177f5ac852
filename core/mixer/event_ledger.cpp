// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/mixer/event_ledger.hpp>

#include <algorithm>

namespace avrig::mixer {

namespace {

bool is_audible(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::Started:
    case EventKind::Ended:
    case EventKind::Paused:
    case EventKind::Resumed:
    case EventKind::Looped:
    case EventKind::Gap:
    case EventKind::Underrun:
    case EventKind::Applied:
      return true;
    default:
      return false;
  }
}

}  // namespace

void EventLedger::predicted(const Event& event) {
  if (!is_audible(event.kind)) {
    return;
  }
  if (events_.size() >= capacity_) {
    events_.pop_front();
  }
  const auto after = std::upper_bound(
      events_.begin(), events_.end(), event.sample, [](std::int64_t sample, const Event& other) {
        return sample < other.sample;
      });
  Event kept = event;
  if ((kept.flags & kEventInGap) != 0) {
    kept.flags |= kEventSuspect;  // it fell into samples that nobody heard
  }
  events_.insert(after, kept);
}

void EventLedger::doubt(std::int64_t from, std::int64_t to) {
  for (Event& event : events_) {
    if (event.sample >= from && event.sample < to) {
      event.flags |= kEventSuspect;
    }
  }
}

std::vector<Event> EventLedger::heard(std::int64_t sample) {
  std::vector<Event> certain;
  while (!events_.empty() && events_.front().sample < sample) {
    Event event = events_.front();
    events_.pop_front();
    event.flags |= (event.flags & kEventSuspect) != 0 ? 0U : std::uint32_t{kEventConfirmed};
    certain.push_back(event);
  }
  return certain;
}

}  // namespace avrig::mixer
