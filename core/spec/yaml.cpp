// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "map_reader.hpp"
#include <avrig/spec/quantity.hpp>
#include <avrig/spec/yaml.hpp>

#include <algorithm>

namespace avrig::spec {
namespace {

using nlohmann::json;

/// Whether `text` stands for itself without quotes: a word of harmless characters that YAML would
/// not read as something else.
bool is_plain(const std::string& text) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/' || c == '+' || c == '%';
  };
  const auto alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (text.empty() || text.size() > 80 || !std::all_of(text.begin(), text.end(), harmless)) {
    return false;
  }
  const bool opens_well = alnum(text.front()) || text.front() == '/' || text.rfind("./", 0) == 0 ||
                          text.rfind("../", 0) == 0 ||
                          (text.front() == '-' && text.size() > 1 && alnum(text[1]));
  YamlNode node;
  node.kind = YamlNode::Kind::Scalar;
  node.plain = true;
  node.text = text;
  const bool null = text == "null" || text == "Null" || text == "NULL";
  return opens_well && !null && to_json_value(node).is_string();
}

std::string scalar(const std::string& text) {
  return is_plain(text) ? text : json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

/// A value in flow style: JSON, but for plain words.
std::string flow(const json& value) {
  if (value.is_string()) {
    return scalar(value.get<std::string>());
  }
  std::string out;
  if (value.is_array()) {
    for (const json& item : value) {
      out += (out.empty() ? "" : ", ") + flow(item);
    }
    return "[" + out + "]";
  }
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      out += (out.empty() ? "" : ", ") + scalar(key) + ": " + flow(item);
    }
    return "{" + out + "}";
  }
  return value.dump();
}

/// `key: value` pairs that are collected into `{...}` when there are any.
class Flow {
 public:
  void add(const std::string& key, const std::string& value) {
    text_ += (text_.empty() ? "" : ", ") + key + ": " + value;
  }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] std::string text() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

Flow output_flow(const OutputSpec& out) {
  Flow flow;
  if (out.depth_frames) {
    flow.add("depth", std::to_string(*out.depth_frames));
  }
  if (out.window_bytes) {
    flow.add("window", format_size(*out.window_bytes));
  }
  if (out.slack_ns) {
    flow.add("slack", format_duration(*out.slack_ns));
  }
  return flow;
}

std::string input_text(const InputSpec& input) {
  if (!input.loss && !input.slack_ns) {
    return scalar(input.reference());
  }
  Flow flow;
  flow.add("from", scalar(input.reference()));
  if (input.loss) {
    flow.add("loss", std::string(to_string(*input.loss)));
  }
  if (input.slack_ns) {
    flow.add("slack", format_duration(*input.slack_ns));
  }
  return flow.text();
}

void line(std::string& out, int indent, const std::string& key, const std::string& value) {
  out += std::string(static_cast<std::size_t>(indent), ' ') + key + ": " + value + "\n";
}

void write_inputs(std::string& out, const StageSpec& stage) {
  if (stage.inputs.empty()) {
    return;
  }
  if (stage.inputs.size() == 1) {
    line(out, 4, "in", input_text(stage.inputs.front()));
    return;
  }
  std::string list;
  for (const InputSpec& input : stage.inputs) {
    list += (list.empty() ? "" : ", ") + input_text(input);
  }
  line(out, 4, "in", "[" + list + "]");
}

void write_outputs(std::string& out, const StageSpec& stage) {
  Flow flow = output_flow(stage.out);
  for (const auto& [port, options] : stage.out_ports) {
    flow.add(scalar(port), output_flow(options).text());
  }
  if (!flow.empty()) {
    line(out, 4, "out", flow.text());
  }
}

void write_restart(std::string& out, const RestartPolicy& restart) {
  const RestartPolicy usual;
  Flow flow;
  if (restart.max != usual.max) {
    flow.add("max", std::to_string(restart.max));
  }
  if (restart.window_ns != usual.window_ns) {
    flow.add("window", format_duration(restart.window_ns));
  }
  if (restart.backoff_ns != usual.backoff_ns) {
    flow.add("backoff", format_duration(restart.backoff_ns));
  }
  if (!flow.empty()) {
    line(out, 4, "restart", flow.text());
  }
}

