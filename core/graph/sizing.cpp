// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "passes.hpp"
#include <avrig/shm/ring.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

// How deep a ring is and how many buffers it has. Two questions with two answers: what may be in
// flight (`window`, bytes that should stay in cache), and what must have a place when somebody
// stalls (`slots`, and for live rings a buffer for each). docs/architecture.md has the formulas.
namespace avrig::graph {
namespace {

constexpr std::uint32_t kGuard = 2;
constexpr std::uint64_t kDefaultWindowBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kSmallestWindow = 3;
constexpr std::uint64_t kLargestWindow = 128;  // small frames; a file's 512-byte blocks want 64
// Sound is not read further ahead than a restart takes: a demuxer that runs ahead in one stream
// must keep the packets of the other, and a changed parameter should be heard soon.
constexpr std::uint64_t kShortWindow = 16;
constexpr std::uint64_t kFewestSlots = 8;
constexpr std::uint64_t kFewestSmallSlots = 64;
constexpr std::uint64_t kSmallBytes = 64 * 1024;
constexpr std::uint64_t kMostSlots = std::uint64_t{1} << 20;
constexpr std::uint64_t kMostBuffers = shm::kNoBuffer - 1;
constexpr double kMillisecond = 1e6;
constexpr double kSecond = 1e9;
constexpr double kJitterNs = 50 * kMillisecond;
constexpr double kRestartNs = 500 * kMillisecond;
constexpr double kSlackNs = 2 * kSecond;
constexpr double kUnknownRate = 60;

std::uint64_t value_or(const std::vector<std::uint32_t>& configured,
                       std::size_t index,
                       std::uint32_t described) {
  return index < configured.size() ? configured[index] : described;
}

std::uint64_t frames(double ns, double rate) {
  return static_cast<std::uint64_t>(std::ceil(std::max(ns, 0.0) * rate / kSecond - 1e-6));
}

class Sizing {
 public:
  Sizing(const Model& model, Problems& problems) : model_(model), problems_(problems) {}

  std::vector<RingSize> run() {
    for (std::size_t ring = 0; ring < model_.rings.size(); ++ring) {
      rates_.push_back(rate_of(ring));
    }
    for (std::size_t ring = 0; ring < model_.rings.size(); ++ring) {
      sizes_.push_back(size(ring));
    }
    return std::move(sizes_);
  }

 private:
  // Frames a second, at most; a ring without a rate of its own has that of its maker's input.
  [[nodiscard]] double rate_of(std::size_t index) const {
    const avrig_format* format = model_.format(index);
    if (format != nullptr && format->media == AVRIG_MEDIA_AUDIO && format->block_samples > 0) {
      return static_cast<double>(format->sample_rate_hz) / format->block_samples;
    }
    if (format != nullptr && format->media == AVRIG_MEDIA_VIDEO && format->frame_rate_den > 0 &&
        format->frame_rate_num > 0) {
      return static_cast<double>(format->frame_rate_num) / format->frame_rate_den;
    }
    const auto& inputs = model_.stages[model_.rings[index].stage].inputs;
    return inputs.empty() ? kUnknownRate : rates_[model_.edges[inputs.front()].ring];
  }

  [[nodiscard]] spec::OutputSpec asked(const RingNode& ring) const {
    const auto& outputs = model_.stages[ring.stage].description.outputs;
    return model_.spec_of(ring.stage).output(outputs[ring.output].name);
  }

  // Followers of one frame hold it side by side; an editor waits for those before it, and those
  // behind it for the editor: levels add up.
  [[nodiscard]] std::uint64_t held(const RingNode& ring) const {
    std::uint64_t sum = 0;
    std::uint64_t most = 0;
    std::uint32_t level = 0;
    for (const std::size_t index : ring.edges) {
      const Edge& edge = model_.edges[index];
      if (edge.part == shm::Part::Editor || edge.level != level) {
        sum += std::exchange(most, 0);
        level = edge.level;
      }
      const std::uint64_t kept = kept_frames(model_, edge);
      if (edge.part == shm::Part::Editor) {
        sum += kept;
      } else {
        most = std::max(most, kept);
      }
    }
    return sum + most;
  }

  // --- skew: frames that pass on one way before the same instant arrives on the other ------------

  [[nodiscard]] double stage_ns(const Edge& edge, double fallback_rate) const {
    const StageNode& node = model_.stages[edge.stage];
    const double rate = rates_[edge.ring] > 0 ? rates_[edge.ring] : fallback_rate;
    const std::uint64_t kept = kept_frames(model_, edge);
    const double delay = node.configured ? static_cast<double>(node.configured->delay_ns) : 0.0;
    return static_cast<double>(kept) * kSecond / rate + delay;
  }

