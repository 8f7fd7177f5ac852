// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "passes.hpp"
#include <avrig/error.hpp>
#include <avrig/graph/graph.hpp>
#include <avrig/shm/run_block.hpp>
#include <avrig/spec/quantity.hpp>

#include <algorithm>
#include <numeric>

namespace avrig::graph {
namespace {

class Planner {
 public:
  Planner(const Model& model, const PlanOptions& options) : model_(model), options_(options) {}

  Planned run() {
    assign_bells();
    sizes_ = size_rings(model_, result_.problems);
    for (std::size_t ring = 0; ring < model_.rings.size(); ++ring) {
      plan_ring(ring);
    }
    make_groups();
    for (std::size_t stage = 0; stage < model_.stages.size(); ++stage) {
      assign(stage);
    }
    join_groups();
    check_budget();
    return std::move(result_);
  }

 private:
  static std::uint32_t narrow(std::size_t index) { return static_cast<std::uint32_t>(index); }

  // A stage's main bell has its index; further ones follow.
  void assign_bells() {
    std::uint32_t next = narrow(model_.stages.size());
    for (std::size_t stage = 0; stage < model_.stages.size(); ++stage) {
      std::vector<std::uint32_t> bells;
      for (const stage::OutputPort& output : model_.stages[stage].description.outputs) {
        bells.push_back(output.own_bell ? next++ : narrow(stage));
      }
      output_bells_.push_back(std::move(bells));
    }
    result_.plan.bells = next;
    if (next > shm::kMaxBells) {
      add_error(result_.problems,
                {model_.spec.file, 0, 0},
                "the stages need " + std::to_string(next) + " bells; a run has at most " +
                    std::to_string(shm::kMaxBells));
    }
  }

  // --- rings -----------------------------------------------------------------------------------

  [[nodiscard]] std::uint64_t undo_bytes(const Edge& edge, const RingSize& size) const {
    const StageNode& node = model_.stages[edge.stage];
    if (edge.part != shm::Part::Editor || node.description.heal != stage::Heal::Undo) {
      return 0;
    }
    const std::uint64_t declared = node.configured->undo_bytes;
    return declared == 0 ? size.buffer_bytes : std::min(declared, size.buffer_bytes);
  }

  [[nodiscard]] shm::ParticipantEntry participant(const Edge& edge, const RingSize& size) const {
    const Masks wait = masks(model_, edge);
    shm::ParticipantEntry entry{};
    entry.stage = narrow(edge.stage);
    entry.bell = narrow(edge.stage);
    entry.part = edge.part;
    entry.loss = edge.loss;
    entry.editor_line = edge.part == shm::Part::Editor ? edge.level : 0;
    entry.after = wait.after;
    entry.behind = wait.behind;
    entry.undo_bytes = undo_bytes(edge, size);
    return entry;
  }

  void plan_ring(std::size_t index) {
    const RingNode& ring = model_.rings[index];
    const RingSize& size = sizes_[index];
    RingPlan plan;
    plan.label = model_.ring_name(index);
    plan.spec.ring_id = narrow(index);
    plan.spec.maker_stage = narrow(ring.stage);
    plan.spec.maker_bell = output_bells_[ring.stage][ring.output];
    plan.spec.slots = size.slots;
    plan.spec.guard = size.guard;
    plan.spec.buffers = size.buffers;
    plan.spec.buffer_bytes = size.buffer_bytes;
    plan.spec.window = size.window;
    plan.spec.live = ring.live;
    plan.spec.format = *model_.format(index);
    for (const std::size_t edge : ring.edges) {
      plan.spec.participants.push_back(participant(model_.edges[edge], size));
    }
    plan.bytes = shm::Ring::bytes_needed(plan.spec);
    result_.plan.bytes += plan.bytes;
    result_.plan.rings.push_back(std::move(plan));
  }

