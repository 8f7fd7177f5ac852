// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/problem.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace avrig::spec {

/// One value of a YAML file. Aliases point to the very node that they name.
struct YamlNode {
  enum class Kind { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  int line = 0;        ///< from 1
  int column = 0;      ///< from 1, characters
  bool plain = false;  ///< a scalar without quotes
  std::string text;    ///< of a scalar
  std::vector<const YamlNode*> items;
  std::vector<std::pair<const YamlNode*, const YamlNode*>> entries;

  bool closed = false;     ///< complete: may be named by an alias
  std::size_t weight = 1;  ///< values in it, aliases followed
  int height = 1;          ///< levels in it, aliases followed
};

/// A YAML document within bounds: size, depth, expanded aliases. Any bytes are an acceptable input.
struct YamlTree {
  std::deque<YamlNode> nodes;
  const YamlNode* root = nullptr;  ///< null where the document is empty or could not be read
};

/// Read the one document in `source`; what is wrong goes to `problems`.
YamlTree read_yaml(const SourceText& source, std::vector<Problem>& problems);

}  // namespace avrig::spec
