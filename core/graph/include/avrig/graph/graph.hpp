// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/graph/model.hpp>
#include <avrig/graph/plan.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace avrig::graph {

struct Built;

/// A pipeline with its edges matched, its hazards ordered and its formats negotiated.
///
/// Life: build(), then for each stage of order(): ask the stage to configure itself for
/// input_formats() and wishes_for(), give the answer to set_formats(); then plan(). Everything is a
/// pure function of its arguments: the same pipeline gives the same plan, bit for bit.
///
/// Thread: any, one at a time
class Graph {
 public:
  /// Match inputs to outputs, derive who waits for whom, decide what may be lost, choose formats.
  ///
  /// The spec must have passed spec::check(). A stage without a description is a problem; whatever
  /// hangs on it is left unjudged. All problems are found at once; with an error there is no graph.
  [[nodiscard]] static Built build(const spec::PipelineSpec& spec,
                                   const Descriptions& descriptions);

  /// Stages in the order in which they are to be configured: producers first.
  [[nodiscard]] std::span<const std::size_t> order() const { return model_.order; }
  /// The formats of a stage's connected inputs, in the order of its ports.
  ///
  /// Throws: Error(Internal) where a producer was not configured yet.
  [[nodiscard]] std::vector<avrig_format> input_formats(std::size_t stage) const;
  /// What its followers ask of each of its outputs; one per output port.
  ///
  /// A list with one entry is the graph's choice. With more, the maker did not say what it offers
  /// and is to take the first that it can. Empty: as the maker likes.
  [[nodiscard]] std::vector<stage::Wish> wishes_for(std::size_t stage) const;
  /// Note a stage's answer. Problems: a follower that does not take the format, an editor or gate
  /// that changes it, an answer that does not fit the description.
  [[nodiscard]] std::vector<spec::Problem> set_formats(std::size_t stage,
                                                       const stage::Configured& configured);
  /// Has every stage been configured?
  [[nodiscard]] bool configured() const;

  /// Rings, sizes and assignments. Problems: the memory budget, depths that cannot work.
  ///
  /// Throws: Error(Internal) before configured().
  [[nodiscard]] Planned plan(const PlanOptions& options = {}) const;

  [[nodiscard]] const Model& model() const { return model_; }

 private:
  explicit Graph(Model model) : model_(std::move(model)) {}

  Model model_;
};

/// What came out of build(): a graph unless there are errors; warnings may come with it.
struct Built {
  std::optional<Graph> graph;
  std::vector<spec::Problem> problems;
};

}  // namespace avrig::graph
