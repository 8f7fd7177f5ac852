// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/process_state.hpp>
#include <avrig/launch/scheduling.hpp>

#include <algorithm>
#include <sched.h>
#include <set>
#include <sys/resource.h>

namespace avrig::launch {
namespace {

constexpr int kNicest = 19;
constexpr int kHaste = 10;
constexpr int kFarEnough = 3;  // stages behind; more of them change nothing

/// How many stages lie one after the other behind this one, at most kFarEnough.
int stages_behind(const spec::PipelineSpec& spec, std::string_view stage) {
  std::set<std::string_view> front{stage};
  for (int steps = 0; steps < kFarEnough; ++steps) {
    std::set<std::string_view> next;
    for (const spec::StageSpec& follower : spec.stages) {
      if (std::any_of(follower.inputs.begin(), follower.inputs.end(), [&](const auto& input) {
            return front.contains(input.stage);
          })) {
        next.insert(follower.id);
      }
    }
    if (next.empty()) {
      return steps;
    }
    front = std::move(next);
  }
  return kFarEnough;
}

int niceness(const spec::PipelineSpec& spec, const spec::StageSpec& stage) {
  if (stage.nice != 0) {
    return stage.nice;
  }
  const int own = ::getpriority(PRIO_PROCESS, 0);
  return spec.offline ? std::min(kNicest, own + offline_niceness(spec, stage.id)) : own;
}

int hasty_nice() {
  return std::max(-20, ::getpriority(PRIO_PROCESS, 0) - kHaste);
}

}  // namespace

int offline_niceness(const spec::PipelineSpec& spec, std::string_view stage) {
  const int behind = stages_behind(spec, stage);
  return behind == 0 ? 0 : std::min(kNicest, 5 + 5 * behind);
}

std::string apply_scheduling(const spec::PipelineSpec& spec,
                             const spec::StageSpec& stage,
                             pid_t pid) {
  std::string refused;
  if (!stage.cpus.empty()) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (const int cpu : stage.cpus) {
      CPU_SET(static_cast<std::size_t>(cpu), &cpus);
    }
    if (::sched_setaffinity(pid, sizeof cpus, &cpus) != 0) {
      refused += " cpus";
    }
  }
  const int nice = niceness(spec, stage);
  const auto id = static_cast<id_t>(pid);
  if (nice != ::getpriority(PRIO_PROCESS, id) && ::setpriority(PRIO_PROCESS, id, nice) != 0) {
    refused += " nice";
  }
  if (stage.realtime > 0) {
    const sched_param priority{stage.realtime};
    if (::sched_setscheduler(pid, SCHED_FIFO, &priority) != 0) {
      refused += " realtime";
    }
  }
  return refused;
}

Haste hasten(const spec::PipelineSpec& spec, const spec::StageSpec& stage, pid_t pid) noexcept {
  return !spec.offline && stage.nice == 0 && stage.realtime == 0 &&
                 ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), hasty_nice()) == 0
             ? Haste::Yes
             : Haste::No;
}

void end_haste(const spec::PipelineSpec& spec, const spec::StageSpec& stage, pid_t pid) noexcept {
  for (const pid_t thread : threads_of(pid)) {
    const auto id = static_cast<id_t>(thread);
    if (::getpriority(PRIO_PROCESS, id) == hasty_nice()) {  // else it has chosen for itself
      (void)::setpriority(PRIO_PROCESS, id, niceness(spec, stage));
    }
  }
}

}  // namespace avrig::launch
