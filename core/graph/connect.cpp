// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "passes.hpp"

#include <algorithm>
#include <tuple>

namespace avrig::graph {
namespace {

bool fits(std::uint32_t port_media, std::uint32_t media) {
  return port_media == AVRIG_MEDIA_NONE || media == AVRIG_MEDIA_NONE || port_media == media;
}

/// Matches what the file connects with the ports that the stages describe.
class Connector {
 public:
  Connector(Model& model, const Descriptions& descriptions, Problems& problems)
      : model_(model), descriptions_(descriptions), problems_(problems) {}

  bool run() {
    make_stages();
    if (!make_order()) {
      return false;
    }
    for (const std::size_t stage : model_.order) {
      connect_inputs(stage);
      make_outputs(stage);
    }
    number_participants();
    find_reach();
    return true;
  }

 private:
  /// An input of the file while it looks for its port.
  struct Pending {
    std::size_t spec_input = 0;
    std::size_t producer = kNone;
    std::vector<std::size_t> outputs;  // of the producer, that may be meant
    std::size_t output = kNone;        // the one that is
    std::size_t port = kNone;
  };

  [[nodiscard]] std::size_t find(const std::string& id) const {
    for (std::size_t stage = 0; stage < model_.stages.size(); ++stage) {
      if (model_.stages[stage].id == id) {
        return stage;
      }
    }
    return kNone;
  }

  void make_stages() {
    for (const spec::StageSpec& stage : model_.spec.stages) {
      StageNode node;
      node.id = stage.id;
      const auto found = descriptions_.find(stage.id);
      node.described = found != descriptions_.end();
      if (node.described) {
        node.description = found->second;
        check_role(stage, node.description);
      } else {
        add_error(problems_, stage.position, "stage '" + stage.id + "' did not say what it is");
      }
      model_.stages.push_back(std::move(node));
    }
  }

  void check_role(const spec::StageSpec& stage, const stage::Description& description) {
    const std::string who = "'" + std::string(spec::to_string(stage.role)) + ": " + stage.target +
                            "' of stage '" + stage.id + "' ";
    const auto wrong = [&](const std::string& what) {
      add_error(problems_, stage.target_position, who + what);
    };
    if (stage.role == spec::Role::Reader && description.outputs.empty()) {
      wrong("has nothing to read: it describes no output");
    }
    if (stage.role == spec::Role::Sync &&
        (description.work != stage::Work::Gate || description.outputs.size() != 1)) {
      wrong("is not a gate with one output");
    }
    if (description.work == stage::Work::Editor &&
        (description.inputs.empty() || description.outputs.size() != 1)) {
      wrong("edits in place, so it must have an input and exactly one output");
    }
  }

  // Kahn's order, always taking the first stage of the file that is ready.
  bool make_order() {
    const std::size_t count = model_.stages.size();
    std::vector<bool> placed(count, false);
    const auto ready = [&](std::size_t stage) {
      const auto& inputs = model_.spec.stages[stage].inputs;
      return std::all_of(inputs.begin(), inputs.end(), [&](const spec::InputSpec& input) {
        const std::size_t producer = find(input.stage);
        return producer == kNone || placed[producer];
      });
    };
    while (model_.order.size() < count) {
      std::size_t next = 0;
      while (next < count && (placed[next] || !ready(next))) {
        ++next;
      }
      if (next == count) {
        add_error(problems_, {model_.spec.file, 0, 0}, "the stages form a cycle");
        return false;
      }
      placed[next] = true;
      model_.order.push_back(next);
    }
    return true;
  }

  // --- inputs ----------------------------------------------------------------------------------

  [[nodiscard]] std::vector<stage::InputPort> ports_of(const stage::Description& description,
                                                       std::size_t wanted) const {
    std::vector<stage::InputPort> ports = description.inputs;
    while (description.many_inputs && !ports.empty() && ports.size() < wanted) {
      stage::InputPort further = description.inputs.back();
      further.name += std::to_string(ports.size() - description.inputs.size() + 2);
      further.optional = true;
      ports.push_back(std::move(further));
    }
    return ports;
  }

