// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/graph/graph.hpp>

#include <string>

namespace avrig::graph {

// What `avrig graph` prints. Each works at any time: without formats or a plan (null), what is not
// known yet is shown as "-". The same graph gives the same text.
//
// Thread: any

/// Tables of stages, rings and edges, for people.
[[nodiscard]] std::string to_text(const Graph& graph, const Plan* plan = nullptr);
/// For Graphviz: stages as boxes, edges with format and loss; edits are bold, skipping is dashed.
[[nodiscard]] std::string to_dot(const Graph& graph, const Plan* plan = nullptr);
/// The same for Mermaid, which code forges show in Markdown.
[[nodiscard]] std::string to_mermaid(const Graph& graph, const Plan* plan = nullptr);

}  // namespace avrig::graph
