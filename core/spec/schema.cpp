// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/spec/keys.hpp>
#include <avrig/spec/quantity.hpp>

#include <array>
#include <charconv>
#include <cmath>

namespace avrig::spec {
namespace {

using nlohmann::ordered_json;

struct ScopeText {
  Scope scope;
  const char* definition;  ///< its name in the schema's $defs
  const char* heading;
};

constexpr std::array<ScopeText, 8> kScopes{
    {{Scope::Top, "pipeline", "The pipeline"},
     {Scope::Stage, "stage", "A stage: each of `stages:`"},
     {Scope::Input, "input", "An input in long form: each of `in:`"},
     {Scope::Output, "output", "Outputs: `out:`, for all ports, or under a port's name"},
     {Scope::Restart, "restart", "Restarts: `restart:`"},
     {Scope::Defaults, "defaults", "Defaults of all stages: `defaults:`"},
     {Scope::Group, "group", "A sync group: each of `groups:`"},
     {Scope::Jack, "jack", "JACK: `jack:`"}}};

const char* definition(Scope scope) {
  for (const ScopeText& text : kScopes) {
    if (text.scope == scope) {
      return text.definition;
    }
  }
  return "";
}

ordered_json reference(Scope scope) {
  return {{"$ref", std::string("#/$defs/") + definition(scope)}};
}

/// The pattern of a quantity's text.
std::string pattern(ParameterType type) {
  const std::string number = R"(^[-+]?[0-9]*\.?[0-9]+ *)";
  switch (type) {
    case ParameterType::Duration:
      return number + "(ns|us|µs|μs|ms|s|min|h)$|^0$";
    case ParameterType::Frequency:
      return number + "(mHz|Hz|kHz|MHz|GHz)$";
    case ParameterType::Size:
      return number + "(B|[kKMGT]B|[kKMGT]iB)$|^0$";
    case ParameterType::Level:
      return number + "dB(FS)?$";
    case ParameterType::Rate:
      return R"(^[0-9]+(\.[0-9]+|/[0-9]+)? *fps$)";
    default:
      return number + "%?$";
  }
}

ordered_json of_type(const Parameter& parameter, ParameterType type) {
  ordered_json out;
  switch (type) {
    case ParameterType::Bool:
      return {{"type", "boolean"}};
    case ParameterType::Int:
    case ParameterType::Float:
      out["type"] = type == ParameterType::Int ? "integer" : "number";
      if (parameter.min) {
        out["minimum"] = static_cast<std::int64_t>(*parameter.min);
      }
      if (parameter.max) {
        out["maximum"] = static_cast<std::int64_t>(*parameter.max);
      }
      return out;
    case ParameterType::Enum:
      return {{"enum", parameter.choices}};
    case ParameterType::String:
    case ParameterType::Path:
      return {{"type", ordered_json::array({"string", "number", "boolean"})}};
    case ParameterType::Any:
      return ordered_json::object();
    case ParameterType::List: {
      const ordered_json one = of_type(parameter, parameter.element);
      return {{"oneOf", ordered_json::array({one, {{"type", "array"}, {"items", one}}})}};
    }
    default:
      break;
  }
  // A bare 0, and a bare ratio, are YAML numbers.
  const bool bare = type == ParameterType::Duration || type == ParameterType::Size;
  out["type"] = bare || type == ParameterType::Ratio
                    ? ordered_json(ordered_json::array({"string", "number"}))
                    : ordered_json("string");
  out["pattern"] = pattern(type);
  if (bare) {
    out["maximum"] = 0;
    out["minimum"] = 0;
  }
  return out;
}

ordered_json input_schema() {
  const ordered_json name = {
      {"type", ordered_json::array({"string", "integer"})},
      {"pattern", "^[A-Za-z0-9_][A-Za-z0-9_-]*(/[A-Za-z0-9_][A-Za-z0-9_-]*)?$"}};
  const ordered_json one = {{"oneOf", ordered_json::array({name, reference(Scope::Input)})}};
  return {
      {"oneOf",
       ordered_json::array({name, reference(Scope::Input), {{"type", "array"}, {"items", one}}})}};
}

ordered_json of_key(const Key& key) {
  switch (key.shape) {
    case Shape::Value:
      return of_type(key.parameter, key.parameter.type);
    case Shape::Map:
      return reference(*key.nested);
    case Shape::MapOf:
      return {{"type", "object"}, {"additionalProperties", reference(*key.nested)}};
    case Shape::ListOf:
      return {{"type", "array"}, {"items", reference(*key.nested)}, {"minItems", 1}};
    case Shape::Inputs:
      return input_schema();
    case Shape::Outputs:
      return {{"type", "object"},
              {"properties", ordered_json::object()},
              {"additionalProperties", reference(Scope::Output)}};
    case Shape::Trigger:
      return {{"type", "string"}, {"pattern", R"(^(any|all|paired\(.+\))$)"}};
    case Shape::Params:
      break;
  }
  return {{"type", ordered_json::array({"object", "null"})}};
}

ordered_json of_scope(Scope scope) {
  ordered_json properties = ordered_json::object();
  ordered_json required = ordered_json::array();
  for (const Key* key : keys_of(scope)) {
    ordered_json property = of_key(*key);
    if (key->shape == Shape::Outputs) {
      for (const Key* option : keys_of(Scope::Output)) {
        property["properties"][option->parameter.name] = of_key(*option);
      }
    }
    property["description"] = key->parameter.doc;
    if (!key->parameter.default_value.is_null() &&
        (key->parameter.type != ParameterType::Enum ||
         property["enum"].dump().find(key->parameter.default_value.dump()) != std::string::npos)) {
      property["default"] = key->parameter.default_value;
    }
    if (key->parameter.required) {
      required.push_back(key->parameter.name);
    }
    properties[key->parameter.name] = std::move(property);
  }
  ordered_json out = {{"type", "object"}, {"properties", std::move(properties)}};
  if (scope == Scope::Top) {
    required.push_back("stages");
  }
  if (!required.empty()) {
    out["required"] = std::move(required);
  }
  if (scope == Scope::Stage) {
    out["oneOf"] = ordered_json::array();
    for (const char* role : {"read", "process", "sync", "write"}) {
      out["oneOf"].push_back({{"required", ordered_json::array({role})}});
    }
  }
  out["additionalProperties"] = false;
  return out;
}

std::string number_text(double value) {
  if (std::nearbyint(value) == value && std::abs(value) < 9e15) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  std::array<char, 64> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

std::string bound(const Parameter& parameter, double value) {
  switch (parameter.type) {
    case ParameterType::Duration:
      return value == 0 ? "0" : format_duration(static_cast<std::int64_t>(value));
    case ParameterType::Size:
      return format_size(static_cast<std::int64_t>(value));
    case ParameterType::Frequency:
      return format_frequency({static_cast<std::int64_t>(value), 1});
    default:
      return number_text(value);
  }
}

std::string type_text(const Key& key) {
  switch (key.shape) {
    case Shape::Value:
      break;
    case Shape::Map:
    case Shape::Outputs:
      return "map";
    case Shape::MapOf:
      return "map of maps";
    case Shape::ListOf:
      return "list of maps";
    case Shape::Inputs:
      return "reference, or list";
    case Shape::Trigger:
      return "word";
    case Shape::Params:
      return "map of parameters";
  }
  if (key.parameter.type == ParameterType::List) {
    return "list of " + std::string(to_string(key.parameter.element));
  }
  return std::string(to_string(key.parameter.type));
}

std::string unit_text(const Parameter& parameter) {
  switch (parameter.type) {
    case ParameterType::Duration:
      return "ns us ms s min h";
    case ParameterType::Frequency:
      return "Hz kHz MHz";
    case ParameterType::Size:
      return "B kB MB GB KiB MiB GiB";
    default:
      return parameter.unit;
  }
}

std::string range_text(const Key& key) {
  const Parameter& parameter = key.parameter;
  if (key.shape == Shape::Trigger) {
    return "any, all, paired(DURATION)";
  }
  std::string out;
  for (const std::string& choice : parameter.choices) {
    out += (out.empty() ? "" : ", ") + choice;
  }
  if (parameter.min && parameter.max) {
    const std::string least = bound(parameter, *parameter.min);
    const std::string most = bound(parameter, *parameter.max);
    out = least == most ? least : least + " .. " + most;
  }
  return out;
}

std::string default_text(const Parameter& parameter) {
  if (parameter.required) {
    return "(required)";
  }
  if (parameter.default_value.is_string()) {
    return parameter.default_value.get<std::string>();
  }
  return parameter.default_value.is_null() ? "" : parameter.default_value.dump();
}

}  // namespace

std::string schema() {
  ordered_json out = of_scope(Scope::Top);
  ordered_json head = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "avrig pipeline"},
                       {"description", "A pipeline file of avrig, version 1."}};
  head.update(out);
  for (const ScopeText& text : kScopes) {
    if (text.scope != Scope::Top) {
      head["$defs"][text.definition] = of_scope(text.scope);
    }
  }
  return head.dump(2) + "\n";
}

std::string key_tables_markdown() {
  std::string out;
  for (const ScopeText& text : kScopes) {
    out += std::string(out.empty() ? "" : "\n") + "### " + text.heading + "\n\n";
    out += "| key | type | unit | default | range | meaning |\n|---|---|---|---|---|---|\n";
    for (const Key* key : keys_of(text.scope)) {
      const Parameter& parameter = key->parameter;
      out += "| `" + parameter.name + "` | " + type_text(*key) + " | " + unit_text(parameter) +
             " | " + default_text(parameter) + " | " + range_text(*key) + " | " + parameter.doc +
             " |\n";
    }
  }
  return out;
}

}  // namespace avrig::spec