void write_options(std::string& out, const StageSpec& stage) {
  const StageSpec usual;
  if (stage.wait != usual.wait) {
    line(out, 4, "wait", std::string(to_string(stage.wait)));
  }
  if (stage.trigger.kind == TriggerKind::Paired) {
    line(out, 4, "trigger", "paired(" + format_duration(stage.trigger.tolerance_ns) + ")");
  } else if (stage.trigger.kind != usual.trigger.kind) {
    line(out, 4, "trigger", std::string(to_string(stage.trigger.kind)));
  }
  if (stage.unprocessed) {
    line(out, 4, "unprocessed", std::string(to_string(*stage.unprocessed)));
  }
  write_restart(out, stage.restart);
  if (stage.hang_timeout_ns != usual.hang_timeout_ns) {
    line(out, 4, "hang_timeout", format_duration(stage.hang_timeout_ns));
  }
  if (!stage.cpus.empty()) {
    line(out, 4, "cpu", json(stage.cpus).dump());
  }
  if (stage.nice != 0) {
    line(out, 4, "nice", std::to_string(stage.nice));
  }
  if (stage.realtime != 0) {
    line(out, 4, "realtime", std::to_string(stage.realtime));
  }
}

void write_stage(std::string& out, const StageSpec& stage) {
  out += "  - id: " + scalar(stage.id) + "\n";
  if (stage.role != Role::None) {
    line(out, 4, std::string(to_string(stage.role)), scalar(stage.target));
  }
  if (!stage.plugin.empty()) {
    line(out, 4, "class", scalar(stage.plugin));
  }
  write_inputs(out, stage);
  if (!stage.params.empty()) {
    line(out, 4, "with", "");
    out.replace(out.size() - 2, 1, "");  // no blank behind the colon
    for (const auto& [key, value] : stage.params.items()) {
      line(out, 6, scalar(key), flow(value));
    }
  }
  write_outputs(out, stage);
  write_options(out, stage);
}

void write_groups(std::string& out, const PipelineSpec& spec) {
  const GroupSpec usual;
  out += spec.groups.empty() ? "" : "groups:\n";
  for (const auto& [name, group] : spec.groups) {
    Flow flow;
    if (group.mode) {
      flow.add("mode", std::string(to_string(*group.mode)));
    }
    if (group.delay_ns) {
      flow.add("delay", format_duration(*group.delay_ns));
    }
    if (group.max_delay_ns != usual.max_delay_ns) {
      flow.add("max_delay", format_duration(group.max_delay_ns));
    }
    if (group.max_unsynced_ns != usual.max_unsynced_ns) {
      flow.add("max_unsynced", format_duration(group.max_unsynced_ns));
    }
    if (group.end != usual.end) {
      flow.add("end", std::string(to_string(group.end)));
    }
    line(out, 2, scalar(name), flow.text());
  }
}

void write_jack(std::string& out, const JackSpec& jack) {
  const JackSpec usual;
  Flow flow;
  if (!jack.server.empty()) {
    flow.add("server", scalar(jack.server));
  }
  if (jack.start != usual.start) {
    flow.add("start", std::string(to_string(jack.start)));
  }
  if (jack.driver != usual.driver) {
    flow.add("driver", scalar(jack.driver));
  }
  if (jack.rate_hz != usual.rate_hz) {
    flow.add("rate", format_frequency({jack.rate_hz, 1}));
  }
  if (jack.period_samples != usual.period_samples) {
    flow.add("period", std::to_string(jack.period_samples));
  }
  if (!flow.empty()) {
    line(out, 0, "jack", flow.text());
  }
}

}  // namespace

std::string to_yaml(const PipelineSpec& spec) {
  std::string out;
  line(out, 0, "avrig", std::to_string(spec.version));
  line(out, 0, "pipeline", scalar(spec.name));
  if (!spec.folder.empty()) {
    line(out, 0, "folder", scalar(spec.folder));
  }
  if (!spec.run_dir.empty()) {
    line(out, 0, "run_dir", scalar(spec.run_dir));
  }
  if (spec.memory_budget_bytes != PipelineSpec{}.memory_budget_bytes) {
    line(out, 0, "memory_budget", format_size(spec.memory_budget_bytes));
  }
  if (spec.offline) {
    line(out, 0, "offline", "true");
  }
  write_jack(out, spec.jack);
  write_groups(out, spec);
  out += spec.stages.empty() ? "stages: []\n" : "stages:\n";
  for (const StageSpec& stage : spec.stages) {
    write_stage(out, stage);
  }
  return out;
}

}  // namespace avrig::spec
