// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "passes.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <string>
#include <utility>

// A ring is to its followers what a register is to instructions: the maker writes it, editors
// write it again, lookers read it. Reads of one value run side by side; a write waits for the
// reads of the value before it (`behind`) and for the writes before it (`after`); a read waits for
// the write it names (`after`). What asks for two values at once cannot be ordered.
namespace avrig::graph {
namespace {

constexpr const char* kMakerBefore =
    "put a maker before it: a processor that writes frames of its own, such as 'process: avfilter'";

std::string named(const Model& model, const Edge& edge) {
  return "'" + model.stages[edge.stage].id + "'";
}

std::string placed(const Model& model, const Edge& edge) {
  return named(model, edge) + " (" + spec::to_string(edge.position) + ")";
}

void check_editor(const Model& model, const Edge& editor, Problems& problems) {
  const RingNode& ring = model.rings[editor.ring];
  const StageNode& maker = model.stages[ring.stage];
  const std::string where = spec::to_string(model.spec_of(ring.stage).position);
  if (ring.reference) {
    add_error(problems,
              editor.position,
              named(model, editor) + " edits frames in place, but those of '" +
                  model.ring_name(editor.ring) + "' lie in the buffers of '" +
                  model.ring_name(ring.pool) + "': the gate '" + maker.id + "' (" + where +
                  ") only names them",
              "edit before the gate, or " + std::string(kMakerBefore));
  }
  if (editor.asked_loss == spec::Loss::MaySkip) {
    add_error(
        problems,
        editor.position,
        named(model, editor) +
            " edits frames in place and cannot skip any: what it skipped would go on unedited",
        "leave 'loss' away, or use a processor that writes frames of its own");
  }
}

// Editors form a chain: each follows the one before.
void check_chain(const Model& model, const RingNode& ring, Problems& problems) {
  for (std::size_t index = 0; index < ring.editors.size(); ++index) {
    const Edge& editor = model.edges[ring.editors[index]];
    check_editor(model, editor, problems);
    if (index > 0 && model.edges[ring.editors[index - 1]].level == editor.level) {
      const Edge& other = model.edges[ring.editors[index - 1]];
      add_error(problems,
                editor.position,
                placed(model, other) + " and " + placed(model, editor) +
                    " both edit the frames of '" + model.source_name(editor) +
                    "' in place: neither comes first",
                "let one follow the other: 'in: " + model.stages[other.stage].id + "' in stage '" +
                    model.stages[editor.stage].id + "'");
    }
    if (index == shm::kMaxEditors) {
      add_error(problems,
                editor.position,
                named(model, editor) + " is editor " + std::to_string(index + 1) + " of '" +
                    model.ring_name(editor.ring) + "'; a ring has at most " +
                    std::to_string(shm::kMaxEditors),
                kMakerBefore);
    }
  }
}

// The stages that each stage waits for before it is through with a frame: its producers, those of
// gates that start with it, and for an editor all who look at the frame before.
std::vector<std::uint64_t> find_waits(const Model& model) {
  const auto bit = [](std::size_t stage) {
    return std::uint64_t{1} << (stage % 64);
  };
  std::vector<std::uint64_t> waits(model.stages.size());
  const auto add = [&](std::size_t stage) {
    std::uint64_t all = waits[stage] | bit(stage);
    for (const std::size_t index : model.stages[stage].inputs) {
      const Edge& edge = model.edges[index];
      all |= waits[edge.from_stage] | bit(edge.from_stage);
      const std::uint64_t behind = masks(model, edge).behind;
      for (const std::size_t other : model.rings[edge.ring].edges) {
        const std::size_t looker = model.edges[other].stage;
        const bool waited = ((behind >> (model.edges[other].participant % 64)) & 1) != 0;
        all |= waited ? waits[looker] | bit(looker) : 0;
      }
    }
    const spec::StageSpec& gate = model.spec_of(stage);
    for (std::size_t other = 0; other < model.stages.size(); ++other) {
      const spec::StageSpec& sibling = model.spec_of(other);
      if (gate.role == spec::Role::Sync && sibling.role == spec::Role::Sync &&
          sibling.target == gate.target) {
        all |= waits[other];
      }
    }
    return std::exchange(waits[stage], all) != all;
  };
  for (bool grew = true; grew;) {
    grew = false;
    for (std::size_t stage = 0; stage < model.stages.size(); ++stage) {
      grew = add(stage) || grew;
    }
  }
  return waits;
}

// Does `edge`'s stage, which holds a frame that `editor` waits to edit, wait for the editor?
void check_both(const Model& model,
                const Edge& edge,
                const Edge& editor,
                const std::vector<std::uint64_t>& waits,
                Problems& problems) {
  for (const std::size_t index : model.stages[edge.stage].inputs) {
    const Edge& other = model.edges[index];
    if (&other == &edge || ((waits[other.from_stage] >> (editor.stage % 64)) & 1) == 0) {
      continue;
    }
    add_error(problems,
              edge.position,
              named(model, edge) + " waits for '" + model.source_name(edge) + "' and, with '" +
                  model.source_name(other) + "' (" + spec::to_string(other.position) +
                  "), for what " + placed(model, editor) +
                  " makes of the same frame, which waits for it",
              "follow the edited frame only, give the two to stages of their own, or put a maker "
              "before " +
                  named(model, editor));
    return;
  }
}

void check_unedited(const Model& model,
                    const RingNode& ring,
                    const std::vector<std::uint64_t>& waits,
                    Problems& problems) {
  for (const std::size_t index : ring.edges) {
    const Edge& edge = model.edges[index];
    const auto later = std::find_if(ring.editors.begin(), ring.editors.end(), [&](std::size_t at) {
      return model.edges[at].level >= edge.level && at != index;
    });
    if (edge.part == shm::Part::Editor || later == ring.editors.end()) {
      continue;
    }
    const Edge& editor = model.edges[*later];
    if (edge.part == shm::Part::Gate) {
      add_error(problems,
                edge.position,
                "the gate " + named(model, edge) + " hands on frames of '" +
                    model.source_name(edge) + "' that " + placed(model, editor) +
                    " then edits in place",
                "let the gate follow '" + model.stages[editor.stage].id +
                    "', or put a maker before " + named(model, editor));
      continue;
    }
    if (edge.stage == editor.stage) {
      add_error(problems,
                edge.position,
                placed(model, edge) + " looks at frames of '" + model.source_name(edge) +
                    "' that it also edits in place: it would wait for itself",
                "remove one of the two inputs, or put a maker before it");
      continue;
    }
    check_both(model, edge, editor, waits, problems);
    if (edge.loss == shm::Loss::MaySkip) {
      add_warning(problems,
                  edge.position,
                  named(model, edge) + " may skip frames, but while it looks at one " +
                      placed(model, editor) + " waits to edit it",
                  "let it follow '" + model.stages[editor.stage].id + "'");
    }
  }
}

void check_counts(const Model& model, const RingNode& ring, Problems& problems) {
  if (ring.edges.size() > shm::kMaxParticipants) {
    const Edge& first_too_many = model.edges[ring.edges[shm::kMaxParticipants]];
    add_error(problems,
              first_too_many.position,
              std::to_string(ring.edges.size()) + " stages follow '" +
                  model.output_name(ring.stage, ring.output) + "'; a ring has at most " +
                  std::to_string(shm::kMaxParticipants) + " followers",
              "let some of them follow a maker behind it");
  }
  const StageNode& maker = model.stages[ring.stage];
  if (ring.output == 0 && maker.inputs.size() > shm::kMaxOrigins) {
    add_error(problems,
              model.edges[maker.inputs[shm::kMaxOrigins]].position,
              "stage '" + maker.id + "' has " + std::to_string(maker.inputs.size()) +
                  " inputs; what writes frames of its own records where it stands on at most " +
                  std::to_string(shm::kMaxOrigins));
  }
}

// One reader feeding two bounded rings whose frames meet again: it must not stop one for the other.
void check_reader(const Model& model, std::size_t stage, Problems& problems) {
  const StageNode& node = model.stages[stage];
  if (!node.inputs.empty() || node.live) {
    return;
  }
  std::uint64_t seen = 0;
  std::uint64_t joint = 0;
  bool threads = true;
  for (std::size_t index = 0; index < node.outputs.size(); ++index) {
    std::uint64_t reach = 0;
    for (const Edge& edge : model.edges) {
      if (edge.from_stage == stage && edge.from_output == index) {
        reach |= model.stages[edge.stage].reaches;
      }
    }
    joint |= seen & reach;
    seen |= reach;
    threads = threads && (reach == 0 || node.description.outputs[index].own_bell);
  }
  if (joint != 0 && !threads) {
    const std::string& meets = model.stages[static_cast<std::size_t>(std::countr_zero(joint))].id;
    add_warning(
        problems,
        model.spec_of(stage).position,
        "stage '" + node.id + "' serves its outputs from one thread, and '" + meets +
            "' needs them together: waiting for room in one may stop the other for good",
        "the reader should serve each output from a thread of its own (own_bell); else give "
        "its outputs a larger 'window'");
  }
}

// The groups whose gates stand on the way to `stage`, those that these wait for included. A group
// starts when each of its gates has its first frame.
void groups_before(const Model& model,
                   std::size_t stage,
                   std::vector<bool>& seen,
                   std::set<std::string>& groups) {
  for (const std::size_t index : model.stages[stage].inputs) {
    const std::size_t before = model.edges[index].from_stage;
    if (seen[before]) {
      continue;
    }
    seen[before] = true;
    const spec::StageSpec& spec = model.spec_of(before);
    if (spec.role == spec::Role::Sync && groups.insert(spec.target).second) {
      for (std::size_t gate = 0; gate < model.stages.size(); ++gate) {
        const spec::StageSpec& sibling = model.spec_of(gate);
        if (sibling.role == spec::Role::Sync && sibling.target == spec.target) {
          groups_before(model, gate, seen, groups);
        }
      }
    }
    groups_before(model, before, seen, groups);
  }
}

void check_gate(const Model& model, std::size_t stage, Problems& problems) {
  const spec::StageSpec& spec = model.spec_of(stage);
  std::vector<bool> seen(model.stages.size(), false);
  std::set<std::string> groups;
  groups_before(model, stage, seen, groups);
  if (groups.contains(spec.target)) {
    add_error(problems,
              spec.position,
              "the gate '" + spec.id + "' gets its first frame only when the group '" +
                  spec.target + "' has started, and the group waits for all of its gates",
              "let it follow a stage before the gates, or give it a group of its own");
  }
}

}  // namespace

void check_kept_frames(const Model& model, std::size_t ring, Problems& problems) {
  const StageNode& maker = model.stages[model.rings[ring].stage];
  const std::string where = spec::to_string(model.spec_of(model.rings[ring].stage).position);
  for (const std::size_t index : model.rings[ring].editors) {
    const Edge& editor = model.edges[index];
    add_error(problems,
              editor.position,
              named(model, editor) + " edits frames in place, but '" + maker.id + "' (" + where +
                  ") still reads those of '" + model.ring_name(ring) +
                  "' after it has published them",
              kMakerBefore);
  }
}

void check_hazards(const Model& model, Problems& problems) {
  const std::vector<std::uint64_t> waits = find_waits(model);
  for (const RingNode& ring : model.rings) {
    check_chain(model, ring, problems);
    check_unedited(model, ring, waits, problems);
    check_counts(model, ring, problems);
  }
  for (std::size_t stage = 0; stage < model.stages.size(); ++stage) {
    check_reader(model, stage, problems);
    if (model.spec_of(stage).role == spec::Role::Sync) {
      check_gate(model, stage, problems);
    }
  }
}

Masks masks(const Model& model, const Edge& edge) {
  Masks result;
  for (const std::size_t index : model.rings[edge.ring].edges) {
    const Edge& other = model.edges[index];
    const std::uint64_t bit = std::uint64_t{1} << (other.participant % 64);
    const bool editor = other.part == shm::Part::Editor;
    // Every editor before, not just the last: a follower also heeds their verdicts.
    if (editor && other.level < edge.level) {
      result.after |= bit;
    }
    // Editors before us included: one may look back at frames that it has edited.
    if (edge.part == shm::Part::Editor && &other != &edge &&
        (other.level < edge.level || (other.level == edge.level && !editor))) {
      result.behind |= bit;
    }
  }
  return result;
}

}  // namespace avrig::graph
