// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "yaml_tree.hpp"
#include <avrig/spec/keys.hpp>
#include <avrig/spec/pipeline_spec.hpp>
#include <avrig/spec/problem.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace avrig::spec {

/// What the parsing functions share: where they are and where problems go.
struct Reading {
  std::string file;
  std::string folder;
  std::vector<Problem>& problems;
  int suggestions_left = 200;  ///< so that a file of ten thousand mistakes is still quick

  [[nodiscard]] SourcePosition at(const YamlNode& node) const {
    return {file, node.line, node.column};
  }
  void error(const YamlNode& node, std::string text, std::string suggestion = {});
  void error(const SourcePosition& position, std::string text, std::string suggestion = {});
};

/// One key of a map that the table knows, with its value checked.
struct Field {
  const Key* key = nullptr;
  const YamlNode* name = nullptr;
  const YamlNode* node = nullptr;
  nlohmann::json value;  ///< canonical; null for structures, and where it was wrong

  /// Where messages about the value point: yaml-cpp places a value that was left out where the next
  /// thing begins.
  [[nodiscard]] const YamlNode& place() const {
    return node->kind == YamlNode::Kind::Null ? *name : *node;
  }
};

/// The known keys of one map. Unknown and repeated keys and wrong values have been reported.
class Fields {
 public:
  /// The field, if it was written.
  [[nodiscard]] const Field* find(std::string_view name) const;
  /// Puts the field's value into `to`, if it was written and right.
  template <class T>
  void take(std::string_view name, T& to) const {
    const Field* field = find(name);
    if (field != nullptr && !field->value.is_null()) {
      to = field->value.get<T>();
    }
  }
  template <class T>
  void take(std::string_view name, std::optional<T>& to) const {
    const Field* field = find(name);
    if (field != nullptr && !field->value.is_null()) {
      to = field->value.get<T>();
    }
  }
  /// The same for an enumeration: the one whose word was written.
  template <class E, class To>
  void take_word(std::string_view name, std::initializer_list<E> all, To& to) const {
    std::string word;
    take(name, word);
    for (const E value : all) {
      if (!word.empty() && to_string(value) == word) {
        to = value;
      }
    }
  }

 private:
  friend Fields read_map(Reading& reading,
                         const YamlNode& node,
                         Scope scope,
                         const std::string& what);
  std::vector<Field> fields_;
};

/// Read a map whose keys the table names. `what` is what messages call it: "stage 'blur'".
Fields read_map(Reading& reading, const YamlNode& node, Scope scope, const std::string& what);

/// The keys of any map, each once; repeated ones are reported with both positions.
std::vector<std::pair<const YamlNode*, const YamlNode*>> unique_entries(Reading& reading,
                                                                        const YamlNode& node);

/// A value as JSON: plain scalars are read as YAML 1.2 does (null, true, false, numbers).
nlohmann::json to_json_value(const YamlNode& node);

/// The same for free structures (`with:`): noting where each part was written, by JSON pointer.
nlohmann::json read_free(Reading& reading,
                         const YamlNode& node,
                         const YamlNode& key,
                         const std::string& pointer,
                         std::map<std::string, ParamSource>& sources);

/// "a list", "a map", "nothing", or the scalar in quotes.
std::string described(const YamlNode& node);

/// The stages' share of the parser.
StageSpec read_defaults(Reading& reading, const YamlNode& node);

struct ReadStage {
  StageSpec stage;
  bool inputs_known = true;  ///< false where `in:` was there and wrong
};
ReadStage read_stage(Reading& reading, const YamlNode& node, const StageSpec& defaults);

/// check(), but silent about what follows from inputs that could not be read. `inputs_known` goes
/// with `spec.stages`.
std::vector<Problem> check_read(const PipelineSpec& spec, const std::vector<bool>& inputs_known);

}  // namespace avrig::spec
