// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/graph/graph.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

/// Stages that exist only as descriptions, to try the graph on.
namespace avrig::graph::test {

/// What a stage would answer.
struct Fake {
  stage::Description description;
  /// Its answer to `configure`, given its input formats and wishes.
  std::function<stage::Configured(std::span<const avrig_format>, std::span<const stage::Wish>)>
      configure;
};

avrig_format video(const char* pixel_format = "yuv420p",
                   std::uint32_t width = 1920,
                   std::uint32_t height = 1080,
                   std::uint32_t fps = 30);
avrig_format audio(std::uint32_t rate = 48000,
                   std::uint32_t channels = 2,
                   std::uint32_t block = 1024);

stage::InputPort input(std::uint32_t media, std::string name = "in");
stage::OutputPort output(std::uint32_t media, std::string name = "out");

/// A demuxer with the ports "audio" and "video", a thread for each.
Fake media_reader();
/// One output "out" of `format`; live where asked.
Fake source(const avrig_format& format, bool live = false);
/// Writes frames of its own, of its input's format.
Fake maker(std::uint32_t media);
Fake editor(std::uint32_t media, stage::Heal heal = stage::Heal::Rerun);
Fake gate();
/// Takes any number of inputs of any media.
Fake recorder();
/// A display, or a JACK writer.
Fake presenter(std::uint32_t media);

/// A pipeline under test, put together line by line; a stage's line is its place in the file.
class Rig {
 public:
  /// `in`: "stage" or "stage/port", with " may_skip" or " must" behind it where that is said.
  spec::StageSpec& add(const std::string& id,
                       spec::Role role,
                       Fake fake,
                       const std::vector<std::string>& in = {},
                       const std::string& target = "fake");

  [[nodiscard]] Built build() const { return Graph::build(spec, descriptions()); }
  /// build() and every stage configured; fails the test on any error.
  [[nodiscard]] Graph configured() const;
  /// All problems of building and configuring.
  [[nodiscard]] std::vector<spec::Problem> problems() const;
  [[nodiscard]] Planned plan(const PlanOptions& options = {}) const {
    return configured().plan(options);
  }

  spec::PipelineSpec spec;
  std::map<std::string, Fake> fakes;

 private:
  [[nodiscard]] Descriptions descriptions() const;
  [[nodiscard]] std::vector<spec::Problem> configure(Graph& graph) const;
};

/// The talking head: a file's sound and picture, each processed, gated, shown and recorded.
Rig talking_head();

/// Texts and suggestions of `problems`, one a line: "rig.yaml:3:9 text (suggestion)".
std::string text(const std::vector<spec::Problem>& problems);
bool contains(const std::string& text, const std::string& part);

/// The edge by which `stage` follows `from` ("clip/video").
const Edge& edge(const Graph& graph, const std::string& from, const std::string& stage);
const RingPlan& ring(const Plan& plan, const std::string& label);

}  // namespace avrig::graph::test
