// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/parameter.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace avrig::spec {

/// The maps of a pipeline file. Each key belongs to one.
enum class Scope { Top, Defaults, Jack, Group, Stage, Input, Output, Restart };

/// How a key's value is put together.
enum class Shape {
  Value,    ///< one value of `parameter.type`
  Map,      ///< a map with the keys of `nested`
  MapOf,    ///< a map from names to maps with the keys of `nested`
  ListOf,   ///< a list of maps with the keys of `nested`
  Inputs,   ///< `in:`
  Outputs,  ///< `out:`
  Trigger,  ///< any | all | paired(DURATION)
  Params    ///< `with:`; the plug-in's parameters
};

/// One key of the pipeline file. The parser, its suggestions, the JSON Schema and the tables of
/// docs/pipeline-spec.md all come from this table, so that they cannot differ.
struct Key {
  Scope scope;
  Shape shape;
  Parameter parameter;
  std::optional<Scope> nested;
};

/// The table, in the order of the documentation.
[[nodiscard]] std::span<const Key> key_table();
[[nodiscard]] std::vector<const Key*> keys_of(Scope scope);
[[nodiscard]] const Key* find_key(Scope scope, std::string_view name);

/// The JSON Schema (draft 2020-12) of the pipeline file, as `avrig schema` prints it.
[[nodiscard]] std::string schema();

/// The tables of docs/pipeline-spec.md (Markdown), one per scope.
[[nodiscard]] std::string key_tables_markdown();

}  // namespace avrig::spec