  // The longest way from behind `stage` to a stage of `meets`, that stage left out; negative when
  // none leads there. `known` remembers each stage, or diamonds in a row would take for ever.
  [[nodiscard]] double way_ns(std::size_t stage,
                              std::uint64_t meets,
                              double rate,
                              std::vector<std::optional<double>>& known) const {
    if ((meets >> (stage % 64)) & 1) {
      return 0;
    }
    if (!known[stage]) {
      double longest = -1;
      for (const Edge& next : model_.edges) {
        if (next.from_stage != stage) {
          continue;
        }
        const double rest = way_ns(next.stage, meets, rate, known);
        const bool arrives = ((meets >> (next.stage % 64)) & 1) != 0;
        if (rest >= 0) {
          longest = std::max(longest, rest + (arrives ? 0 : stage_ns(next, rate)));
        }
      }
      known[stage] = longest;
    }
    return *known[stage];
  }

  // Editors part the followers into levels, each with its own meetings behind it.
  [[nodiscard]] std::uint64_t skew(const RingNode& ring, double rate) const {
    std::uint64_t sum = 0;
    for (std::uint32_t level = 0; level <= ring.editors.size(); ++level) {
      sum += frames(skew_ns(ring, level, rate), rate);
    }
    return sum;
  }

  [[nodiscard]] double skew_ns(const RingNode& ring, std::uint32_t level, double rate) const {
    std::uint64_t seen = 0;
    std::uint64_t meets = 0;
    for (const std::size_t index : ring.edges) {
      const Edge& edge = model_.edges[index];
      const std::uint64_t reaches = edge.level == level ? model_.stages[edge.stage].reaches : 0;
      meets |= seen & reaches;
      seen |= reaches;
    }
    double longest = 0;
    std::vector<std::optional<double>> known(model_.stages.size());
    for (const std::size_t index : ring.edges) {
      const Edge& edge = model_.edges[index];
      if (meets != 0 && edge.level == level && ((meets >> (edge.stage % 64)) & 1) == 0) {
        const double rest = way_ns(edge.stage, meets, rate, known);
        longest = std::max(longest, rest < 0 ? 0 : rest + stage_ns(edge, rate));
      }
    }
    return longest;
  }

  // --- time that a ring must cover ---------------------------------------------------------------

  [[nodiscard]] double gate_ns(const RingNode& ring) const {
    double longest = 0;
    for (const std::size_t index : ring.edges) {
      const Edge& edge = model_.edges[index];
      const spec::GroupSpec group = model_.group_of(edge.stage);
      const bool waits = group.mode.value_or(spec::SyncMode::Live) == spec::SyncMode::Live;
      if (edge.part == shm::Part::Gate && waits && !model_.spec.offline) {
        longest = std::max(longest, static_cast<double>(group.max_delay_ns));
      }
    }
    return longest;
  }

  // How far the followers of a live ring may lag: what recorders read keeps its slack.
  [[nodiscard]] double lag_ns(const RingNode& ring) const {
    const spec::OutputSpec out = asked(ring);
    double longest = kJitterNs + kRestartNs;
    for (const std::size_t index : ring.edges) {
      const Edge& edge = model_.edges[index];
      if (edge.loss == shm::Loss::MaySkip) {
        continue;
      }
      if (edge.slack_ns || out.slack_ns) {
        longest =
            std::max(longest, static_cast<double>(edge.slack_ns ? *edge.slack_ns : *out.slack_ns));
      } else if (model_.stages[edge.stage].outputs.empty()) {
        longest = std::max(longest, kSlackNs);
      }
      if (edge.part == shm::Part::Gate) {
        for (const Output& reference : model_.stages[edge.stage].outputs) {
          longest = std::max(longest, lag_ns(model_.rings[reference.ring]));
        }
      }
    }
    return longest;
  }

  // --- sizes -------------------------------------------------------------------------------------

  [[nodiscard]] std::uint64_t own_buffers(const RingNode& ring) const {
    const StageNode& maker = model_.stages[ring.stage];
    return value_or(maker.configured->own_buffers,
                    ring.output,
                    maker.description.outputs[ring.output].own_buffers);
  }

