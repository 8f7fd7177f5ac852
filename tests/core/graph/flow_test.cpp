// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "support.hpp"
#include <avrig/graph/render.hpp>

#include <algorithm>
#include <random>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::graph;
using namespace avrig::graph::test;
using spec::Role;

namespace {

constexpr std::uint64_t kFrames = 200;
constexpr std::int64_t kFrameNs = 33'333'333;

/// Plays a plan with counters alone: every stage does what its part allows, in random order, until
/// nothing moves any more. What then has not arrived is a deadlock of the plan.
class Flow {
 public:
  Flow(const Graph& graph, const Plan& plan, std::mt19937& random)
      : model_(graph.model()), plan_(plan), random_(random) {
    head_.assign(plan.rings.size(), 0);
    done_.assign(model_.edges.size(), 0);
    hold_.assign(model_.edges.size(), 0);
  }

  /// Empty when every follower got every frame; else who did not.
  std::string run() {
    std::vector<std::size_t> turn(model_.stages.size());
    for (std::size_t stage = 0; stage < turn.size(); ++stage) {
      turn[stage] = stage;
    }
    for (bool moved = true; moved;) {
      moved = false;
      std::shuffle(turn.begin(), turn.end(), random_);
      for (const std::size_t stage : turn) {
        while (step(stage)) {
          moved = true;
          if (random_() % 2 == 0) {
            break;
          }
        }
      }
    }
    std::string stuck;
    for (std::size_t edge = 0; edge < model_.edges.size(); ++edge) {
      if (done_[edge] != kFrames) {
        stuck += model_.source_name(model_.edges[edge]) + " -> " +
                 model_.stages[model_.edges[edge].stage].id + " at " + std::to_string(done_[edge]) +
                 "\n";
      }
    }
    return stuck + broken_;
  }

 private:
  [[nodiscard]] std::uint64_t lowest_hold(std::size_t ring) const {
    std::uint64_t lowest = head_[ring];
    for (const std::size_t edge : model_.rings[ring].edges) {
      lowest = std::min(lowest, hold_[edge]);
    }
    return lowest;
  }

  [[nodiscard]] bool may_publish(std::size_t ring) {
    const shm::RingSpec& spec = plan_.rings[ring].spec;
    const std::uint64_t flying = head_[ring] - lowest_hold(ring);
    if (flying >= std::min(spec.window, spec.slots - spec.guard)) {
      return false;
    }
    if (!model_.rings[ring].reference && flying + 1 > spec.buffers) {
      broken_ = "no buffer left in " + plan_.rings[ring].label + "\n";
      return false;
    }
    return true;
  }

  [[nodiscard]] bool available(std::size_t index) const {
    const Edge& edge = model_.edges[index];
    const RingNode& ring = model_.rings[edge.ring];
    const auto& entry = plan_.rings[edge.ring].spec.participants[edge.participant];
    if (head_[edge.ring] <= done_[index]) {
      return false;
    }
    for (std::size_t other = 0; other < ring.edges.size(); ++other) {
      const bool after = ((entry.after >> other) & 1) != 0;
      const bool behind = ((entry.behind >> other) & 1) != 0;
      if ((after && done_[ring.edges[other]] <= done_[index]) ||
          (behind && hold_[ring.edges[other]] <= done_[index])) {
        return false;
      }
    }
    return true;
  }

  bool step(std::size_t stage) {
    const StageNode& node = model_.stages[stage];
    bool moved = publish(stage);
    if (node.inputs.empty()) {
      return moved;
    }
    const bool gate = node.description.work == stage::Work::Gate;
    if (gate && (!may_publish(node.outputs[0].ring) || !group_is_there(stage))) {
      return let_go(stage) || moved;
    }
    if (!backlog(stage) && std::all_of(node.inputs.begin(), node.inputs.end(), [&](std::size_t e) {
          return done_[e] < kFrames && available(e);
        })) {
      for (const std::size_t edge : node.inputs) {
        ++done_[edge];
      }
      if (gate) {
        ++head_[node.outputs[0].ring];
      }
      moved = true;
    }
    return let_go(stage) || moved;
  }

  // Frames that a maker owes for what it has taken, its delay kept back.
  [[nodiscard]] std::uint64_t owed(std::size_t stage) const {
    const StageNode& node = model_.stages[stage];
    const std::uint64_t taken = node.inputs.empty() ? kFrames : done_[node.inputs.front()];
    const auto delay = static_cast<std::uint64_t>(node.configured->delay_ns / kFrameNs);
    return taken == kFrames ? kFrames : taken - std::min(taken, delay);
  }

  [[nodiscard]] bool makes(std::size_t stage) const {
    return model_.stages[stage].description.work == stage::Work::Maker;
  }

  [[nodiscard]] bool backlog(std::size_t stage) const {
    const auto& outputs = model_.stages[stage].outputs;
    return makes(stage) && std::any_of(outputs.begin(), outputs.end(), [&](const Output& output) {
             return head_[output.ring] < owed(stage);
           });
  }

