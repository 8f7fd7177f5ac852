// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "passes.hpp"

#include <algorithm>

namespace avrig::graph {
namespace {

shm::Loss asked(spec::Loss loss) {
  return loss == spec::Loss::MaySkip ? shm::Loss::MaySkip : shm::Loss::Must;
}

// As strict as the strictest edge out of the stage; what nobody follows is made for its own sake.
shm::Loss strictest_out(const Model& model, std::size_t stage) {
  bool followed = false;
  for (const Output& output : model.stages[stage].outputs) {
    if (output.ring == kNone) {
      continue;
    }
    for (const std::size_t index : model.rings[output.ring].edges) {
      const Edge& out = model.edges[index];
      if (out.from_stage == stage) {
        followed = true;
        if (out.loss == shm::Loss::Must) {
          return shm::Loss::Must;
        }
      }
    }
  }
  return followed ? shm::Loss::MaySkip : shm::Loss::Must;
}

shm::Loss by_rule(const Model& model, const Edge& edge) {
  // What an editor skipped would go on unedited.
  if (model.spec.offline || edge.part == shm::Part::Editor) {
    return shm::Loss::Must;
  }
  if (edge.asked_loss) {
    return asked(*edge.asked_loss);
  }
  if (!model.stages[edge.stage].outputs.empty()) {
    return strictest_out(model, edge.stage);
  }
  // A picture shown late is worth less than the next one. Sound is not: a jump is heard.
  const bool picture = model.rings[edge.ring].media == AVRIG_MEDIA_VIDEO;
  return edge.port.presents && picture ? shm::Loss::MaySkip : shm::Loss::Must;
}

void decide_ring(Model& model, RingNode& ring, Problems& problems) {
  bool must = ring.edges.empty();
  const Edge* free_runner = nullptr;
  // Last participants first: followers of edited frames before the editor.
  for (std::size_t at = ring.edges.size(); at-- > 0;) {
    Edge& edge = model.edges[ring.edges[at]];
    edge.loss = by_rule(model, edge);
    must = must || edge.loss == shm::Loss::Must;
    free_runner = &edge;
  }
  if (must || ring.live) {
    return;
  }
  // A file that nobody holds back would be read as fast as it goes, and skipped as fast.
  bool paced = false;
  for (const std::size_t index : ring.edges) {
    Edge& edge = model.edges[index];
    if (!edge.asked_loss) {
      edge.loss = shm::Loss::Must;
      paced = true;
    }
  }
  if (!paced) {
    add_warning(problems,
                free_runner->position,
                "everybody who follows '" + model.output_name(ring.stage, ring.output) +
                    "' may skip frames, so nobody holds its source back: it runs as fast as it can",
                "say 'loss: must' on one of its inputs");
  }
}

// A device's frames are stamped by the clock, a file's by the file: they have no time in common.
void check_groups(const Model& model, Problems& problems) {
  for (std::size_t stage = 0; stage < model.stages.size(); ++stage) {
    const spec::StageSpec& gate = model.spec_of(stage);
    if (gate.role != spec::Role::Sync || model.spec.offline || !model.stages[stage].live ||
        model.group_of(stage).mode.value_or(spec::SyncMode::Live) == spec::SyncMode::Offline) {
      continue;
    }
    for (std::size_t other = 0; other < model.stages.size(); ++other) {
      const spec::StageSpec& file = model.spec_of(other);
      if (file.role == spec::Role::Sync && file.target == gate.target &&
          !model.stages[other].live) {
        add_error(problems,
                  file.position,
                  "the gates of '" + file.target + "' have no time in common: '" + gate.id + "' (" +
                      spec::to_string(gate.position) + ") presents what a device makes, '" +
                      file.id + "' a file",
                  "give each a group of its own");
        return;
      }
    }
  }
}

}  // namespace

void decide_loss(Model& model, Problems& problems) {
  for (const std::size_t stage : model.order) {
    StageNode& node = model.stages[stage];
    const bool fed = std::any_of(node.inputs.begin(), node.inputs.end(), [&](std::size_t edge) {
      return model.stages[model.edges[edge].from_stage].live;
    });
    node.live = !model.spec.offline && (node.description.live || fed);
  }
  check_groups(model, problems);
  // Rings come after those that their makers follow, so backwards what follows is decided first.
  for (std::size_t index = model.rings.size(); index-- > 0;) {
    RingNode& ring = model.rings[index];
    ring.live = model.stages[ring.stage].live;
    decide_ring(model, ring, problems);
  }
}

}  // namespace avrig::graph
