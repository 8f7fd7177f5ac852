// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/process_state.hpp>
#include <avrig/launch/watchdog.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace avrig::launch {
namespace {

// From one look to the next; what is beyond it was not watched.
constexpr std::int64_t kMostBetweenNs = 200'000'000;

std::uint64_t load(const std::atomic<std::uint64_t>& counter) noexcept {
  return counter.load(std::memory_order_relaxed);
}

/// Everything counted here only grows, so the sum stands still when all of it does.
std::uint64_t sum_of_counts(const stage::Assignment& assignment,
                            const shm::RunBlock& block,
                            const std::deque<shm::Ring>& rings) noexcept {
  std::uint64_t sum = load(block.bells()[assignment.bell].naps);
  for (const stage::AssignedInput& input : assignment.inputs) {
    const shm::ParticipantPage& page = rings[input.ring].participant_page(input.participant);
    sum += load(page.begun) + load(page.done) + load(page.hold);
  }
  for (const stage::AssignedOutput& output : assignment.outputs) {
    if (!output.edited) {
      sum += load(rings[output.ring].maker_page().head);
    }
  }
  return sum;
}

bool has_passed(const shm::Ring& ring,
                std::uint64_t participants,
                std::uint64_t frame,
                std::atomic<std::uint64_t> shm::ParticipantPage::*cursor) noexcept {
  for (std::uint32_t index = 0; index < ring.participants().size(); ++index) {
    if ((participants >> index & 1) != 0 && load(ring.participant_page(index).*cursor) <= frame) {
      return false;
    }
  }
  return true;
}

/// Is there a frame that it could begin?
bool frame_waits(const shm::Ring& ring, std::uint32_t participant) noexcept {
  const shm::ParticipantEntry& entry = ring.participants()[participant];
  const std::uint64_t next = load(ring.participant_page(participant).done);
  return ring.published(next) && has_passed(ring, entry.after, next, &shm::ParticipantPage::done) &&
         has_passed(ring, entry.behind, next, &shm::ParticipantPage::hold);
}

std::optional<Hang::Why> what_it_owes(const stage::Assignment& assignment,
                                      const shm::RunBlock& block,
                                      const std::deque<shm::Ring>& rings) noexcept {
  if (shm::naps(block.bells()[assignment.bell])) {
    return Hang::Why::Asleep;
  }
  bool waits = false;
  for (const stage::AssignedInput& input : assignment.inputs) {
    const shm::Ring& ring = rings[input.ring];
    if (ring.participant_page(input.participant).since_ns.load(std::memory_order_relaxed) > 0) {
      return Hang::Why::Frame;
    }
    waits = waits || frame_waits(ring, input.participant);
  }
  return waits ? std::optional(Hang::Why::Frames) : std::nullopt;
}

}  // namespace

std::string to_string(const Hang& hang) {
  constexpr std::array kWhat{"it has been stopped, by a signal or a debugger, for",
                             "it sleeps and has not looked up for",
                             "it has had one frame in hand for",
                             "frames wait for it, and it has taken none for"};
  std::array<char, 32> age{};
  (void)std::snprintf(age.data(), age.size(), " %.1f s", static_cast<double>(hang.age_ns) * 1e-9);
  return std::string(kWhat.at(static_cast<std::size_t>(hang.why))) + age.data();
}

void Watchdog::restarted(std::int64_t now_ns) noexcept {
  looked_ns_ = now_ns;
  owes_since_ns_ = watched_ns_;
  cpu_ns_ = 0;
}

void Watchdog::note_time(std::int64_t now_ns) noexcept {
  watched_ns_ += std::clamp<std::int64_t>(now_ns - looked_ns_, 0, kMostBetweenNs);
  looked_ns_ = now_ns;
}

void Watchdog::owes_from_now(pid_t pid) noexcept {
  owes_since_ns_ = watched_ns_;
  cpu_ns_ = cpu_time_ns(pid);
}

std::optional<Hang> Watchdog::judge(Hang::Why why) const noexcept {
  const std::int64_t age_ns = watched_ns_ - owes_since_ns_;
  return age_ns > timeout_ns_ ? std::optional(Hang{why, age_ns}) : std::nullopt;
}

// It could run, and has had less than half a core for its time.
bool Watchdog::is_starved(pid_t pid) const noexcept {
  return cpu_time_ns(pid) - cpu_ns_ < timeout_ns_ / 2 && is_runnable(pid);
}

std::optional<Hang> Watchdog::look(const stage::Assignment& assignment,
                                   const shm::RunBlock& block,
                                   const std::deque<shm::Ring>& rings,
                                   pid_t pid,
                                   std::int64_t now_ns) noexcept {
  if (timeout_ns_ <= 0) {
    return std::nullopt;
  }
  note_time(now_ns);
  const std::uint64_t moved = sum_of_counts(assignment, block, rings);
  if (std::exchange(moved_, moved) != moved) {
    owes_from_now(pid);
    return std::nullopt;
  }
  const auto owes =
      is_stopped(pid) ? std::optional(Hang::Why::Stopped) : what_it_owes(assignment, block, rings);
  if (!owes) {
    owes_from_now(pid);
    return std::nullopt;
  }
  const auto hang = judge(*owes);
  return hang && *owes != Hang::Why::Stopped && is_starved(pid) ? std::nullopt : hang;
}

std::optional<Hang> Watchdog::look_at_start(pid_t pid, std::int64_t now_ns) noexcept {
  if (timeout_ns_ <= 0) {
    return std::nullopt;
  }
  note_time(now_ns);
  if (!is_stopped(pid)) {
    owes_from_now(pid);
  }
  return judge(Hang::Why::Stopped);
}

}  // namespace avrig::launch
