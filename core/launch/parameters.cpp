// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/parameters.hpp>

#include <algorithm>
#include <cstdlib>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;
using spec::Parameter;
using spec::ParameterType;

bool is_text(ParameterType type) {
  return type == ParameterType::String || type == ParameterType::Enum ||
         type == ParameterType::Path || type == ParameterType::Rate;
}

/// A published text as JSON. Canonical as it should be; with a unit it is read as a user's.
json value_from(const Parameter& parameter, const std::string& text) {
  if (is_text(parameter.type)) {
    return text;
  }
  if (parameter.type == ParameterType::List) {
    json list = json::array();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      Parameter element = parameter;
      element.type = parameter.element;
      list.push_back(value_from(element, text.substr(begin, end - begin)));
      begin = end + 1;
    }
    return list;
  }
  json value = json::parse(text, nullptr, false);
  if (!value.is_discarded()) {
    return value;
  }
  spec::CheckedValue checked = spec::check_value(parameter, json(text), text, {});
  return checked.ok() ? checked.value : json(text);
}

Parameter convert(const stage::ParameterDescription& published) {
  Parameter result;
  result.name = published.name;
  result.type = spec::parameter_type(published.type).value_or(ParameterType::Any);
  result.choices = published.choices;
  result.unit = published.unit;
  result.doc = published.doc;
  result.live = published.live;
  result.required = published.required;
  const auto bound = [&](const std::string& text) -> std::optional<double> {
    const json value = text.empty() ? json() : value_from(result, text);
    return value.is_number() ? std::optional<double>(value.get<double>()) : std::nullopt;
  };
  result.min = bound(published.minimum);
  result.max = bound(published.maximum);
  return result;
}

std::vector<Parameter> convert_all(std::span<const stage::ParameterDescription> published) {
  std::vector<Parameter> result;
  for (const stage::ParameterDescription& parameter : published) {
    result.push_back(convert(parameter));
  }
  return result;
}

}  // namespace

ResolvedParameters resolve_parameters(const spec::StageSpec& stage,
                                      std::span<const stage::ParameterDescription> published) {
  const std::vector<Parameter> parameters = convert_all(published);
  spec::CheckedParameters checked = spec::check_parameters(stage, parameters);
  ResolvedParameters result{std::move(checked.problems), std::move(checked.resolved)};
  if (!result.values.is_object()) {
    result.values = json::object();
  }
  for (std::size_t index = 0; index < parameters.size(); ++index) {
    const Parameter& parameter = parameters[index];
    if (!published[index].default_text.empty() && !result.values.contains(parameter.name)) {
      json value = value_from(parameter, published[index].default_text);
      if (parameter.type == ParameterType::Path) {  // beside the pipeline file, as if written there
        value = spec::check_value(parameter, value, value.get<std::string>(), stage.folder).value;
      }
      result.values[parameter.name] = std::move(value);
    }
  }
  return result;
}

json resolve_live(const spec::StageSpec& stage,
                  std::span<const stage::ParameterDescription> published,
                  const std::string& name,
                  const json& written,
                  const std::string& text) {
  const std::string object = "stage '" + stage.id + "'";
  const auto found = std::find_if(published.begin(), published.end(), [&](const auto& parameter) {
    return parameter.name == name;
  });
  if (found == published.end()) {
    std::vector<std::string> names;
    for (const stage::ParameterDescription& parameter : published) {
      names.push_back(parameter.name);
    }
    throw Error(ErrorCode::Spec,
                object + " has no parameter '" + name + "'; " + spec::did_you_mean(name, names));
  }
  if (!found->live) {
    throw Error(
        ErrorCode::Spec,
        "'" + name + "' of " + object + " cannot change while running; write it into the file");
  }
  spec::CheckedValue checked = spec::check_value(convert(*found), written, text, stage.folder);
  if (!checked.ok()) {
    throw Error(ErrorCode::Spec,
                "'" + name + "' of " + object + " " + checked.error +
                    (checked.suggestion.empty() ? "" : "; " + checked.suggestion));
  }
  return checked.value;
}

std::string canonical_text(const json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_array()) {
    std::string list;
    for (const json& element : value) {
      list += (list.empty() ? "" : ",") + canonical_text(element);
    }
    return list;
  }
  return value.dump();
}

}  // namespace avrig::launch
