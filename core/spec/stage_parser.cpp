// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "map_reader.hpp"
#include <avrig/spec/quantity.hpp>

#include <array>

namespace avrig::spec {
namespace {

constexpr std::array<Role, 4> kRoles{Role::Reader, Role::Processor, Role::Sync, Role::Writer};
constexpr std::size_t kMaxInputs = 1024;

/// "stage" or "stage/port" into an input.
bool read_reference(Reading& reading, const YamlNode& node, InputSpec& input) {
  if (node.kind != YamlNode::Kind::Scalar) {
    reading.error(node, "an input is written 'stage' or 'stage/port', got " + described(node));
    return false;
  }
  const std::size_t slash = node.text.find('/');
  input.stage = node.text.substr(0, slash);
  input.port = slash == std::string::npos ? "" : node.text.substr(slash + 1);
  input.position = reading.at(node);
  const bool good =
      is_good_name(input.stage) && (slash == std::string::npos || is_good_name(input.port));
  if (!good) {
    reading.error(node, "an input is written 'stage' or 'stage/port', got " + described(node));
  }
  return good;
}

/// One input: a reference, or {from:, loss:, slack:}.
void read_input(Reading& reading, const YamlNode& node, StageSpec& stage) {
  InputSpec input;
  if (node.kind != YamlNode::Kind::Map) {
    if (read_reference(reading, node, input)) {
      stage.inputs.push_back(std::move(input));
    }
    return;
  }
  const std::string what = "an input of stage '" + stage.id + "'";
  const Fields fields = read_map(reading, node, Scope::Input, what);
  const Field* from = fields.find("from");
  if (from == nullptr) {
    reading.error(node, what + " needs the key 'from'", "write {from: stage/port}");
    return;
  }
  fields.take_word("loss", {Loss::Must, Loss::MaySkip}, input.loss);
  fields.take("slack", input.slack_ns);
  if (read_reference(reading, *from->node, input)) {
    stage.inputs.push_back(std::move(input));
  }
}

void read_inputs(Reading& reading, const Field& field, StageSpec& stage) {
  const YamlNode& node = *field.node;
  if (node.kind == YamlNode::Kind::Null) {
    reading.error(*field.name, "'in' of stage '" + stage.id + "' is empty");
    return;
  }
  if (node.kind != YamlNode::Kind::List) {
    read_input(reading, node, stage);
    return;
  }
  if (node.items.size() > kMaxInputs) {
    reading.error(node, "a stage has at most " + std::to_string(kMaxInputs) + " inputs");
    return;
  }
  for (const YamlNode* item : node.items) {
    read_input(reading, *item, stage);
  }
}

void read_output(const Fields& fields, OutputSpec& out) {
  fields.take("depth", out.depth_frames);
  fields.take("window", out.window_bytes);
  fields.take("slack", out.slack_ns);
}

/// `out:` holds options for every port, and maps of them under ports' names.
void read_outputs(Reading& reading, const YamlNode& node, StageSpec& stage) {
  const std::string what = stage.id.empty() ? "'out'" : "'out' of stage '" + stage.id + "'";
  if (node.kind != YamlNode::Kind::Map) {
    reading.error(node, what + " must be a map of keys and values, got " + described(node));
    return;
  }
  YamlNode common = node;
  common.entries.clear();
  for (const auto& entry : unique_entries(reading, node)) {
    if (entry.second->kind != YamlNode::Kind::Map) {
      common.entries.push_back(entry);
      continue;
    }
    const std::string& port = entry.first->text;
    if (!is_good_name(port)) {
      reading.error(*entry.first, "'" + shortened(port) + "' cannot be a port's name");
      continue;
    }
    read_output(read_map(reading, *entry.second, Scope::Output, what + " for port '" + port + "'"),
                stage.out_ports[port]);
  }
  read_output(read_map(reading, common, Scope::Output, what), stage.out);
}

void read_trigger(Reading& reading, const YamlNode& node, StageSpec& stage) {
  const std::string& text = node.text;
  const std::string_view paired = "paired(";
  if (text == "any" || text == "all") {
    stage.trigger = {text == "all" ? TriggerKind::All : TriggerKind::Any, 0};
    return;
  }
  if (text.rfind(paired, 0) == 0 && text.back() == ')') {
    const auto tolerance =
        parse_duration_ns(text.substr(paired.size(), text.size() - paired.size() - 1));
    if (tolerance.value && *tolerance.value >= 0) {
      stage.trigger = {TriggerKind::Paired, *tolerance.value};
    } else {
      reading.error(node,
                    "the tolerance of 'trigger' " +
                        (tolerance.value ? std::string("must not be negative") : tolerance.error),
                    tolerance.suggestion);
    }
    return;
  }
  reading.error(node,
                "'trigger' expects any, all or paired(DURATION), got " + described(node),
                text == "paired" ? "write paired(20ms)" : "");
}

void read_restart(Reading& reading, const YamlNode& node, StageSpec& stage) {
  const Fields fields = read_map(reading, node, Scope::Restart, "'restart'");
  fields.take("max", stage.restart.max);
  fields.take("window", stage.restart.window_ns);
  fields.take("backoff", stage.restart.backoff_ns);
}

void read_params(Reading& reading, const Field& field, StageSpec& stage) {
  const YamlNode& node = *field.node;
  if (node.kind == YamlNode::Kind::Null) {
    return;  // a `with:` whose entries are all commented out
  }
  if (node.kind != YamlNode::Kind::Map) {
    reading.error(
        node,
        "'with' of stage '" + stage.id + "' must be a map of parameters, got " + described(node));
    return;
  }
  stage.params = read_free(reading, node, *field.name, "", stage.param_sources);
}

/// What `defaults:` and a stage have in common.
void read_options(Reading& reading, const Fields& fields, StageSpec& stage) {
  fields.take_word("wait", {Wait::Block, Wait::Adaptive, Wait::Spin}, stage.wait);
  fields.take_word("unprocessed", {Unprocessed::Pass, Unprocessed::Drop}, stage.unprocessed);
  fields.take("hang_timeout", stage.hang_timeout_ns);
  fields.take("nice", stage.nice);
  fields.take("realtime", stage.realtime);
  if (const Field* out = fields.find("out")) {
    read_outputs(reading, *out->node, stage);
  }
  if (const Field* restart = fields.find("restart")) {
    read_restart(reading, *restart->node, stage);
  }
}

void read_role(Reading& reading, const Fields& fields, StageSpec& stage) {
  const Field* first = nullptr;
  for (const Role role : kRoles) {
    const Field* field = fields.find(to_string(role));
    if (field == nullptr) {
      continue;
    }
    if (first != nullptr) {
      reading.error(*field->name,
                    "stage '" + stage.id + "' has two roles: '" + first->key->parameter.name +
                        "' and '" + field->key->parameter.name + "'",
                    "a stage is one process with one role: make two stages of it");
      continue;
    }
    first = field;
    stage.role = role;
    stage.target_position = reading.at(field->place());
    fields.take(to_string(role), stage.target);
  }
  if (is_library_path(stage.target) && stage.role != Role::Sync) {
    stage.target_path = resolve_path(stage.target, reading.folder);
  }
}

void read_id(Reading& reading, const Fields& fields, StageSpec& stage) {
  if (const Field* id = fields.find("id")) {
    stage.position = reading.at(id->place());
    fields.take("id", stage.id);
    stage.id = shortened(stage.id, 64);  // too long already, and still bad when cut
  }
}

}  // namespace

StageSpec read_defaults(Reading& reading, const YamlNode& node) {
  StageSpec defaults;
  read_options(reading, read_map(reading, node, Scope::Defaults, "'defaults'"), defaults);
  return defaults;
}

ReadStage read_stage(Reading& reading, const YamlNode& node, const StageSpec& defaults) {
  ReadStage stage_read{defaults, true};
  StageSpec& stage = stage_read.stage;
  stage.folder = reading.folder;
  stage.position = reading.at(node);
  if (node.kind == YamlNode::Kind::Map) {
    for (const auto& [key, value] : node.entries) {  // for the messages about its other keys
      if (key->text == "id" && value->kind == YamlNode::Kind::Scalar) {
        stage.id = shortened(value->text, 64);
      }
    }
  }
  const std::string what = stage.id.empty() ? "a stage" : "stage '" + stage.id + "'";
  const Fields fields = read_map(reading, node, Scope::Stage, what);
  if (node.kind != YamlNode::Kind::Map) {
    return stage_read;
  }
  read_id(reading, fields, stage);
  read_role(reading, fields, stage);
  fields.take("class", stage.plugin);
  fields.take("cpu", stage.cpus);
  read_options(reading, fields, stage);
  if (const Field* in = fields.find("in")) {
    const std::size_t before = reading.problems.size();
    read_inputs(reading, *in, stage);
    stage_read.inputs_known = reading.problems.size() == before;
  }
  if (const Field* trigger = fields.find("trigger")) {
    read_trigger(reading, *trigger->node, stage);
  }
  if (const Field* with = fields.find("with")) {
    read_params(reading, *with, stage);
  }
  return stage_read;
}

}  // namespace avrig::spec
