// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>
#include <avrig/spec/problem.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace avrig::spec {

/// What a value is, how it is written and what it becomes.
enum class ParameterType {
  Bool,       ///< true, false
  Int,        ///< 15
  Float,      ///< 0.5
  String,     ///< any scalar, as written
  Enum,       ///< one of `choices`
  Duration,   ///< 20ms      -> integer, ns
  Frequency,  ///< 48kHz     -> Hz; an integer where it is whole
  Size,       ///< 64MiB     -> integer, bytes
  Level,      ///< -6dB      -> number, dB
  Ratio,      ///< 50%, 0.5  -> number
  Rate,       ///< 30fps     -> "30/1"
  Path,       ///< resolved against the spec's folder, except URLs and "{run}..."
  List,       ///< of `element`; a single value is a list of one
  Any         ///< anything, passed on as written (structures that a plug-in checks itself)
};

[[nodiscard]] std::string_view to_string(ParameterType type);
[[nodiscard]] std::optional<ParameterType> parameter_type(std::string_view name);

/// One parameter that a plug-in, or a built-in stage, publishes.
struct Parameter {
  std::string name;
  ParameterType type = ParameterType::String;
  nlohmann::json default_value = nullptr;  ///< as a user would write it ("500ms"); null = none
  bool required = false;
  std::optional<double> min = {};  ///< in the canonical unit: ns, Hz, bytes, dB, a factor, fps
  std::optional<double> max = {};
  std::vector<std::string> choices = {};          ///< Enum
  std::string unit = {};                          ///< for people: "samples", "px"
  std::string doc = {};                           ///< one sentence
  bool live = false;                              ///< may be set while running
  ParameterType element = ParameterType::String;  ///< List
};

/// One value, checked: canonical, or what is wrong with it.
struct CheckedValue {
  nlohmann::json value;    ///< canonical (ns, Hz, bytes, dB); null when there is an error
  std::string error;       ///< "expects a duration such as 20ms, got '20kHz' (a frequency)"
  std::string suggestion;  ///< may be empty
  std::string where;       ///< JSON pointer inside the value, where a list's element is wrong

  [[nodiscard]] bool ok() const { return error.empty(); }
};

/// Check one value as written. `text` is its own spelling where known ("007"), else empty.
///
/// Thread: any
[[nodiscard]] CheckedValue check_value(const Parameter& parameter,
                                       const nlohmann::json& written,
                                       std::string_view text,
                                       const std::string& folder);

/// A stage's `with:` against what its plug-in publishes.
struct CheckedParameters {
  std::vector<Problem> problems;
  /// Every parameter that has a value or a default, in canonical units.
  nlohmann::json resolved;
};

/// Check all of `stage.params`: unknown names (with a suggestion), types, units, ranges, what is
/// required. Problems point at the key or the value in the file.
///
/// Thread: any
[[nodiscard]] CheckedParameters check_parameters(const StageSpec& stage,
                                                 std::span<const Parameter> parameters);

/// {"name","type","default","required","min","max","choices","unit","doc","live","element"}; what
/// has no value is left out. from_json throws avrig::Error (Internal) on anything else.
void to_json(nlohmann::json& json, const Parameter& parameter);
void from_json(const nlohmann::json& json, Parameter& parameter);

}  // namespace avrig::spec