  void connect_inputs(std::size_t stage) {
    if (!model_.stages[stage].described) {
      return;
    }
    const spec::StageSpec& spec = model_.spec.stages[stage];
    const auto ports = ports_of(model_.stages[stage].description, spec.inputs.size());
    std::vector<Pending> pending;
    bool clean = true;
    for (std::size_t index = 0; index < spec.inputs.size(); ++index) {
      Pending input;
      input.spec_input = index;
      if (find_outputs(stage, input)) {
        pending.push_back(std::move(input));
      } else {
        clean = false;
      }
    }
    if (spec.inputs.size() > ports.size()) {
      complain_of_count(stage, ports);
      return;
    }
    std::vector<bool> taken(ports.size(), false);
    for (const bool sure : {true, false}) {
      for (Pending& input : pending) {
        if ((input.outputs.size() == 1) == sure) {
          clean = place(stage, ports, taken, input) && clean;
        }
      }
    }
    make_edges(stage, ports, pending);
    if (clean) {
      complain_of_open_ports(stage, ports, taken);
    }
  }

  // Which outputs of its producer an input may mean. False when that cannot be told.
  bool find_outputs(std::size_t stage, Pending& input) {
    const spec::InputSpec& wanted = model_.spec.stages[stage].inputs[input.spec_input];
    input.producer = find(wanted.stage);
    if (input.producer == kNone) {
      std::vector<std::string> ids;
      for (const StageNode& node : model_.stages) {
        ids.push_back(node.id);
      }
      add_error(problems_,
                wanted.position,
                "stage '" + model_.stages[stage].id + "' takes its input from '" + wanted.stage +
                    "', which is no stage",
                spec::did_you_mean(wanted.stage, ids));
      return false;
    }
    const StageNode& producer = model_.stages[input.producer];
    const auto& outputs = producer.description.outputs;
    if (!producer.described) {
      return false;
    }
    if (outputs.empty()) {
      add_error(problems_,
                wanted.position,
                "stage '" + model_.stages[stage].id + "' takes its input from '" + wanted.stage +
                    "', which has no output");
      return false;
    }
    for (std::size_t output = 0; output < outputs.size(); ++output) {
      if (wanted.port.empty() || outputs[output].name == wanted.port) {
        input.outputs.push_back(output);
      }
    }
    if (input.outputs.empty()) {
      complain_of_port(wanted, outputs);
      return false;
    }
    return std::all_of(input.outputs.begin(), input.outputs.end(), [&](std::size_t output) {
      return output < producer.outputs.size() && producer.outputs[output].ring != kNone;
    });
  }

  void complain_of_port(const spec::InputSpec& wanted,
                        const std::vector<stage::OutputPort>& outputs) {
    std::vector<std::string> names;
    std::string list;
    for (const stage::OutputPort& output : outputs) {
      names.push_back(output.name);
      list += (list.empty() ? "" : ", ") + ("'" + wanted.stage + "/" + output.name + "'");
    }
    const std::string near = spec::closest(wanted.port, names);
    add_error(problems_,
              wanted.position,
              "stage '" + wanted.stage + "' has no output '" + wanted.port + "'; there is " + list,
              near.empty() ? "" : "did you mean '" + wanted.stage + "/" + near + "'?");
  }

  void complain_of_count(std::size_t stage, const std::vector<stage::InputPort>& ports) {
    const spec::StageSpec& spec = model_.spec.stages[stage];
    add_error(problems_,
              spec.inputs[ports.size()].position,
              "stage '" + spec.id + "' takes " +
                  (ports.empty() ? "no input"
                                 : std::to_string(ports.size()) +
                                       (ports.size() == 1 ? " input" : " inputs")) +
                  ", got " + std::to_string(spec.inputs.size()),
              "remove '" + spec.inputs[ports.size()].reference() + "'");
  }

  [[nodiscard]] std::uint32_t media(const Pending& input, std::size_t output) const {
    return model_.stages[input.producer].outputs[output].media;
  }

