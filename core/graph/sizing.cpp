// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "passes.hpp"
#include <avrig/shm/ring.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

// How deep a ring is and how many buffers it has. Two questions with two answers: what may be in
// flight (`window`, bytes that should stay in cache), and what must have a place when somebody
// stalls (`slots`, and for live rings a buffer for each). docs/architecture.md has the formulas.
namespace avrig::graph {
namespace {

constexpr std::uint32_t kGuard = 2;
constexpr std::uint64_t kDefaultWindowBytes = std::uint64_t{8} << 20;
// What a shared cache of 32 MiB keeps beside everything else.
constexpr std::uint64_t kCachedPoolBytes = std::uint64_t{20} << 20;
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

// Three in flight, but where it takes two for the pool to stay in cache (its maker writes one
// more).
std::uint64_t smallest_window(std::uint64_t frame_bytes) {
  const bool three_miss = (kSmallestWindow + 1) * frame_bytes > kCachedPoolBytes;
  const bool two_fit = kSmallestWindow * frame_bytes <= kCachedPoolBytes;
  return three_miss && two_fit ? kSmallestWindow - 1 : kSmallestWindow;
}

class Sizing {
 public:
  Sizing(const Model& model, Problems& problems) : model_(model), problems_(problems) {}

  std::vector<RingSize> run() {
    for (std::size_t ring = 0; ring < model_.rings.size(); ++ring) {
      rates_.push_back(rate_of(ring));
    }
    schedule();
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

  // --- a schedule: when each stage begins a frame, counted from the frame's first publishing
  // -------
  //
  // As early as its inputs are there, a group's gates together, an editor when all before it have
  // let the frame go. Rings that cover their followers in this schedule never stop one another.

  void schedule() {
    begins_.assign(model_.stages.size(), 0);
    // Longest ways; what the hazards let pass has no cycle, so this many rounds suffice.
    bool moved = true;
    for (std::size_t round = 0; moved && round <= model_.stages.size(); ++round) {
      moved = false;
      for (std::size_t stage = 0; stage < model_.stages.size(); ++stage) {
        const double begin = std::max(begins_[stage], earliest(stage));
        moved = std::exchange(begins_[stage], begin) < begin - 1 || moved;
      }
    }
  }

  [[nodiscard]] double delay_ns(std::size_t stage) const {
    const auto& configured = model_.stages[stage].configured;
    return configured ? static_cast<double>(configured->delay_ns) : 0.0;
  }

  [[nodiscard]] double frame_ns(std::size_t ring) const { return kSecond / rates_[ring]; }

  [[nodiscard]] double earliest(std::size_t stage) const {
    double begin = 0;
    for (const std::size_t index : model_.stages[stage].inputs) {
      const Edge& edge = model_.edges[index];
      const Masks wait = masks(model_, edge);
      begin = std::max(begin, published_ns(edge.ring));
      for (const std::size_t other : model_.rings[edge.ring].edges) {
        const Edge& before = model_.edges[other];
        if ((wait.after >> before.participant) & 1) {
          begin = std::max(begin, begins_[before.stage] + frame_ns(edge.ring));
        }
        if ((wait.behind >> before.participant) & 1) {
          // What it still holds back comes out at the end, while it holds its last frames.
          begin = std::max(begin, released_ns(before) + delay_ns(before.stage));
        }
      }
    }
    const spec::StageSpec& gate = model_.spec_of(stage);
    for (std::size_t other = 0; other < model_.stages.size(); ++other) {
      const spec::StageSpec& sibling = model_.spec_of(other);
      if (gate.role == spec::Role::Sync && sibling.role == spec::Role::Sync &&
          gate.target == sibling.target) {
        begin = std::max(begin, begins_[other]);
      }
    }
    return begin;
  }

  [[nodiscard]] double published_ns(std::size_t ring) const {
    const StageNode& maker = model_.stages[model_.rings[ring].stage];
    if (maker.inputs.empty()) {
      return 0;
    }
    return begins_[model_.rings[ring].stage] + delay_ns(model_.rings[ring].stage) +
           (model_.rings[ring].reference ? 0 : frame_ns(model_.edges[maker.inputs[0]].ring));
  }

  [[nodiscard]] double released_ns(const Edge& edge) const {
    double released =
        begins_[edge.stage] + static_cast<double>(kept_frames(model_, edge)) * frame_ns(edge.ring);
    if (edge.part == shm::Part::Gate) {
      for (const Output& output : model_.stages[edge.stage].outputs) {
        for (const std::size_t index : model_.rings[output.ring].edges) {
          released = std::max(released, released_ns(model_.edges[index]));
        }
      }
    }
    return released;
  }

  // Frames in flight while each follower is where the schedule has it.
  [[nodiscard]] std::uint64_t held(std::size_t index) const {
    double released = published_ns(index);
    for (const std::size_t edge : model_.rings[index].edges) {
      released = std::max(released, released_ns(model_.edges[edge]));
    }
    return frames(released - published_ns(index), rates_[index]);
  }

  // --- time that a ring must cover ---------------------------------------------------------------

  [[nodiscard]] double gate_ns(const RingNode& ring) const {
    double longest = 0;
    for (const std::size_t index : ring.edges) {
      const Edge& edge = model_.edges[index];
      const spec::GroupSpec group = model_.group_of(edge.stage);
      const bool waits = group.mode.value_or(spec::SyncMode::Live) == spec::SyncMode::Live;
      if (edge.part == shm::Part::Gate && waits && !model_.spec.offline) {
        longest = std::max({longest,
                            static_cast<double>(group.max_delay_ns),
                            static_cast<double>(group.delay_ns.value_or(0))});
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
    const std::uint64_t needed = held(index) + 1;
    const std::uint64_t window = window_frames(ring, out, size.buffer_bytes, needed, rate);
    std::uint64_t usable = window;
    if (ring.live) {
      usable = std::max(window, frames(lag_ns(ring) + gate_ns(ring), rate) + needed);
    }
    std::uint64_t slots = std::max(
        usable + kGuard + 1, size.buffer_bytes <= kSmallBytes ? kFewestSmallSlots : kFewestSlots);
    if (out.depth_frames) {
      slots = static_cast<std::uint64_t>(*out.depth_frames);
      require_depth(ring, slots, std::max(needed, smallest_window(size.buffer_bytes)) + kGuard);
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
    const std::uint64_t least = std::max(needed, smallest_window(frame_bytes));
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
  std::vector<double> begins_;  // by stage, ns
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
