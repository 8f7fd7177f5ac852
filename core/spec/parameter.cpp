// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/spec/parameter.hpp>
#include <avrig/spec/quantity.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace avrig::spec {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<ParameterType, std::string_view>, 14> kTypeNames{
    {{ParameterType::Bool, "bool"},
     {ParameterType::Int, "int"},
     {ParameterType::Float, "float"},
     {ParameterType::String, "string"},
     {ParameterType::Enum, "enum"},
     {ParameterType::Duration, "duration"},
     {ParameterType::Frequency, "frequency"},
     {ParameterType::Size, "size"},
     {ParameterType::Level, "level"},
     {ParameterType::Ratio, "ratio"},
     {ParameterType::Rate, "rate"},
     {ParameterType::Path, "path"},
     {ParameterType::List, "list"},
     {ParameterType::Any, "any"}}};

CheckedValue good(json value) {
  return CheckedValue{std::move(value), {}, {}, {}};
}

CheckedValue bad(std::string error, std::string suggestion = {}) {
  return CheckedValue{nullptr, std::move(error), std::move(suggestion), {}};
}

/// A value as its message shows it.
std::string shown(const json& written, std::string_view text) {
  if (written.is_null()) {
    return "nothing";
  }
  if (written.is_object()) {
    return "a map";
  }
  if (written.is_array()) {
    return "a list";
  }
  std::string out = text.empty() ? std::string() : std::string(text);
  if (out.empty()) {
    out = written.is_string() ? written.get<std::string>()
                              : written.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return "'" + shortened(out) + "'";
}

std::string wanted(ParameterType type) {
  switch (type) {
    case ParameterType::Bool:
      return "true or false";
    case ParameterType::Int:
      return "a whole number";
    case ParameterType::Float:
      return "a number";
    case ParameterType::String:
    case ParameterType::Enum:
      return "a word or text";
    case ParameterType::Path:
      return "a path";
    case ParameterType::Duration:
      return "a duration such as 20ms";
    case ParameterType::Frequency:
      return "a frequency such as 48kHz";
    case ParameterType::Size:
      return "a size such as 64MiB";
    case ParameterType::Level:
      return "a level such as -6dB";
    case ParameterType::Rate:
      return "a frame rate such as 30fps";
    default:
      return "a ratio such as 50%";
  }
}

/// The scalar's own spelling.
std::string spelling(const json& written, std::string_view text) {
  if (written.is_string()) {
    return written.get<std::string>();
  }
  return text.empty() ? written.dump() : std::string(text);
}

std::string number_text(double value) {
  std::array<char, 64> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

/// A canonical number as the user would write it.
std::string with_unit(const Parameter& parameter, double value) {
  const bool whole = std::nearbyint(value) == value && std::abs(value) < 9e15;
  switch (parameter.type) {
    case ParameterType::Duration:
      return format_duration(static_cast<std::int64_t>(value));
    case ParameterType::Size:
      return format_size(static_cast<std::int64_t>(value));
    case ParameterType::Frequency:
      return whole ? format_frequency({static_cast<std::int64_t>(value), 1})
                   : number_text(value) + "Hz";
    case ParameterType::Level:
      return number_text(value) + "dB";
    case ParameterType::Rate:
      return number_text(value) + "fps";
    default:
      break;
  }
  std::string out = whole ? std::to_string(static_cast<std::int64_t>(value)) : number_text(value);
  return parameter.unit.empty() ? out : out + " " + parameter.unit;
}

std::string range_text(const Parameter& parameter) {
  if (parameter.min && parameter.max) {
    return "from " + with_unit(parameter, *parameter.min) + " to " +
           with_unit(parameter, *parameter.max);
  }
  return parameter.min ? "at least " + with_unit(parameter, *parameter.min)
                       : "at most " + with_unit(parameter, *parameter.max);
}

/// `value`, unless the number it stands for is out of range.
CheckedValue in_range(const Parameter& parameter,
                      json value,
                      double number,
                      const json& written,
                      std::string_view text) {
  if ((parameter.min && number < *parameter.min) || (parameter.max && number > *parameter.max)) {
    return bad("must be " + range_text(parameter) + ", got " + shown(written, text));
  }
  return good(std::move(value));
}

json whole_or_real(Rational value) {
  if (value.den == 1) {
    return value.num;
  }
  return static_cast<double>(value.num) / static_cast<double>(value.den);
}

double real(Rational value) {
  return static_cast<double>(value.num) / static_cast<double>(value.den);
}

CheckedValue check_quantity(const Parameter& parameter,
                            const json& written,
                            std::string_view text) {
  const std::string own = spelling(written, text);
  const auto done = [&](const auto& parsed, auto canonical, auto number) {
    if (!parsed.value) {
      return bad(parsed.error, parsed.suggestion);
    }
    return in_range(parameter, canonical(*parsed.value), number(*parsed.value), written, text);
  };
  const auto same = [](auto value) {
    return json(value);
  };
  const auto as_double = [](auto value) {
    return static_cast<double>(value);
  };
  switch (parameter.type) {
    case ParameterType::Duration:
      return done(parse_duration_ns(own), same, as_double);
    case ParameterType::Size:
      return done(parse_size_bytes(own), same, as_double);
    case ParameterType::Level:
      return done(parse_level_db(own), same, as_double);
    case ParameterType::Ratio:
      return done(parse_ratio(own), same, as_double);
    case ParameterType::Frequency:
      return done(parse_frequency_hz(own), whole_or_real, real);
    default:
      break;
  }
  const auto pair = [](Rational value) {
    return json(std::to_string(value.num) + "/" + std::to_string(value.den));
  };
  return done(parse_rate_fps(own), pair, real);
}

CheckedValue check_number(const Parameter& parameter, const json& written, std::string_view text) {
  const bool integer = parameter.type == ParameterType::Int;
  const std::string what = integer ? "a whole number" : "a number";
  const std::string unit = parameter.unit.empty() ? "" : " (" + parameter.unit + ")";
  const bool right = integer ? written.is_number_integer() : written.is_number();
  if (!right) {
    return bad("expects " + what + unit + ", got " + shown(written, text));
  }
  return in_range(parameter, written, written.get<double>(), written, text);
}

CheckedValue check_enum(const Parameter& parameter, const json& written, std::string_view text) {
  const std::string own = spelling(written, text);
  std::string choices;
  for (const std::string& choice : parameter.choices) {
    if (choice == own) {
      return good(own);
    }
    choices += (choices.empty() ? "" : ", ") + choice;
  }
  const std::string near = closest(own, parameter.choices);
  return bad("expects one of " + choices + ", got " + shown(written, text),
             near.empty() ? "" : "did you mean '" + near + "'?");
}

CheckedValue check_bool(const json& written, std::string_view text) {
  if (written.is_boolean()) {
    return good(written);
  }
  const std::string own = spelling(written, text);
  const bool yes = own == "yes" || own == "on" || own == "1";
  const bool no = own == "no" || own == "off" || own == "0";
  return bad("expects true or false, got " + shown(written, text),
             yes || no ? std::string("write ") + (yes ? "true" : "false") : "");
}

CheckedValue check_list(const Parameter& parameter,
                        const json& written,
                        std::string_view text,
                        const std::string& folder) {
  Parameter element = parameter;
  element.type = parameter.element;
  if (!written.is_array()) {
    CheckedValue only = check_value(element, written, text, folder);
    return only.ok() ? good(json::array({only.value})) : only;
  }
  json values = json::array();
  for (std::size_t i = 0; i < written.size(); ++i) {
    CheckedValue one = check_value(element, written[i], {}, folder);
    if (!one.ok()) {
      one.where = "/" + std::to_string(i) + one.where;
      return one;
    }
    values.push_back(std::move(one.value));
  }
  return good(std::move(values));
}

Problem problem_of(const StageSpec& stage, const std::string& name, const CheckedValue& checked) {
  const std::string pointer = "/" + name + checked.where;
  return Problem{stage.value_position(pointer),
                 Severity::Error,
                 "parameter '" + name + "' of stage '" + stage.id + "' " + checked.error,
                 checked.suggestion};
}

void add_default(const StageSpec& stage, const Parameter& parameter, CheckedParameters& out) {
  if (parameter.required) {
    out.problems.push_back({stage.key_position(""),
                            Severity::Error,
                            "stage '" + stage.id + "' needs the parameter '" + parameter.name +
                                "'" + (parameter.doc.empty() ? "" : ": " + parameter.doc),
                            "add '" + parameter.name + "' to its 'with:'"});
    return;
  }
  if (parameter.default_value.is_null()) {
    return;
  }
  Parameter open = parameter;  // a default may lie outside the range that users are held to
  open.min.reset();
  open.max.reset();
  CheckedValue checked = check_value(open, parameter.default_value, {}, stage.folder);
  if (checked.ok()) {
    out.resolved[parameter.name] = std::move(checked.value);
  } else {
    out.problems.push_back({stage.position,
                            Severity::Error,
                            "'" + stage.target + "' publishes a default for '" + parameter.name +
                                "' that is not of its own type: it " + checked.error,
                            "the plug-in is wrong, not this file"});
  }
}

}  // namespace

std::string_view to_string(ParameterType type) {
  for (const auto& [known, name] : kTypeNames) {
    if (known == type) {
      return name;
    }
  }
  return "any";
}

std::optional<ParameterType> parameter_type(std::string_view name) {
  for (const auto& [type, known] : kTypeNames) {
    if (known == name) {
      return type;
    }
  }
  return std::nullopt;
}

CheckedValue check_value(const Parameter& parameter,
                         const json& written,
                         std::string_view text,
                         const std::string& folder) {
  if (parameter.type == ParameterType::Any) {
    return good(written);
  }
  if (parameter.type == ParameterType::List) {
    return check_list(parameter, written, text, folder);
  }
  if (written.is_null() || written.is_structured()) {
    return bad("expects " + wanted(parameter.type) + ", got " + shown(written, text));
  }
  switch (parameter.type) {
    case ParameterType::Bool:
      return check_bool(written, text);
    case ParameterType::Int:
    case ParameterType::Float:
      return check_number(parameter, written, text);
    case ParameterType::String:
      return good(spelling(written, text));
    case ParameterType::Path:
      return good(resolve_path(spelling(written, text), folder));
    case ParameterType::Enum:
      return check_enum(parameter, written, text);
    default:
      return check_quantity(parameter, written, text);
  }
}

CheckedParameters check_parameters(const StageSpec& stage, std::span<const Parameter> parameters) {
  CheckedParameters out{{}, json::object()};
  std::vector<std::string> names;
  names.reserve(parameters.size());
  for (const Parameter& parameter : parameters) {
    names.push_back(parameter.name);
    const auto written = stage.params.find(parameter.name);
    if (written == stage.params.end()) {
      add_default(stage, parameter, out);
      continue;
    }
    const auto source = stage.param_sources.find("/" + parameter.name);
    const std::string_view text =
        source == stage.param_sources.end() ? std::string_view() : source->second.text;
    CheckedValue checked = check_value(parameter, *written, text, stage.folder);
    if (checked.ok()) {
      out.resolved[parameter.name] = std::move(checked.value);
    } else {
      out.problems.push_back(problem_of(stage, parameter.name, checked));
    }
  }
  int suggestions_left = 50;  // so that a hostile file cannot make this slow
  for (const auto& [name, value] : stage.params.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      out.problems.push_back({stage.key_position("/" + name),
                              Severity::Error,
                              "'" + shortened(stage.target) + "' has no parameter '" +
                                  shortened(name) + "' (stage '" + stage.id + "')",
                              names.empty()            ? "it has no parameters"
                              : suggestions_left-- > 0 ? did_you_mean(name, names)
                                                       : std::string()});
    }
  }
  return out;
}