  // The first free port made for that media, else the first that takes any.
  [[nodiscard]] static std::size_t free_port(const std::vector<stage::InputPort>& ports,
                                             const std::vector<bool>& taken,
                                             std::uint32_t media) {
    std::size_t any = kNone;
    for (std::size_t port = 0; port < ports.size(); ++port) {
      if (taken[port] || !fits(ports[port].accepts.media, media)) {
        continue;
      }
      if (ports[port].accepts.media == media) {
        return port;
      }
      any = any == kNone ? port : any;
    }
    return any;
  }

  bool place(std::size_t stage,
             const std::vector<stage::InputPort>& ports,
             std::vector<bool>& taken,
             Pending& input) {
    std::vector<std::size_t> suitable;
    for (const std::size_t output : input.outputs) {
      if (free_port(ports, taken, media(input, output)) != kNone) {
        suitable.push_back(output);
      }
    }
    if (suitable.size() != 1) {
      complain_of_match(stage, ports, taken, input, suitable);
      return false;
    }
    input.output = suitable.front();
    input.port = free_port(ports, taken, media(input, input.output));
    taken[input.port] = true;
    return true;
  }

  void complain_of_match(std::size_t stage,
                         const std::vector<stage::InputPort>& ports,
                         const std::vector<bool>& taken,
                         const Pending& input,
                         const std::vector<std::size_t>& suitable) {
    const spec::InputSpec& wanted = model_.spec.stages[stage].inputs[input.spec_input];
    const std::string& id = model_.stages[stage].id;
    if (!suitable.empty()) {
      std::string list;
      for (const std::size_t output : suitable) {
        list += (list.empty() ? "'" : " or '") + model_.output_name(input.producer, output) + "'";
      }
      add_error(problems_,
                wanted.position,
                "'" + wanted.stage + "' has several outputs that stage '" + id + "' could take",
                "say which: " + list);
      return;
    }
    std::string takes;
    std::uint32_t free_media = AVRIG_MEDIA_NONE;
    for (std::size_t port = 0; port < ports.size(); ++port) {
      if (!taken[port]) {
        free_media = ports[port].accepts.media;
        takes += (takes.empty() ? "" : ", ") + std::string(media_name(free_media)) + " ('" +
                 ports[port].name + "')";
      }
    }
    std::string suggestion;
    const StageNode& producer = model_.stages[input.producer];
    for (std::size_t output = 0; output < producer.outputs.size(); ++output) {
      if (free_media != AVRIG_MEDIA_NONE && producer.outputs[output].media == free_media) {
        suggestion = "take '" + model_.output_name(input.producer, output) + "'";
      }
    }
    add_error(problems_,
              wanted.position,
              "stage '" + id + "' takes " + takes + ", but '" +
                  model_.output_name(input.producer, input.outputs.front()) + "' is " +
                  media_name(media(input, input.outputs.front())),
              suggestion);
  }

  void complain_of_open_ports(std::size_t stage,
                              const std::vector<stage::InputPort>& ports,
                              const std::vector<bool>& taken) {
    const spec::StageSpec& spec = model_.spec.stages[stage];
    for (std::size_t port = 0; port < ports.size(); ++port) {
      if (!taken[port] && !ports[port].optional) {
        add_error(problems_,
                  spec.position,
                  "stage '" + spec.id + "' needs an input for its port '" + ports[port].name +
                      "' (" + media_name(ports[port].accepts.media) + ")",
                  "add it to its 'in'");
      }
    }
  }