  void check_budget() {
    const auto budget = static_cast<std::uint64_t>(model_.spec.memory_budget_bytes);
    if (result_.plan.bytes <= budget) {
      return;
    }
    std::vector<std::size_t> largest(model_.rings.size());
    std::iota(largest.begin(), largest.end(), std::size_t{0});
    const auto& rings = result_.plan.rings;
    std::stable_sort(largest.begin(), largest.end(), [&](std::size_t a, std::size_t b) {
      return rings[a].bytes > rings[b].bytes;
    });
    std::string list;
    for (std::size_t at = 0; at < largest.size() && at < 3; ++at) {
      const RingPlan& ring = rings[largest[at]];
      list += (at == 0 ? "'" : ", '") + ring.label + "' " + mebibytes(ring.bytes) + " (" +
              std::to_string(ring.spec.buffers) + " buffers of " +
              mebibytes(ring.spec.buffer_bytes) + ")";
    }
    const RingNode& first = model_.rings[largest.front()];
    const StageNode& maker = model_.stages[first.stage];
    const std::string key = first.live ? "slack" : "window";
    add_error(result_.problems,
              model_.spec_of(first.stage).position,
              "the rings need " + mebibytes(result_.plan.bytes) + ", 'memory_budget' is " +
                  mebibytes(budget) + "; the largest: " + list,
              "lower '" + key + "' in 'out' of stage '" + maker.id +
                  "', or write 'memory_budget: " + mebibytes(result_.plan.bytes) + "'");
  }

  static std::string mebibytes(std::uint64_t bytes) {
    constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
    return bytes < kMiB ? std::to_string((bytes + 1023) / 1024) + "KiB"
                        : std::to_string((bytes + kMiB - 1) / kMiB) + "MiB";
  }

  // --- sync groups -----------------------------------------------------------------------------

  void make_groups() {
    for (std::size_t stage = 0; stage < model_.stages.size(); ++stage) {
      const spec::StageSpec& spec = model_.spec_of(stage);
      if (spec.role != spec::Role::Sync) {
        continue;
      }
      auto& groups = result_.plan.groups;
      auto found = std::find_if(groups.begin(), groups.end(), [&](const GroupPlan& group) {
        return group.name == spec.target;
      });
      if (found == groups.end()) {
        groups.push_back({spec.target, {}, stage});
        found = groups.end() - 1;
      }
      // The first gate that carries sound leads, else the first of all.
      if (media_of_gate(found->master) != AVRIG_MEDIA_AUDIO &&
          media_of_gate(stage) == AVRIG_MEDIA_AUDIO) {
        found->master = stage;
      }
      found->members.push_back({stage, narrow(found->members.size())});
    }
  }

  [[nodiscard]] std::uint32_t media_of_gate(std::size_t stage) const {
    return model_.stages[stage].outputs.front().media;
  }

  // Writers that present write down what they did, in a section behind those of the gates.
  void join_groups() {
    for (std::size_t index = 0; index < result_.plan.groups.size(); ++index) {
      GroupPlan& group = result_.plan.groups[index];
      for (std::size_t stage = 0; stage < model_.stages.size(); ++stage) {
        if (result_.plan.assignments[stage].sync_group < 0 && presents_for(stage, group.name)) {
          group.members.push_back({stage, narrow(group.members.size())});
        }
      }
      for (const GroupPlan::Member& member : group.members) {
        stage::Assignment& assignment = result_.plan.assignments[member.stage];
        assignment.sync_group = static_cast<std::int32_t>(index);
        assignment.sync_section = member.section;
      }
    }
  }

  [[nodiscard]] bool presents_for(std::size_t stage, const std::string& group) const {
    const auto& inputs = model_.stages[stage].inputs;
    return std::any_of(inputs.begin(), inputs.end(), [&](std::size_t index) {
      const Edge& edge = model_.edges[index];
      const spec::StageSpec& maker = model_.spec_of(model_.rings[edge.ring].stage);
      return edge.port.presents && maker.role == spec::Role::Sync && maker.target == group;
    });
  }

  // --- assignments -----------------------------------------------------------------------------