  RingSize size(std::size_t index) {
    const RingNode& ring = model_.rings[index];
    if (ring.reference) {
      return reference_size(ring);
    }
    RingSize size;
    size.guard = kGuard;
    size.buffer_bytes = model_.stages[ring.stage].configured->frame_bytes[ring.output];
    const spec::OutputSpec out = asked(ring);
    const double rate = rates_[index];
    // One in each hand, one on its way.
    const std::uint64_t needed = held(ring) + skew(ring, rate) + 1;
    const std::uint64_t window = window_frames(ring, out, size.buffer_bytes, needed, rate);
    std::uint64_t usable = window;
    if (ring.live) {
      usable = std::max(window, frames(lag_ns(ring) + gate_ns(ring), rate) + needed);
    }
    std::uint64_t slots = std::max(
        usable + kGuard + 1, size.buffer_bytes <= kSmallBytes ? kFewestSmallSlots : kFewestSlots);
    if (out.depth_frames) {
      slots = static_cast<std::uint64_t>(*out.depth_frames);
      require_depth(ring, slots, std::max(needed, kSmallestWindow) + kGuard);
      usable = std::min(usable, slots - kGuard);
      usable = ring.live ? slots - kGuard : usable;
    }
    size.slots = static_cast<std::uint32_t>(std::min(slots, kMostSlots));
    size.window = static_cast<std::uint32_t>(
        std::min<std::uint64_t>({window, usable, std::uint64_t{size.slots} - kGuard}));
    size.buffers = buffers(ring, ring.live ? size.slots - kGuard : size.window);
    return size;
  }

  [[nodiscard]] std::uint64_t window_frames(const RingNode& ring,
                                            const spec::OutputSpec& out,
                                            std::uint64_t frame_bytes,
                                            std::uint64_t needed,
                                            double rate) const {
    const std::uint64_t least = std::max(needed, kSmallestWindow);
    if (ring.edges.empty()) {
      return least;  // only taps
    }
    if (out.window_bytes) {
      return std::max(least, static_cast<std::uint64_t>(*out.window_bytes) / frame_bytes);
    }
    std::uint64_t preferred = std::min(kDefaultWindowBytes / frame_bytes, kLargestWindow);
    if (ring.media == AVRIG_MEDIA_AUDIO) {
      preferred = std::min(preferred, std::max(frames(kJitterNs + kRestartNs, rate), kShortWindow));
    }
    return std::max({least, preferred, needed + frames(gate_ns(ring), rate)});
  }

  // A file's followers stay within the window. Those of a live ring, and those that may skip, keep
  // what they hold when the others move on.
  std::uint32_t buffers(const RingNode& ring, std::uint64_t depth) {
    std::uint64_t count = depth + own_buffers(ring) + 1;
    for (const std::size_t index : ring.edges) {
      const Edge& edge = model_.edges[index];
      if (ring.live || edge.loss == shm::Loss::MaySkip) {
        count += kept_frames(model_, edge);
      }
    }
    if (count > kMostBuffers) {
      add_error(problems_,
                model_.spec_of(ring.stage).position,
                "'" + model_.output_name(ring.stage, ring.output) + "' would need " +
                    std::to_string(count) + " buffers; a ring has at most " +
                    std::to_string(kMostBuffers),
                "lower 'slack' or 'depth' in its 'out'");
    }
    return static_cast<std::uint32_t>(std::min(count, kMostBuffers));
  }

  void require_depth(const RingNode& ring, std::uint64_t& slots, std::uint64_t least) {
    if (slots >= least) {
      return;
    }
    add_error(problems_,
              model_.spec_of(ring.stage).position,
              "'" + model_.output_name(ring.stage, ring.output) + "' is to have depth " +
                  std::to_string(slots) + ", but what its followers hold at once needs " +
                  std::to_string(least),
              "write 'depth: " + std::to_string(least) + "' or leave it away");
    slots = least;
  }

  // As many names as there are buffers to name.
  [[nodiscard]] RingSize reference_size(const RingNode& ring) const {
    RingSize size;
    size.guard = kGuard;
    const std::uint64_t names = std::max<std::uint64_t>(sizes_[ring.pool].buffers, kSmallestWindow);
    size.slots = static_cast<std::uint32_t>(std::max(names + kGuard + 1, kFewestSlots));
    size.window = static_cast<std::uint32_t>(names);
    return size;
  }

  const Model& model_;
  Problems& problems_;
  std::vector<double> rates_;
  std::vector<RingSize> sizes_;
};

}  // namespace

std::uint64_t kept_frames(const Model& model, const Edge& edge) {
  const StageNode& node = model.stages[edge.stage];
  static const std::vector<std::uint32_t> kAsDescribed;
  const auto& history = node.configured ? node.configured->history : kAsDescribed;
  const auto& holds = node.configured ? node.configured->holds : kAsDescribed;
  std::uint64_t kept = value_or(history, edge.input, edge.port.history) +
                       std::max<std::uint64_t>(value_or(holds, edge.input, edge.port.holds), 1);
  if (edge.part == shm::Part::Gate) {
    // A gate lets go of nothing that its followers may still be shown.
    std::uint64_t behind = 0;
    for (const Output& output : node.outputs) {
      for (const std::size_t index : model.rings[output.ring].edges) {
        behind = std::max(behind, kept_frames(model, model.edges[index]));
      }
    }
    kept += behind;
  }
  return kept;
}

std::vector<RingSize> size_rings(const Model& model, Problems& problems) {
  return Sizing(model, problems).run();
}

}  // namespace avrig::graph