  bool publish(std::size_t stage) {
    bool moved = false;
    for (const Output& output : model_.stages[stage].outputs) {
      if (makes(stage) && head_[output.ring] < owed(stage) && may_publish(output.ring)) {
        ++head_[output.ring];
        moved = true;
      }
    }
    return moved;
  }

  // Gates of a group release nothing before each has its first frame.
  [[nodiscard]] bool group_is_there(std::size_t stage) const {
    for (std::size_t other = 0; other < model_.stages.size(); ++other) {
      if (model_.spec_of(other).role == Role::Sync &&
          model_.spec_of(other).target == model_.spec_of(stage).target) {
        const std::size_t edge = model_.stages[other].inputs.front();
        if (done_[edge] == 0 && !available(edge)) {
          return false;
        }
      }
    }
    return true;
  }

  bool let_go(std::size_t stage) {
    const StageNode& node = model_.stages[stage];
    bool moved = false;
    for (const std::size_t index : node.inputs) {
      const Edge& edge = model_.edges[index];
      std::uint64_t hold = done_[index];
      if (edge.part == shm::Part::Gate) {
        hold = lowest_hold(node.outputs[0].ring);
      } else if (done_[index] < kFrames || backlog(stage)) {
        const std::uint64_t kept = edge.port.history + edge.port.holds - (backlog(stage) ? 0 : 1);
        hold = done_[index] - std::min(done_[index], kept);
      }
      hold = std::max(hold, hold_[index]);
      moved = moved || hold != hold_[index];
      hold_[index] = hold;
    }
    return moved;
  }

  const Model& model_;
  const Plan& plan_;
  std::mt19937& random_;
  std::vector<std::uint64_t> head_;
  std::vector<std::uint64_t> done_;
  std::vector<std::uint64_t> hold_;
  std::string broken_;
};

Fake with_delay(Fake fake, std::uint32_t frames) {
  fake.configure = [frames](auto inputs, auto) {
    stage::Configured configured;
    configured.outputs = {inputs[0]};
    configured.frame_bytes = {1920 * 1080 * 3 / 2};
    configured.delay_ns = frames * kFrameNs;
    return configured;
  };
  return fake;
}

Rig random_rig(std::mt19937& engine) {
  const auto random = [&] {
    return static_cast<std::uint32_t>(engine());
  };
  Rig rig;
  rig.spec.memory_budget_bytes = std::int64_t{1} << 50;
  rig.spec.offline = random() % 2 == 0;
  std::vector<std::string> streams{"s0"};
  rig.add("s0", Role::Reader, source(video()));
  const std::size_t stages = 2 + random() % 9;
  const auto any = [&] {
    return streams[random() % streams.size()];
  };
  for (std::size_t index = 1; index <= stages; ++index) {
    const std::string id = "s" + std::to_string(index);
    const std::uint32_t kept = random() % 3 == 0 ? 1 + random() % 12 : 1;
    const auto busy = [&](Fake fake) {
      fake.description.inputs.front().holds = kept;
      fake.description.inputs.front().history = random() % 4 == 0 ? 3 : 0;
      return fake;
    };
    switch (random() % 6) {
      case 0:
        rig.add(id, Role::Processor, editor(AVRIG_MEDIA_VIDEO), {any()});
        break;
      case 1:
        rig.add(id, Role::Sync, gate(), {any()}, random() % 2 == 0 ? "g" : "h");
        break;
      case 2: {
        std::vector<std::string> in{any(), any()};
        in.erase(std::unique(in.begin(), in.end()), in.end());
        rig.add(id, Role::Writer, busy(recorder()), in);
        continue;
      }
      case 3: {
        Fake join = with_delay(busy(maker(AVRIG_MEDIA_VIDEO)), 0);
        join.description.many_inputs = true;
        std::vector<std::string> in{any(), any()};
        in.erase(std::unique(in.begin(), in.end()), in.end());
        rig.add(id, Role::Processor, join, in);
        break;
      }
      default:
        rig.add(id,
                Role::Processor,
                with_delay(busy(maker(AVRIG_MEDIA_VIDEO)), random() % 3 == 0 ? random() % 20 : 0),
                {any()});
    }
    streams.push_back(id);
  }
  return rig;
}

}  // namespace

TEST_SUITE("core/graph/flow") {
  TEST_CASE("whatever the graph accepts flows to its end") {
    constexpr unsigned kSeed = 20260;
    std::mt19937 random(kSeed);
    int played = 0;
    for (int round = 0; round < 1500; ++round) {
      const Rig rig = random_rig(random);
      if (spec::has_errors(rig.build().problems)) {
        continue;
      }
      const Graph graph = rig.configured();
      const Planned planned = graph.plan();
      REQUIRE_MESSAGE(planned.ok(), text(planned.problems));
      const std::string stuck = Flow(graph, planned.plan, random).run();
      INFO("seed " << kSeed << ", round " << round);
      INFO(to_text(graph, &planned.plan));
      REQUIRE_MESSAGE(stuck.empty(), stuck);
      ++played;
    }
    CHECK(played > 300);
  }
}
