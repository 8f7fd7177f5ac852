// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "scene.hpp"

#include "scene_stages.hpp"
#include <avrig/shm/ring_follower.hpp>

#include <algorithm>
#include <stdexcept>
#include <sys/mman.h>

namespace avrig::shm::testing {
namespace {

constexpr std::uint64_t kJournalBytes = 2 * kPageBytes;

ParticipantEntry entry(Role role, Part part, std::uint64_t after, std::uint64_t behind = 0) {
  ParticipantEntry made{};
  made.bell = static_cast<std::uint32_t>(role);
  made.part = part;
  made.after = after;
  made.behind = behind;
  return made;
}

RingSpec pool_of(Flow flow) {
  RingSpec spec;
  spec.slots = 6;
  spec.buffers = flow == Flow::Live ? 6 : 3;
  spec.buffer_bytes = kFrameBytes;
  spec.window = 3;
  spec.live = flow == Flow::Live;
  if (flow == Flow::Live) {
    spec.participants = {entry(Role::Raw, Part::Looker, 0),
                         entry(Role::Recorder, Part::Looker, 0),
                         entry(Role::Preview, Part::Looker, 0)};
    spec.participants[2].loss = Loss::MaySkip;
    return spec;
  }
  spec.participants = {entry(Role::Raw, Part::Looker, 0),
                       entry(Role::Rerun, Part::Editor, 0, 0b1),
                       entry(Role::Undo, Part::Editor, 0b10),
                       entry(Role::Gate, Part::Gate, 0b100),
                       entry(Role::Recorder, Part::Looker, 0b100),
                       entry(Role::Preview, Part::Looker, 0b100)};
  spec.participants[2].editor_line = 1;
  spec.participants[2].undo_bytes = kFrameBytes;
  spec.participants[5].loss = Loss::MaySkip;
  return spec;
}

RingSpec reference_of() {
  RingSpec spec;
  spec.ring_id = 1;
  spec.maker_bell = static_cast<std::uint32_t>(Role::Gate);
  spec.slots = 6;
  spec.buffers = 0;
  spec.window = 3;
  spec.participants = {entry(Role::Presenter, Part::Looker, 0)};
  return spec;
}

}  // namespace

const char* name_of(Role role) noexcept {
  constexpr std::array<const char*, kRoles> kNames = {"maker",
                                                      "raw looker",
                                                      "rerun editor",
                                                      "undo editor",
                                                      "gate",
                                                      "recorder",
                                                      "preview",
                                                      "presenter"};
  return kNames[static_cast<std::size_t>(role)];
}

Scene::Scene(Flow flow, Mutant mutant)
    : flow_(flow), mutant_(mutant), pool_spec_(pool_of(flow)), reference_spec_(reference_of()) {
  roles_ = flow == Flow::Live
               ? std::vector<Role>{Role::Maker, Role::Raw, Role::Recorder, Role::Preview}
               : std::vector<Role>{Role::Maker,
                                   Role::Raw,
                                   Role::Rerun,
                                   Role::Undo,
                                   Role::Gate,
                                   Role::Recorder,
                                   Role::Preview,
                                   Role::Presenter};
  const std::uint64_t pool = Ring::bytes_needed(pool_spec_);
  const std::uint64_t reference = Ring::bytes_needed(reference_spec_);
  const std::uint64_t bytes = pool + reference + kPageBytes + kJournalBytes;
  void* memory = ::mmap(
      nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::runtime_error("no memory for a scene");
  }
  memory_ = {static_cast<std::byte*>(memory), bytes};
  pool_bytes_ = memory_.subspan(0, pool);
  reference_bytes_ = memory_.subspan(pool, reference);
  bells_ = {reinterpret_cast<Bell*>(memory_.data() + pool + reference), kRoles};
  static_assert(sizeof(Journal) <= kJournalBytes);
  journal_ = reinterpret_cast<Journal*>(memory_.data() + pool + reference + kPageBytes);
}

Scene::~Scene() {
  ::munmap(memory_.data(), memory_.size());
}

void Scene::reset() {
  std::fill(memory_.begin(), memory_.end(), std::byte{0});
  Ring::lay_out(pool_bytes_, pool_spec_);
  Ring::lay_out(reference_bytes_, reference_spec_);
  restart_all();
}

std::unique_ptr<Stage> Scene::start(Role role) {
  const StageSetting setting{pool_bytes_, reference_bytes_, bells_, journal_, flow_, mutant_};
  return start_stage(role, setting);
}

void Scene::prepare(Role victim, int rounds) {
  reset();
  for (int round = 0; round < rounds; ++round) {
    for (const Role role : roles_) {
      (void)stages_[static_cast<std::size_t>(role)]->step();
    }
  }
  stages_[static_cast<std::size_t>(victim)].reset();
  for (bool moved = true; moved;) {
    moved = false;
    for (const Role role : roles_) {
      const auto& stage = stages_[static_cast<std::size_t>(role)];
      moved = (stage && stage->step()) || moved;
    }
  }
}

void Scene::restart(Role victim) {
  stages_[static_cast<std::size_t>(victim)] = start(victim);
}

void Scene::restart_all() {
  for (const Role role : roles_) {
    restart(role);
  }
}

bool Scene::run() {
  // A round in which a gate only passes its hold on moves no frame, yet lets the maker go on.
  constexpr int kIdleRounds = 3;
  for (int idle = 0; idle < kIdleRounds;) {
    bool moved = false;
    bool all_ended = true;
    for (const Role role : roles_) {
      Stage& stage = *stages_[static_cast<std::size_t>(role)];
      moved = stage.step() || moved;
      all_ended = all_ended && stage.ended();
    }
    if (all_ended) {
      return true;
    }
    idle = moved ? 0 : idle + 1;
  }
  return false;
}

std::string Scene::finish() {
  bool done = run();
  if (flow_ == Flow::Live) {
    // Only now does the stalled looker finish the frame in its hand.
    static_cast<Stalled&>(*stages_[static_cast<std::size_t>(Role::Raw)]).wake();
    done = run();
  }
  if (!done) {
    return "it does not end";
  }
  return check();
}

std::string Scene::check_seen(Role role) const {
  const std::string who = name_of(role);
  std::uint64_t last = 0;
  std::uint64_t count = 0;
  for (const std::uint64_t entry : journal_->seen[static_cast<std::size_t>(role)]) {
    if (entry == 0) {
      continue;
    }
    if ((entry & Journal::kWrong) != 0) {
      return who + " saw wrong bytes";
    }
    if (entry <= last) {
      return who + " saw a frame twice";
    }
    last = entry;
    ++count;
  }
  const bool may_lose = flow_ == Flow::Live || role == Role::Preview;
  if (!may_lose && (count != kFrames || last != kFrames)) {
    return who + " saw " + std::to_string(count) + " frames of " + std::to_string(kFrames);
  }
  return "";
}

std::string Scene::check() const {
  if (journal_->broken != 0) {
    return "a follower found the ring broken";
  }
  for (const Role role : roles_) {
    if (role != Role::Maker && role != Role::Rerun && role != Role::Undo && role != Role::Gate) {
      if (std::string wrong = check_seen(role); !wrong.empty()) {
        return wrong;
      }
    }
  }
  const auto check_ring = [&](std::span<std::byte> bytes) -> std::string {
    const Ring ring(bytes);
    for (std::uint32_t index = 0; index < ring.participants().size(); ++index) {
      const EdgeCount edge = count_edge(ring, index);
      const bool may_lose = flow_ == Flow::Live || ring.participants()[index].loss == Loss::MaySkip;
      if (edge.produced != kFrames || edge.in_flight != 0 ||
          edge.produced != edge.delivered + edge.dropped + edge.quarantined ||
          (!may_lose && edge.delivered != kFrames)) {
        return "the edge to participant " + std::to_string(index) + " of ring " +
               std::to_string(ring.id()) + " counts produced " + std::to_string(edge.produced) +
               ", delivered " + std::to_string(edge.delivered) + ", dropped " +
               std::to_string(edge.dropped) + ", in flight " + std::to_string(edge.in_flight);
      }
    }
    return "";
  };
  std::string wrong = check_ring(pool_bytes_);
  return wrong.empty() && flow_ == Flow::Lossless ? check_ring(reference_bytes_) : wrong;
}

}  // namespace avrig::shm::testing
