// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/run_memory.hpp>

#include <fcntl.h>
#include <string>

namespace avrig::launch {
namespace {

/// The section of the group's leader, who alone fixes when it starts.
std::uint32_t leader_of(const graph::GroupPlan& group) {
  for (const graph::GroupPlan::Member& member : group.members) {
    if (member.stage == group.master) {
      return member.section;
    }
  }
  return 0;
}

UniqueFd reopen_read_only(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  UniqueFd result(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!result) {
    throw errno_error(ErrorCode::Open, "cannot reopen shared memory for a tool");
  }
  return result;
}

}  // namespace

RunMemory::RunMemory(const graph::Plan& plan)
    : run_block_(
          shm::RunBlock::create(static_cast<std::uint32_t>(plan.assignments.size()), plan.bells)) {
  for (const graph::RingPlan& ring : plan.rings) {
    rings_.push_back(shm::Ring::create(ring.label, ring.spec));
  }
  for (const graph::GroupPlan& group : plan.groups) {
    groups_.push_back(
        shm::SyncBlock::create(static_cast<std::uint32_t>(group.members.size()), leader_of(group)));
  }
  block_.emplace(run_block_, std::nullopt);
}

std::vector<int> RunMemory::fds_for(const stage::Assignment& assignment) const {
  std::vector<int> fds{run_block_.fd()};
  if (assignment.sync_group >= 0) {
    fds.push_back(groups_.at(static_cast<std::size_t>(assignment.sync_group)).fd());
  }
  for (const std::uint32_t ring : assignment.rings) {
    fds.push_back(rings_.at(ring).fd());
  }
  return fds;
}

std::vector<UniqueFd> RunMemory::read_only() const {
  std::vector<UniqueFd> result;
  result.push_back(reopen_read_only(run_block_.fd()));
  for (const shm::Segment& ring : rings_) {
    result.push_back(reopen_read_only(ring.fd()));
  }
  for (const shm::Segment& group : groups_) {
    result.push_back(reopen_read_only(group.fd()));
  }
  return result;
}

void RunMemory::observe() {
  if (view_) {
    return;
  }
  view_.emplace(RunView{shm::RunBlock::observe(run_block_), {}, {}});
  for (const shm::Segment& ring : rings_) {
    view_->rings.emplace_back(ring, shm::RingAccess{});
  }
  for (const shm::Segment& group : groups_) {
    view_->groups.emplace_back(group, std::nullopt);
  }
}

}  // namespace avrig::launch