  void assign(std::size_t stage) {
    const StageNode& node = model_.stages[stage];
    stage::Assignment assignment;
    assignment.stage = narrow(stage);
    assignment.id = node.id;
    assignment.bell = narrow(stage);
    assignment.wait = wait_mode(stage);
    assignment.live = node.live;
    assignment.offline = model_.spec.offline;
    assignment.unprocessed_pass = passes_unprocessed(stage);
    for (const std::size_t index : node.inputs) {
      assignment.inputs.push_back(assigned_input(model_.edges[index]));
    }
    for (std::size_t index = 0; index < node.outputs.size(); ++index) {
      const std::size_t ring = node.outputs[index].ring;
      assignment.outputs.push_back({node.description.outputs[index].name,
                                    narrow(ring),
                                    model_.rings[ring].stage != stage,
                                    output_bells_[stage][index]});
    }
    collect_rings(assignment);
    result_.plan.assignments.push_back(std::move(assignment));
  }

  [[nodiscard]] stage::AssignedInput assigned_input(const Edge& edge) const {
    const RingNode& ring = model_.rings[edge.ring];
    stage::AssignedInput input;
    input.port = edge.port.name;
    input.from = model_.source_name(edge);
    input.ring = narrow(edge.ring);
    input.participant = edge.participant;
    input.part = edge.part;
    input.loss = edge.loss;
    if (ring.reference) {
      input.pools.push_back(narrow(ring.pool));
    }
    return input;
  }

  static void collect_rings(stage::Assignment& assignment) {
    auto& rings = assignment.rings;
    for (const stage::AssignedInput& input : assignment.inputs) {
      rings.push_back(input.ring);
      rings.insert(rings.end(), input.pools.begin(), input.pools.end());
    }
    for (const stage::AssignedOutput& output : assignment.outputs) {
      rings.push_back(output.ring);
    }
    std::sort(rings.begin(), rings.end());
    rings.erase(std::unique(rings.begin(), rings.end()), rings.end());
  }

  // Spinning pays where the next frame is microseconds away and a core is idle.
  [[nodiscard]] shm::WaitMode wait_mode(std::size_t stage) const {
    switch (model_.spec_of(stage).wait) {
      case spec::Wait::Block:
        return shm::WaitMode::Block;
      case spec::Wait::Spin:
        return shm::WaitMode::Spin;
      case spec::Wait::Adaptive:
        break;
    }
    const bool crowded = options_.cores != 0 && model_.stages.size() > options_.cores;
    const auto& inputs = model_.stages[stage].inputs;
    const bool paced_video =
        !inputs.empty() && std::all_of(inputs.begin(), inputs.end(), [&](std::size_t index) {
          const RingNode& ring = model_.rings[model_.edges[index].ring];
          return ring.media == AVRIG_MEDIA_VIDEO && !model_.spec.offline &&
                 (ring.live || ring.reference);
        });
    return crowded || paced_video ? shm::WaitMode::Block : shm::WaitMode::Adaptive;
  }

  [[nodiscard]] bool passes_unprocessed(std::size_t stage) {
    const spec::StageSpec& spec = model_.spec_of(stage);
    const StageNode& node = model_.stages[stage];
    if (spec.role != spec::Role::Processor) {
      return false;
    }
    const bool can = node.outputs.size() == 1 && !node.inputs.empty() &&
                     same_format(*model_.format(model_.edges[node.inputs.front()].ring),
                                 node.configured->outputs.front());
    if (spec.unprocessed == spec::Unprocessed::Pass && !can) {
      add_error(result_.problems,
                spec.position,
                "stage '" + spec.id +
                    "' is to pass on frames that it did not process, but its "
                    "output has not the format of its input",
                "write 'unprocessed: drop' or leave it away");
      return false;
    }
    // An anonymiser must not leak: live, what was not processed is not shown.
    return can &&
           (spec.unprocessed ? *spec.unprocessed == spec::Unprocessed::Pass : model_.spec.offline);
  }

  const Model& model_;
  const PlanOptions& options_;
  std::vector<std::vector<std::uint32_t>> output_bells_;
  std::vector<RingSize> sizes_;
  Planned result_;
};

}  // namespace

Planned Graph::plan(const PlanOptions& options) const {
  if (!configured()) {
    throw Error(ErrorCode::Internal, "a plan was asked for before all stages were configured");
  }
  return Planner(model_, options).run();
}

}  // namespace avrig::graph
