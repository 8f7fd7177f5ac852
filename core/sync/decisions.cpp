// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/sync/decisions.hpp>
#include <avrig/types.h>

#include <algorithm>

namespace avrig::sync {
namespace {

using shm::SyncPhase;
using shm::SyncRole;
using shm::SyncSection;

constexpr std::int64_t kWakeMarginNs = 5'000'000;

bool is_gate(const SyncSection& section) noexcept {
  return section.role == SyncRole::Gate;
}

bool has_shown(const SyncSection& section) noexcept {
  return is_gate(section) && section.phase != SyncPhase::Absent &&
         (section.phase != SyncPhase::Ended || section.released > 0);
}

/// What all gates that have shown a frame say together.
struct Group {
  bool any = false;
  bool all_there = true;
  bool live = false;
  std::int64_t media0_ns = INT64_MAX;  // the earliest first frame
  std::int64_t last_ready_ns = INT64_MIN;
  std::int64_t needed_ns = 0;
};

Group look_at(std::span<const SyncSection> sections) noexcept {
  Group group;
  for (const SyncSection& section : sections) {
    group.all_there = group.all_there && !(is_gate(section) && section.phase == SyncPhase::Absent);
    if (has_shown(section)) {
      group.any = true;
      group.live = group.live || section.live != 0;
      group.media0_ns = std::min(group.media0_ns, section.first_capture_ns);
      group.last_ready_ns = std::max(group.last_ready_ns, section.ready_ns);
      group.needed_ns = std::max(group.needed_ns, needed_delay_ns(section, sections));
    }
  }
  return group;
}

Start start_of_files(std::span<const SyncSection> sections,
                     const Group& group,
                     const GroupOptions& options,
                     const Moment& moment) noexcept {
  // When media0 was there, had all streams come as fast as the fastest.
  std::int64_t there_ns = INT64_MAX;
  for (const SyncSection& section : sections) {
    if (has_shown(section)) {
      there_ns =
          std::min(there_ns, section.ready_ns - (section.first_capture_ns - group.media0_ns));
    }
  }
  const std::int64_t first_ns = moment.now_ns + moment.lead_ns;
  const std::int64_t t0_ns = std::max(first_ns, there_ns + options.delay_ns.value_or(0));
  return {t0_ns, group.media0_ns, t0_ns - there_ns, first_ns - there_ns};
}

}  // namespace

std::int64_t needed_delay_ns(const SyncSection& gate,
                             std::span<const SyncSection> sections) noexcept {
  std::int64_t writers_ns = 0;
  for (const SyncSection& section : sections) {
    writers_ns = std::max(writers_ns, section.needs_ns);
  }
  return gate.lag_ns + writers_ns + kWakeMarginNs;
}

std::optional<Start> decide_start(std::span<const SyncSection> sections,
                                  const GroupOptions& options,
                                  const Moment& moment) {
  const Group group = look_at(sections);
  const bool patient = moment.now_ns < moment.leader_ready_ns + moment.patience_ns;
  if (!group.any || (!group.all_there && patient)) {
    return std::nullopt;
  }
  if (!group.live) {
    return start_of_files(sections, group, options, moment);
  }
  const bool too_much = !options.delay_ns && group.needed_ns > options.max_delay_ns;
  if (moment.now_ns < group.last_ready_ns + moment.preroll_ns || too_much) {
    return std::nullopt;
  }
  const std::int64_t delay_ns = options.delay_ns.value_or(group.needed_ns);
  const std::int64_t t0_ns = moment.now_ns + moment.lead_ns;
  return Start{t0_ns, t0_ns - delay_ns, delay_ns, group.needed_ns};
}

bool is_late(std::int64_t due_ns, std::int64_t duration_ns, std::int64_t now_ns) noexcept {
  return now_ns - due_ns > std::max<std::int64_t>(2'000'000, duration_ns / 2);
}

void note_release(SyncSection& own, std::int64_t capture_ns, std::int64_t now_ns) noexcept {
  own.position_ns = capture_ns;
  own.position_at_ns = now_ns;
}

std::optional<std::int64_t> release_ns(std::span<const SyncSection> sections,
                                       std::uint32_t own,
                                       const shm::MediaMap& heard,
                                       std::int64_t capture_ns,
                                       std::int64_t max_unsynced_ns) noexcept {
  std::optional<std::int64_t> at_ns;
  for (std::uint32_t index = 0; index < sections.size(); ++index) {
    const SyncSection& other = sections[index];
    if (index == own || !is_gate(other) || other.position_at_ns == 0 ||
        other.phase == SyncPhase::Ended) {
      continue;
    }
    const bool is_heard = heard.valid != 0 && other.media == AVRIG_MEDIA_AUDIO;
    const std::int64_t position_ns = is_heard ? heard.media_ns : other.position_ns;
    const std::int64_t since_ns = is_heard ? heard.mono_ns : other.position_at_ns;
    // The other's position must have passed it, not only reached it.
    const std::int64_t reached_ns = since_ns + (capture_ns - max_unsynced_ns - position_ns) + 1;
    at_ns = std::max(at_ns.value_or(reached_ns), reached_ns);
  }
  return at_ns;
}

std::optional<std::int64_t> group_end_ns(std::span<const SyncSection> sections) noexcept {
  std::optional<std::int64_t> end_ns;
  for (const SyncSection& section : sections) {
    if (is_gate(section) && section.ends != 0) {
      end_ns = std::min(end_ns.value_or(section.horizon_ns), section.horizon_ns);
    }
  }
  return end_ns;
}

bool others_reach(std::span<const SyncSection> sections,
                  std::uint32_t own,
                  std::int64_t until_ns) noexcept {
  for (std::uint32_t index = 0; index < sections.size(); ++index) {
    const SyncSection& other = sections[index];
    if (index == own || !is_gate(other) || other.ends != 0 || other.phase == SyncPhase::Ended) {
      continue;
    }
    if (other.horizon_ns < until_ns) {
      return false;
    }
  }
  return true;
}

}  // namespace avrig::sync
