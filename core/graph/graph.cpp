// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "passes.hpp"
#include <avrig/error.hpp>
#include <avrig/graph/graph.hpp>

#include <algorithm>

namespace avrig::graph {
namespace {

void check_answer(const Model& model,
                  std::size_t stage,
                  const stage::Configured& answer,
                  Problems& problems) {
  const StageNode& node = model.stages[stage];
  const spec::SourcePosition& at = model.spec_of(stage).position;
  const auto expect = [&](std::size_t got, std::size_t wanted, const char* what) {
    if (got != wanted) {
      add_error(problems,
                at,
                "stage '" + node.id + "' answered with " + std::to_string(got) + " " + what +
                    ", it has " + std::to_string(wanted));
    }
  };
  const std::size_t outputs = node.description.outputs.size();
  const std::size_t inputs = node.inputs.size();
  expect(answer.outputs.size(), outputs, "output formats");
  expect(answer.frame_bytes.size(), outputs, "frame sizes");
  if (!answer.history.empty()) {
    expect(answer.history.size(), inputs, "input histories");
  }
  if (!answer.holds.empty()) {
    expect(answer.holds.size(), inputs, "input holds");
  }
  if (!answer.own_buffers.empty()) {
    expect(answer.own_buffers.size(), outputs, "buffer counts");
  }
  if (!answer.keeps_reading.empty()) {
    expect(answer.keeps_reading.size(), outputs, "words on what it still reads");
  }
}

void check_output(Model& model, std::size_t stage, std::size_t output, Problems& problems) {
  StageNode& node = model.stages[stage];
  const avrig_format& format = node.configured->outputs[output];
  const spec::SourcePosition& at = model.spec_of(stage).position;
  const std::string name = "'" + model.output_name(stage, output) + "'";
  const std::uint32_t media = node.outputs[output].media;
  if (media != AVRIG_MEDIA_NONE && format.media != media) {
    add_error(problems,
              at,
              name + " was described as " + media_name(media) + " and turned out to be " +
                  media_name(format.media));
    return;
  }
  const stage::Work work = node.description.work;
  if (work == stage::Work::Editor || work == stage::Work::Gate) {
    const Edge& input = model.edges[node.inputs.front()];
    const avrig_format* before = model.format(input.ring);
    if (before != nullptr && !same_format(*before, format)) {
      add_error(problems,
                at,
                name + " must have the format of its input (" + describe_format(*before) +
                    "), since its frames stay where they are; it says " + describe_format(format));
    }
    if (work == stage::Work::Editor) {
      return;  // its followers were asked about the ring's format
    }
  } else if (node.configured->frame_bytes[output] == 0) {
    add_error(problems, at, name + " says that its frames have no bytes");
  }
  RingNode& ring = model.rings[node.outputs[output].ring];
  ring.media = format.media;
  const auto& keeps = node.configured->keeps_reading;
  if (output < keeps.size() && keeps[output]) {
    check_kept_frames(model, node.outputs[output].ring, problems);
  }
  check_followers(model, node.outputs[output].ring, format, problems);
}

}  // namespace

void add_error(Problems& problems,
               const spec::SourcePosition& at,
               std::string text,
               std::string suggestion) {
  problems.push_back({at, spec::Severity::Error, std::move(text), std::move(suggestion)});
}

void add_warning(Problems& problems,
                 const spec::SourcePosition& at,
                 std::string text,
                 std::string suggestion) {
  problems.push_back({at, spec::Severity::Warning, std::move(text), std::move(suggestion)});
}

Built Graph::build(const spec::PipelineSpec& spec, const Descriptions& descriptions) {
  Built built;
  if (spec.stages.size() > spec::kMaxStages) {
    add_error(built.problems,
              {spec.file, 0, 0},
              "the pipeline has more than " + std::to_string(spec::kMaxStages) + " stages");
    return built;
  }
  Model model;
  model.spec = spec;
  if (!connect(model, descriptions, built.problems)) {
    return built;
  }
  decide_loss(model, built.problems);
  check_hazards(model, built.problems);
  negotiate(model, built.problems);
  if (!spec::has_errors(built.problems)) {
    built.graph = Graph(std::move(model));
  }
  return built;
}

std::vector<avrig_format> Graph::input_formats(std::size_t stage) const {
  std::vector<avrig_format> formats;
  for (const std::size_t edge : model_.stages[stage].inputs) {
    const avrig_format* format = model_.format(model_.edges[edge].ring);
    if (format == nullptr) {
      throw Error(ErrorCode::Internal,
                  "stage '" + model_.stages[stage].id + "' was to be configured before '" +
                      model_.source_name(model_.edges[edge]) + "'");
    }
    formats.push_back(*format);
  }
  return formats;
}

std::vector<stage::Wish> Graph::wishes_for(std::size_t stage) const {
  std::vector<stage::Wish> wishes;
  for (const Output& output : model_.stages[stage].outputs) {
    const RingNode& ring = model_.rings[output.ring];
    // An editor has nothing to choose: its frames are its input's.
    wishes.push_back(ring.stage == stage ? ring.wish : stage::Wish{});
  }
  return wishes;
}

std::vector<spec::Problem> Graph::set_formats(std::size_t stage,
                                              const stage::Configured& configured) {
  Problems problems;
  check_answer(model_, stage, configured, problems);
  if (spec::has_errors(problems)) {
    return problems;
  }
  StageNode& node = model_.stages[stage];
  node.configured = configured;
  for (std::size_t output = 0; output < node.outputs.size(); ++output) {
    check_output(model_, stage, output, problems);
  }
  return problems;
}

bool Graph::configured() const {
  return std::all_of(model_.stages.begin(), model_.stages.end(), [](const StageNode& node) {
    return node.configured.has_value();
  });
}

}  // namespace avrig::graph