void to_json(json& out, const Parameter& parameter) {
  out = json{{"name", parameter.name}, {"type", to_string(parameter.type)}};
  const auto add = [&out](const char* key, const auto& value, bool present) {
    if (present) {
      out[key] = value;
    }
  };
  add("default", parameter.default_value, !parameter.default_value.is_null());
  add("required", parameter.required, parameter.required);
  add("min", parameter.min.value_or(0), parameter.min.has_value());
  add("max", parameter.max.value_or(0), parameter.max.has_value());
  add("choices", parameter.choices, !parameter.choices.empty());
  add("unit", parameter.unit, !parameter.unit.empty());
  add("doc", parameter.doc, !parameter.doc.empty());
  add("live", parameter.live, parameter.live);
  add("element", to_string(parameter.element), parameter.type == ParameterType::List);
}

void from_json(const json& in, Parameter& parameter) {
  try {
    const auto type_at = [&in](const char* key, ParameterType otherwise) {
      if (!in.contains(key)) {
        return otherwise;
      }
      const auto type = parameter_type(in.at(key).get<std::string>());
      if (!type) {
        throw Error(ErrorCode::Internal, "a parameter has the unknown type " + in.at(key).dump());
      }
      return *type;
    };
    parameter = Parameter{};
    parameter.name = in.at("name").get<std::string>();
    parameter.type = type_at("type", ParameterType::String);
    parameter.element = type_at("element", ParameterType::String);
    parameter.default_value = in.value("default", json());
    parameter.required = in.value("required", false);
    if (in.contains("min")) {
      parameter.min = in.at("min").get<double>();
    }
    if (in.contains("max")) {
      parameter.max = in.at("max").get<double>();
    }
    parameter.choices = in.value("choices", std::vector<std::string>());
    parameter.unit = in.value("unit", std::string());
    parameter.doc = in.value("doc", std::string());
    parameter.live = in.value("live", false);
  } catch (const json::exception& wrong) {
    throw Error(ErrorCode::Internal,
                std::string("cannot read a parameter from JSON: ") + wrong.what());
  }
}

}  // namespace avrig::spec
