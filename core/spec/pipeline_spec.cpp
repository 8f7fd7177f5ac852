// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/spec/json.hpp>
#include <avrig/spec/pipeline_spec.hpp>

#include <algorithm>
#include <filesystem>

namespace avrig::spec {
namespace {

constexpr std::string_view kRunPlaceholder = "{run}";

void strip_positions(nlohmann::json& json) {
  if (json.is_object()) {
    json.erase("position");
    json.erase("target_position");
    json.erase("param_sources");
    json.erase("file");
  }
}

nlohmann::json without_positions(const PipelineSpec& spec) {
  nlohmann::json json = spec;
  strip_positions(json);
  for (auto& [name, group] : json["groups"].items()) {
    strip_positions(group);
  }
  for (nlohmann::json& stage : json["stages"]) {
    strip_positions(stage);
    for (nlohmann::json& input : stage["inputs"]) {
      strip_positions(input);
    }
  }
  return json;
}

void replace_run(nlohmann::json& value, const std::string& run_folder) {
  if (value.is_structured()) {
    for (nlohmann::json& item : value) {
      replace_run(item, run_folder);
    }
  } else if (value.is_string()) {
    auto& text = value.get_ref<std::string&>();
    for (std::size_t at = text.find(kRunPlaceholder); at != std::string::npos;
         at = text.find(kRunPlaceholder, at + run_folder.size())) {
      text.replace(at, kRunPlaceholder.size(), run_folder);
    }
  }
}

/// "rtsp:", "pipe:", as FFmpeg tells a protocol: two or more of [a-z0-9+.-] before the first colon.
bool has_scheme(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon < 2) {
    return false;
  }
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
  });
}

template <class T>
T over(const T& stronger, const T& weaker) {
  return stronger ? stronger : weaker;
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::Reader:
      return "read";
    case Role::Processor:
      return "process";
    case Role::Sync:
      return "sync";
    case Role::Writer:
      return "write";
    case Role::None:
      break;
  }
  return "";
}

std::string_view role_name(Role role) {
  switch (role) {
    case Role::Reader:
      return "reader";
    case Role::Processor:
      return "processor";
    case Role::Sync:
      return "gate";
    case Role::Writer:
      return "writer";
    case Role::None:
      break;
  }
  return "stage without a role";
}

std::string_view to_string(Loss loss) {
  return loss == Loss::Must ? "must" : "may_skip";
}

std::string_view to_string(Wait wait) {
  switch (wait) {
    case Wait::Block:
      return "block";
    case Wait::Spin:
      return "spin";
    case Wait::Adaptive:
      break;
  }
  return "adaptive";
}

std::string_view to_string(Unprocessed unprocessed) {
  return unprocessed == Unprocessed::Pass ? "pass" : "drop";
}

std::string_view to_string(TriggerKind kind) {
  switch (kind) {
    case TriggerKind::All:
      return "all";
    case TriggerKind::Paired:
      return "paired";
    case TriggerKind::Any:
      break;
  }
  return "any";
}

std::string_view to_string(SyncMode mode) {
  switch (mode) {
    case SyncMode::Offline:
      return "offline";
    case SyncMode::Asap:
      return "asap";
    case SyncMode::Live:
      break;
  }
  return "live";
}

std::string_view to_string(GroupEnd end) {
  return end == GroupEnd::All ? "all" : "any";
}

std::string_view to_string(JackStart start) {
  switch (start) {
    case JackStart::Never:
      return "never";
    case JackStart::Private:
      return "private";
    case JackStart::Auto:
      break;
  }
  return "auto";
}

std::string InputSpec::reference() const {
  return port.empty() ? stage : stage + "/" + port;
}

OutputSpec StageSpec::output(std::string_view port) const {
  const auto found = out_ports.find(std::string(port));
  if (found == out_ports.end()) {
    return out;
  }
  const OutputSpec& own = found->second;
  return OutputSpec{over(own.depth_frames, out.depth_frames),
                    over(own.window_bytes, out.window_bytes),
                    over(own.slack_ns, out.slack_ns)};
}

SourcePosition StageSpec::value_position(const std::string& pointer) const {
  const auto found = param_sources.find(pointer);
  return found == param_sources.end() ? position : found->second.value;
}

SourcePosition StageSpec::key_position(const std::string& pointer) const {
  const auto found = param_sources.find(pointer);
  return found == param_sources.end() ? position : found->second.key;
}

const StageSpec* PipelineSpec::find_stage(std::string_view id) const {
  const auto found = std::find_if(
      stages.begin(), stages.end(), [id](const StageSpec& stage) { return stage.id == id; });
  return found == stages.end() ? nullptr : &*found;
}

StageSpec* PipelineSpec::find_stage(std::string_view id) {
  const auto found = std::find_if(
      stages.begin(), stages.end(), [id](const StageSpec& stage) { return stage.id == id; });
  return found == stages.end() ? nullptr : &*found;
}

GroupSpec PipelineSpec::group(const std::string& group_name) const {
  const auto found = groups.find(group_name);
  return found == groups.end() ? GroupSpec{} : found->second;
}

InputSpec input(std::string_view reference, std::optional<Loss> loss) {
  const std::size_t slash = reference.find('/');
  InputSpec out;
  out.stage = std::string(reference.substr(0, slash));
  out.port = slash == std::string_view::npos ? "" : std::string(reference.substr(slash + 1));
  out.loss = loss;
  return out;
}

void complete(PipelineSpec& spec) {
  if (spec.folder.empty()) {
    spec.folder = std::filesystem::current_path().string();
  }
  for (StageSpec& stage : spec.stages) {
    stage.folder = stage.folder.empty() ? spec.folder : stage.folder;
    const bool library = stage.role != Role::Sync && is_library_path(stage.target);
    stage.target_path = library ? resolve_path(stage.target, stage.folder) : "";
  }
}

bool same_meaning(const PipelineSpec& a, const PipelineSpec& b) {
  return without_positions(a) == without_positions(b);
}

std::string resolve_path(std::string_view written, const std::string& folder) {
  const bool stays = written.empty() || written == "-" || written.front() == '/' ||
                     written.substr(0, kRunPlaceholder.size()) == kRunPlaceholder ||
                     has_scheme(written) || folder.empty();
  if (stays) {
    return std::string(written);
  }
  return (std::filesystem::path(folder) / written).lexically_normal().string();
}

bool is_library_path(std::string_view target) {
  return target.find('/') != std::string_view::npos;
}

void expand_run_dir(PipelineSpec& spec, const std::string& run_folder) {
  for (StageSpec& stage : spec.stages) {
    replace_run(stage.params, run_folder);
  }
}

bool is_good_name(std::string_view text) {
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.size() <= 63 && word(text.front()) &&
         std::all_of(text.begin(), text.end(), [word](char c) { return word(c) || c == '-'; });
}

}  // namespace avrig::spec
