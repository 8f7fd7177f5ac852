// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media_name.hpp>
#include <avrig/shm/layout.hpp>
#include <avrig/spec/pipeline_spec.hpp>
#include <avrig/spec/problem.hpp>
#include <avrig/stage/description.hpp>
#include <avrig/stage/stage.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace avrig::graph {

/// What each stage answered to `describe`, by id.
using Descriptions = std::map<std::string, stage::Description>;

inline constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

/// One input of one stage: who follows what, and how.
struct Edge {
  std::size_t stage = kNone;  ///< the follower
  std::size_t input = 0;      ///< which of its connected inputs, in the order of its ports
  stage::InputPort port;      ///< as the follower describes it ("in2" where it repeats one)
  std::size_t from_stage = kNone;
  std::size_t from_output = 0;  ///< port of from_stage; for an editor it is its input's ring
  std::size_t ring = kNone;
  std::uint32_t level = 0;        ///< how many editors have changed the frame before
  std::uint32_t participant = 0;  ///< its place in the ring
  shm::Part part = shm::Part::Looker;
  shm::Loss loss = shm::Loss::Must;
  std::optional<spec::Loss> asked_loss;  ///< what the file says
  std::optional<std::int64_t> slack_ns;  ///< what the file says
  spec::SourcePosition position;
};

/// One output of one stage.
struct Output {
  std::size_t ring = kNone;  ///< for an editor: its input's ring
  std::uint32_t level = 0;   ///< how many editors have changed a frame that comes out here
  std::uint32_t media = AVRIG_MEDIA_NONE;
};

/// One stage, as described and connected.
struct StageNode {
  std::string id;
  stage::Description description;
  bool described = false;
  std::vector<std::size_t> inputs;  ///< edges, in the order of its ports
  std::vector<Output> outputs;      ///< one per output port
  bool live = false;                ///< a device feeds it, directly or through others
  std::uint64_t reaches = 0;  ///< itself, the stages behind it, and gates that start with these
  std::optional<stage::Configured> configured;
};

/// One ring: an output of a maker or gate, with everybody who follows it.
struct RingNode {
  std::size_t stage = kNone;  ///< maker or gate
  std::size_t output = 0;
  std::uint32_t media = AVRIG_MEDIA_NONE;
  bool live = false;
  bool reference = false;
  std::size_t pool = kNone;          ///< the ring whose buffers it carries; its own index if it has
  std::vector<std::size_t> edges;    ///< in the order of participants
  std::vector<std::size_t> editors;  ///< those of them that edit, in order
  stage::Wish wish;                  ///< what its followers ask its maker for
  std::string conversion;            ///< "yuv420p10le -> yuv420p" where the maker must convert
};

/// Everything that is known about a run before it has memory.
struct Model {
  spec::PipelineSpec spec;
  std::vector<StageNode> stages;   ///< in the order of the file
  std::vector<Edge> edges;         ///< in the order of stages and ports
  std::vector<RingNode> rings;     ///< a ring comes after those its maker follows
  std::vector<std::size_t> order;  ///< stages, producers first; ties in the order of the file

  [[nodiscard]] const spec::StageSpec& spec_of(std::size_t stage) const {
    return spec.stages[stage];
  }
  /// "clip/video".
  [[nodiscard]] std::string output_name(std::size_t stage, std::size_t output) const;
  [[nodiscard]] std::string ring_name(std::size_t ring) const {
    return output_name(rings[ring].stage, rings[ring].output);
  }
  /// Where the edge comes from, as the user named it: "clip/video", "stamp/out".
  [[nodiscard]] std::string source_name(const Edge& edge) const {
    return output_name(edge.from_stage, edge.from_output);
  }
  /// The format of a ring's frames; null before its maker was configured.
  [[nodiscard]] const avrig_format* format(std::size_t ring) const;
  /// The sync group of a gate, with its defaults.
  [[nodiscard]] spec::GroupSpec group_of(std::size_t gate) const {
    return spec.group(spec.stages[gate].target);
  }
};

/// "1920x1080 yuv420p 30 fps", "48000 Hz 2 ch, blocks of 1024".
[[nodiscard]] std::string describe_format(const avrig_format& format);

/// Equal in everything that a frame's bytes depend on.
[[nodiscard]] bool same_format(const avrig_format& a, const avrig_format& b);

}  // namespace avrig::graph
