// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "map_reader.hpp"

#include <charconv>
#include <cmath>
#include <string>
#include <unordered_map>

namespace avrig::spec {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxPointer = 256;
constexpr std::size_t kMaxKey = 128;  // YAML itself ends at 1024, escapes counted

std::vector<std::string> names_of(Scope scope) {
  std::vector<std::string> names;
  for (const Key* key : keys_of(scope)) {
    names.push_back(key->parameter.name);
  }
  return names;
}

void unknown_key(Reading& reading, const YamlNode& key, Scope scope, const std::string& what) {
  if (key.text == "<<" && key.plain) {
    reading.error(key, "merge keys ('<<') are not used in pipeline files", "write the keys out");
    return;
  }
  std::string suggestion;
  if (reading.suggestions_left > 0) {
    --reading.suggestions_left;
    const std::vector<std::string> names = names_of(scope);
    suggestion = did_you_mean(key.text, names);
  }
  reading.error(key, "unknown key '" + shortened(key.text) + "' in " + what, std::move(suggestion));
}

json checked(Reading& reading, const Field& field) {
  const Key& key = *field.key;
  const YamlNode& node = *field.node;
  const std::string text = node.kind == YamlNode::Kind::Scalar ? node.text : std::string();
  CheckedValue value = check_value(key.parameter, to_json_value(node), text, reading.folder);
  if (!value.ok()) {
    reading.error(field.place(), "'" + key.parameter.name + "' " + value.error, value.suggestion);
    return nullptr;
  }
  return std::move(value.value);
}

std::optional<json> as_number(const std::string& text) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  const char* digits = begin != end && (*begin == '+' || *begin == '-') ? begin + 1 : begin;
  const bool numeric = digits != end && ((*digits >= '0' && *digits <= '9') || *digits == '.');
  if (!numeric) {
    return std::nullopt;
  }
  if (*begin == '+') {
    ++begin;
  }
  std::int64_t whole = 0;
  auto [at, problem] = std::from_chars(begin, end, whole);
  if (problem == std::errc() && at == end) {
    return whole;
  }
  double real = 0;
  const auto read = std::from_chars(begin, end, real);
  if (read.ec == std::errc() && read.ptr == end && std::isfinite(real)) {
    return real;
  }
  return std::nullopt;
}

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void Reading::error(const YamlNode& node, std::string text, std::string suggestion) {
  error(at(node), std::move(text), std::move(suggestion));
}

void Reading::error(const SourcePosition& position, std::string text, std::string suggestion) {
  problems.push_back({position, Severity::Error, std::move(text), std::move(suggestion)});
}

const Field* Fields::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (field.key->parameter.name == name) {
      return &field;
    }
  }
  return nullptr;
}

std::string described(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null:
      return "nothing";
    case YamlNode::Kind::List:
      return "a list";
    case YamlNode::Kind::Map:
      return "a map";
    case YamlNode::Kind::Scalar:
      break;
  }
  return "'" + shortened(node.text) + "'";
}

std::vector<std::pair<const YamlNode*, const YamlNode*>> unique_entries(Reading& reading,
                                                                        const YamlNode& node) {
  std::vector<std::pair<const YamlNode*, const YamlNode*>> entries;
  std::unordered_map<std::string, const YamlNode*> seen;
  for (const auto& [key, value] : node.entries) {
    if (key->kind != YamlNode::Kind::Scalar) {
      reading.error(*key, "a key must be a word, got " + described(*key));
      continue;
    }
    if (key->text.size() > kMaxKey) {
      reading.error(*key,
                    "the key '" + shortened(key->text) + "' is longer than " +
                        std::to_string(kMaxKey) + " bytes");
      continue;
    }
    const auto [first, fresh] = seen.emplace(key->text, key);
    if (!fresh) {
      reading.error(*key,
                    "the key '" + shortened(key->text) + "' is written twice, first at " +
                        to_string(reading.at(*first->second)),
                    "remove one of them");
      continue;
    }
    entries.emplace_back(key, value);
  }
  return entries;
}

Fields read_map(Reading& reading, const YamlNode& node, Scope scope, const std::string& what) {
  Fields fields;
  if (node.kind != YamlNode::Kind::Map) {
    reading.error(node, what + " must be a map of keys and values, got " + described(node));
    return fields;
  }
  for (const auto& [name, value] : unique_entries(reading, node)) {
    const Key* key = find_key(scope, name->text);
    if (key == nullptr) {
      unknown_key(reading, *name, scope, what);
      continue;
    }
    Field field{key, name, value, nullptr};
    if (key->shape == Shape::Value) {
      field.value = checked(reading, field);
    }
    fields.fields_.push_back(std::move(field));
  }
  return fields;
}

json to_json_value(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null:
      return nullptr;
    case YamlNode::Kind::List: {
      json list = json::array();
      for (const YamlNode* item : node.items) {
        list.push_back(to_json_value(*item));
      }
      return list;
    }
    case YamlNode::Kind::Map: {
      json map = json::object();
      for (const auto& [key, value] : node.entries) {
        map[key->text] = to_json_value(*value);
      }
      return map;
    }
    case YamlNode::Kind::Scalar:
      break;
  }
  if (node.plain) {
    if (node.text == "true" || node.text == "True" || node.text == "TRUE") {
      return true;
    }
    if (node.text == "false" || node.text == "False" || node.text == "FALSE") {
      return false;
    }
    if (const std::optional<json> number = as_number(node.text)) {
      return *number;
    }
  }
  return node.text;
}

json read_free(Reading& reading,
               const YamlNode& node,
               const YamlNode& key,
               const std::string& pointer,
               std::map<std::string, ParamSource>& sources) {
  const bool scalar = node.kind == YamlNode::Kind::Scalar;
  // A value that was left out is reported by yaml-cpp where the next thing begins.
  const YamlNode& place = node.kind == YamlNode::Kind::Null ? key : node;
  // Positions are kept for what people write; long pointers would make a small file a large map.
  const bool noted = pointer.size() <= kMaxPointer;
  if (noted) {
    sources[pointer] = {reading.at(key), reading.at(place), scalar ? node.text : std::string()};
  }
  const auto child = [&](const std::string& name) {
    return noted ? pointer + "/" + name : pointer;
  };
  if (node.kind == YamlNode::Kind::List) {
    json list = json::array();
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const YamlNode& item = *node.items[i];
      list.push_back(read_free(reading, item, item, child(std::to_string(i)), sources));
    }
    return list;
  }
  if (node.kind == YamlNode::Kind::Map) {
    json map = json::object();
    for (const auto& [name, value] : unique_entries(reading, node)) {
      map[name->text] = read_free(reading, *value, *name, child(escaped(name->text)), sources);
    }
    return map;
  }
  return to_json_value(node);
}

}  // namespace avrig::spec