  void make_edges(std::size_t stage,
                  const std::vector<stage::InputPort>& ports,
                  std::vector<Pending>& pending) {
    std::erase_if(pending, [](const Pending& input) { return input.port == kNone; });
    std::sort(pending.begin(), pending.end(), [](const Pending& a, const Pending& b) {
      return a.port < b.port;
    });
    StageNode& node = model_.stages[stage];
    for (const Pending& input : pending) {
      const spec::InputSpec& spec = model_.spec.stages[stage].inputs[input.spec_input];
      const Output& source = model_.stages[input.producer].outputs[input.output];
      Edge edge;
      edge.stage = stage;
      edge.input = node.inputs.size();
      edge.port = ports[input.port];
      edge.from_stage = input.producer;
      edge.from_output = input.output;
      edge.ring = source.ring;
      edge.level = source.level;
      edge.asked_loss = spec.loss;
      edge.slack_ns = spec.slack_ns;
      edge.position = spec.position;
      // Only the first input of an editor is edited; further ones are looked at.
      if (edge.input == 0 && node.description.work == stage::Work::Editor) {
        edge.part = shm::Part::Editor;
      } else if (node.description.work == stage::Work::Gate) {
        edge.part = shm::Part::Gate;
      }
      node.inputs.push_back(model_.edges.size());
      model_.rings[edge.ring].edges.push_back(model_.edges.size());
      model_.edges.push_back(std::move(edge));
    }
  }

  // --- outputs ---------------------------------------------------------------------------------

  void make_outputs(std::size_t stage) {
    StageNode& node = model_.stages[stage];
    const stage::Work work = node.description.work;
    const bool through = work == stage::Work::Editor || work == stage::Work::Gate;
    for (std::size_t index = 0; index < node.description.outputs.size(); ++index) {
      Output output;
      output.media = node.description.outputs[index].offers.media;
      const Edge* input = node.inputs.empty() ? nullptr : &model_.edges[node.inputs.front()];
      if (input != nullptr && (through || output.media == AVRIG_MEDIA_NONE)) {
        output.media = model_.stages[input->from_stage].outputs[input->from_output].media;
      }
      if (work == stage::Work::Editor && input != nullptr) {
        output.ring = input->ring;
        output.level = input->level + 1;
      } else if (!through || input != nullptr) {
        output.ring = model_.rings.size();
        RingNode ring;
        ring.stage = stage;
        ring.output = index;
        ring.media = output.media;
        ring.reference = work == stage::Work::Gate;
        ring.pool = ring.reference ? model_.rings[input->ring].pool : model_.rings.size();
        model_.rings.push_back(std::move(ring));
      }
      node.outputs.push_back(output);
    }
  }

  // By level, editors behind those that see the same frame, then as in the file.
  void number_participants() {
    for (RingNode& ring : model_.rings) {
      const auto key = [&](std::size_t index) {
        const Edge& edge = model_.edges[index];
        return std::tuple(edge.level, edge.part == shm::Part::Editor, edge.stage, edge.input);
      };
      std::sort(ring.edges.begin(), ring.edges.end(), [&](std::size_t a, std::size_t b) {
        return key(a) < key(b);
      });
      std::uint32_t participant = 0;
      for (const std::size_t index : ring.edges) {
        model_.edges[index].participant = participant++;
        if (model_.edges[index].part == shm::Part::Editor) {
          ring.editors.push_back(index);
        }
      }
    }
  }

  // Gates of a group start together, so what leads to one leads to all of them.
  void find_reach() {
    const auto bit = [](std::size_t stage) {
      return std::uint64_t{1} << (stage % 64);
    };
    for (std::size_t at = model_.order.size(); at-- > 0;) {
      const std::size_t stage = model_.order[at];
      StageNode& node = model_.stages[stage];
      node.reaches |= bit(stage);
      const spec::StageSpec& spec = model_.spec.stages[stage];
      for (std::size_t other = 0; other < model_.stages.size(); ++other) {
        const spec::StageSpec& candidate = model_.spec.stages[other];
        if (spec.role == spec::Role::Sync && candidate.role == spec::Role::Sync &&
            candidate.target == spec.target) {
          node.reaches |= bit(other);
        }
      }
      for (const std::size_t edge : node.inputs) {
        model_.stages[model_.edges[edge].from_stage].reaches |= node.reaches;
      }
    }
  }

  Model& model_;
  const Descriptions& descriptions_;
  Problems& problems_;
};

}  // namespace

bool connect(Model& model, const Descriptions& descriptions, Problems& problems) {
  return Connector(model, descriptions, problems).run();
}

}  // namespace avrig::graph
