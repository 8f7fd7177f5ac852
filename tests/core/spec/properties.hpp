// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/json.hpp>
#include <avrig/spec/parse.hpp>
#include <avrig/spec/yaml.hpp>

#include <string>

namespace avrig::spec::test {

/// What must hold for a file of any bytes: it is read without a crash, what is wrong can be shown
/// and sent, and what is right survives being written and read again. Empty, or what does not hold.
inline std::string broken_property(const std::string& text) {
  const ParseResult result = parse_text(text, "fuzz.yaml", "/rig");
  const std::string shown = result.rendered();
  if (!result.ok() && shown.find("error: ") == std::string::npos) {
    return "a bad file without an error that is shown";
  }
  static_cast<void>(nlohmann::json(result.problems).dump());
  const nlohmann::json there = result.spec;
  if (nlohmann::json(there.get<PipelineSpec>()) != there) {
    return "the spec changes on its way through JSON";
  }
  if (!result.ok()) {
    return {};
  }
  const ParseResult back = parse_text(to_yaml(result.spec), "back.yaml", "/elsewhere");
  if (!back.ok()) {
    return "its own YAML is refused:\n" + back.rendered();
  }
  if (!same_meaning(result.spec, back.spec)) {
    return "its own YAML means something else:\n" + to_yaml(result.spec);
  }
  return {};
}

}  // namespace avrig::spec::test
