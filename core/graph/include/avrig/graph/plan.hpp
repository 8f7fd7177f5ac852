// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring.hpp>
#include <avrig/spec/problem.hpp>
#include <avrig/stage/assignment.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace avrig::graph {

/// One ring to be made.
struct RingPlan {
  shm::RingSpec spec;
  std::string label;        ///< "clip/video": also its name in /proc
  std::uint64_t bytes = 0;  ///< of the whole segment
};

/// One sync group: its block has a section per member.
struct GroupPlan {
  struct Member {
    std::size_t stage = 0;
    std::uint32_t section = 0;
  };
  std::string name;
  std::vector<Member> members;  ///< gates, then the writers that present; each in file order
  std::size_t master = 0;       ///< the stage that alone writes T0, D and the master map
};

/// All that the launcher needs to make memory and to start the stages.
struct Plan {
  std::vector<RingPlan> rings;
  std::vector<stage::Assignment> assignments;  ///< by stage, in the order of the file
  std::uint32_t bells = 0;                     ///< a stage's main bell has the stage's index
  std::vector<GroupPlan> groups;
  std::uint64_t bytes = 0;  ///< of all rings
};

/// What a plan takes from the machine; fixed defaults keep plans comparable.
struct PlanOptions {
  unsigned cores = 0;  ///< 0 = unknown; with fewer cores than stages nobody spins adaptively
};

/// A plan, or why there is none. Warnings may come with a plan.
struct Planned {
  Plan plan;
  std::vector<spec::Problem> problems;
  [[nodiscard]] bool ok() const { return !spec::has_errors(problems); }
};

}  // namespace avrig::graph
