// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/spec/json.hpp>

namespace avrig::spec {
namespace {

using nlohmann::json;

template <class T>
void put(json& out, const char* key, const std::optional<T>& value) {
  if (value) {
    out[key] = *value;
  }
}

template <class T>
void take(const json& in, const char* key, std::optional<T>& value) {
  value = in.contains(key) ? std::optional<T>(in.at(key).get<T>()) : std::nullopt;
}

template <class T>
void take(const json& in, const char* key, T& value) {
  value = in.at(key).get<T>();
}

/// The enumerator whose word stands under `key`.
template <class E>
E word(const json& in, const char* key, std::initializer_list<E> all) {
  const auto text = in.at(key).get<std::string>();
  for (const E value : all) {
    if (to_string(value) == text) {
      return value;
    }
  }
  throw Error(ErrorCode::Internal,
              std::string("cannot read a spec from JSON: '") + key + "' has the unknown value '" +
                  text + "'");
}

/// Runs `read` and gives what nlohmann throws our words.
template <class Read>
void reading(const char* what, Read read) {
  try {
    read();
  } catch (const json::exception& wrong) {
    throw Error(ErrorCode::Internal,
                std::string("cannot read ") + what + " from JSON: " + wrong.what());
  }
}

json write(const OutputSpec& out) {
  json result = json::object();
  put(result, "depth_frames", out.depth_frames);
  put(result, "window_bytes", out.window_bytes);
  put(result, "slack_ns", out.slack_ns);
  return result;
}

OutputSpec read_output(const json& in) {
  OutputSpec out;
  take(in, "depth_frames", out.depth_frames);
  take(in, "window_bytes", out.window_bytes);
  take(in, "slack_ns", out.slack_ns);
  return out;
}

json write(const InputSpec& input) {
  json result{{"stage", input.stage}, {"port", input.port}, {"position", input.position}};
  if (input.loss) {
    result["loss"] = to_string(*input.loss);
  }
  put(result, "slack_ns", input.slack_ns);
  return result;
}

InputSpec read_input(const json& in) {
  InputSpec input;
  take(in, "stage", input.stage);
  take(in, "port", input.port);
  take(in, "position", input.position);
  take(in, "slack_ns", input.slack_ns);
  if (in.contains("loss")) {
    input.loss = word(in, "loss", {Loss::Must, Loss::MaySkip});
  }
  return input;
}

json write(const GroupSpec& group) {
  json result{{"max_delay_ns", group.max_delay_ns},
              {"max_unsynced_ns", group.max_unsynced_ns},
              {"end", to_string(group.end)},
              {"position", group.position}};
  if (group.mode) {
    result["mode"] = to_string(*group.mode);
  }
  put(result, "delay_ns", group.delay_ns);
  return result;
}

GroupSpec read_group(const json& in) {
  GroupSpec group;
  take(in, "max_delay_ns", group.max_delay_ns);
  take(in, "max_unsynced_ns", group.max_unsynced_ns);
  group.end = word(in, "end", {GroupEnd::All, GroupEnd::Any});
  take(in, "position", group.position);
  take(in, "delay_ns", group.delay_ns);
  if (in.contains("mode")) {
    group.mode = word(in, "mode", {SyncMode::Live, SyncMode::Offline, SyncMode::Asap});
  }
  return group;
}

json write_sources(const StageSpec& stage) {
  json result = json::object();
  for (const auto& [pointer, source] : stage.param_sources) {
    result[pointer] = {{"key", source.key}, {"value", source.value}, {"text", source.text}};
  }
  return result;
}

void read_stage(const json& in, StageSpec& stage) {
  take(in, "id", stage.id);
  stage.role =
      word(in, "role", {Role::None, Role::Reader, Role::Processor, Role::Sync, Role::Writer});
  take(in, "target", stage.target);
  take(in, "target_path", stage.target_path);
  take(in, "plugin", stage.plugin);
  for (const json& input : in.at("inputs")) {
    stage.inputs.push_back(read_input(input));
  }
  stage.params = in.at("params");
  for (const auto& [pointer, source] : in.at("param_sources").items()) {
    ParamSource& to = stage.param_sources[pointer];
    take(source, "key", to.key);
    take(source, "value", to.value);
    take(source, "text", to.text);
  }
  stage.out = read_output(in.at("out"));
  for (const auto& [port, out] : in.at("out_ports").items()) {
    stage.out_ports[port] = read_output(out);
  }
  stage.wait = word(in, "wait", {Wait::Block, Wait::Adaptive, Wait::Spin});
  stage.trigger.kind =
      word(in.at("trigger"), "kind", {TriggerKind::Any, TriggerKind::All, TriggerKind::Paired});
  take(in.at("trigger"), "tolerance_ns", stage.trigger.tolerance_ns);
  if (in.contains("unprocessed")) {
    stage.unprocessed = word(in, "unprocessed", {Unprocessed::Pass, Unprocessed::Drop});
  }
  take(in.at("restart"), "max", stage.restart.max);
  take(in.at("restart"), "window_ns", stage.restart.window_ns);
  take(in.at("restart"), "backoff_ns", stage.restart.backoff_ns);
  take(in, "hang_timeout_ns", stage.hang_timeout_ns);
  take(in, "cpus", stage.cpus);
  take(in, "nice", stage.nice);
  take(in, "realtime", stage.realtime);
  take(in, "folder", stage.folder);
  take(in, "position", stage.position);
  take(in, "target_position", stage.target_position);
}

}  // namespace

void to_json(json& out, const SourcePosition& position) {
  out = json::array({position.file, position.line, position.column});
}

void from_json(const json& in, SourcePosition& position) {
  reading("a position", [&] {
    position = {in.at(0).get<std::string>(), in.at(1).get<int>(), in.at(2).get<int>()};
  });
}

void to_json(json& out, const StageSpec& stage) {
  out = json{
      {"id", stage.id},
      {"role", to_string(stage.role)},
      {"target", stage.target},
      {"target_path", stage.target_path},
      {"plugin", stage.plugin},
      {"inputs", json::array()},
      {"params", stage.params},
      {"param_sources", write_sources(stage)},
      {"out", write(stage.out)},
      {"out_ports", json::object()},
      {"wait", to_string(stage.wait)},
      {"trigger",
       {{"kind", to_string(stage.trigger.kind)}, {"tolerance_ns", stage.trigger.tolerance_ns}}},
      {"restart",
       {{"max", stage.restart.max},
        {"window_ns", stage.restart.window_ns},
        {"backoff_ns", stage.restart.backoff_ns}}},
      {"hang_timeout_ns", stage.hang_timeout_ns},
      {"cpus", stage.cpus},
      {"nice", stage.nice},
      {"realtime", stage.realtime},
      {"folder", stage.folder},
      {"position", stage.position},
      {"target_position", stage.target_position}};
  if (stage.unprocessed) {
    out["unprocessed"] = to_string(*stage.unprocessed);
  }
  for (const InputSpec& input : stage.inputs) {
    out["inputs"].push_back(write(input));
  }
  for (const auto& [port, options] : stage.out_ports) {
    out["out_ports"][port] = write(options);
  }
}

void from_json(const json& in, StageSpec& stage) {
  stage = StageSpec{};
  reading("a stage", [&] { read_stage(in, stage); });
}

void to_json(json& out, const PipelineSpec& spec) {
  out = json{{"version", spec.version},
             {"name", spec.name},
             {"stages", spec.stages},
             {"groups", json::object()},
             {"run_dir", spec.run_dir},
             {"memory_budget_bytes", spec.memory_budget_bytes},
             {"offline", spec.offline},
             {"jack",
              {{"server", spec.jack.server},
               {"start", to_string(spec.jack.start)},
               {"driver", spec.jack.driver},
               {"rate_hz", spec.jack.rate_hz},
               {"period_samples", spec.jack.period_samples}}},
             {"folder", spec.folder},
             {"file", spec.file}};
  for (const auto& [name, group] : spec.groups) {
    out["groups"][name] = write(group);
  }
}

void from_json(const json& in, PipelineSpec& spec) {
  spec = PipelineSpec{};
  reading("a pipeline", [&] {
    take(in, "version", spec.version);
    take(in, "name", spec.name);
    take(in, "stages", spec.stages);
    for (const auto& [name, group] : in.at("groups").items()) {
      spec.groups[name] = read_group(group);
    }
    take(in, "run_dir", spec.run_dir);
    take(in, "memory_budget_bytes", spec.memory_budget_bytes);
    take(in, "offline", spec.offline);
    const json& jack = in.at("jack");
    take(jack, "server", spec.jack.server);
    spec.jack.start = word(jack, "start", {JackStart::Auto, JackStart::Never, JackStart::Private});
    take(jack, "driver", spec.jack.driver);
    take(jack, "rate_hz", spec.jack.rate_hz);
    take(jack, "period_samples", spec.jack.period_samples);
    take(in, "folder", spec.folder);
    take(in, "file", spec.file);
  });
}

}  // namespace avrig::spec
