// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "map_reader.hpp"
#include <avrig/error.hpp>
#include <avrig/spec/override.hpp>
#include <avrig/spec/problem.hpp>

namespace avrig::spec {
namespace {

Error wrong(std::string_view text, const std::string& why, const std::string& suggestion) {
  const Problem problem{
      {"--set " + std::string(text.substr(0, 200)), 0, 0}, Severity::Error, why, suggestion};
  return Error(ErrorCode::Spec, render(problem, SourceText{}));
}

/// VALUE as the file would read it. Only lists and maps need YAML; anything else is one scalar,
/// whatever signs are in it.
nlohmann::json read_value(std::string_view all, std::string_view value) {
  const bool structured = !value.empty() && (value.front() == '[' || value.front() == '{' ||
                                             value.front() == '"' || value.front() == '\'');
  if (!structured) {
    YamlNode node;
    node.kind = YamlNode::Kind::Scalar;
    node.plain = true;
    node.text = std::string(value);
    return to_json_value(node);
  }
  std::vector<Problem> problems;
  const YamlTree tree = read_yaml(make_source("", std::string(value)), problems);
  if (tree.root == nullptr) {
    throw wrong(all,
                "cannot read the value: " + (problems.empty() ? "" : problems.front().text),
                "quote it for the shell: --set 'STAGE.PARAM=[1, 2]'");
  }
  return to_json_value(*tree.root);
}

}  // namespace

Override parse_override(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view target = text.substr(0, equals);
  const std::size_t dot = target.find('.');
  const bool shaped = equals != std::string_view::npos && dot != std::string_view::npos &&
                      dot > 0 && dot + 1 < target.size();
  if (!shaped) {
    throw wrong(
        text, "this is not of the form STAGE.PARAM=VALUE", "for example: --set blur.kernel=21");
  }
  const std::string_view value = text.substr(equals + 1);
  Override out;
  out.stage = std::string(target.substr(0, dot));
  out.param = std::string(target.substr(dot + 1));
  out.value = read_value(text, value);
  out.text = std::string(value);
  out.written = std::string(text);
  return out;
}

void apply_override(PipelineSpec& spec, std::string_view text) {
  Override change = parse_override(text);
  StageSpec* stage = spec.find_stage(change.stage);
  if (stage == nullptr) {
    std::vector<std::string> ids;
    for (const StageSpec& known : spec.stages) {
      ids.push_back(known.id);
    }
    throw wrong(
        text, "the pipeline has no stage '" + change.stage + "'", did_you_mean(change.stage, ids));
  }
  const std::string pointer = "/" + change.param;
  std::erase_if(stage->param_sources, [&pointer](const auto& source) {
    return source.first == pointer || source.first.rfind(pointer + "/", 0) == 0;
  });
  const SourcePosition at{"--set " + change.written, 0, 0};
  const bool scalar = !change.value.is_structured();
  stage->param_sources[pointer] = {at, at, scalar ? change.text : std::string()};
  if (change.value.is_string()) {
    stage->param_sources[pointer].text = change.value.get<std::string>();
  }
  stage->params[change.param] = std::move(change.value);
}

}  // namespace avrig::spec
