// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "passes.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace avrig::graph {
namespace {

/// Somebody who sees a ring's frames, directly, behind editors or through a gate. `firm` followers
/// must take the format; the others stand behind a maker that passes it on, and would like to.
struct Taker {
  std::size_t edge;
  bool firm;
};

template <class T>
struct Trait {
  std::vector<T> stage::Acceptance::*accepts;
  std::vector<T> stage::Wish::*wish;
  const char* what;
};

const Trait<std::string> kPixelFormat{
    &stage::Acceptance::pixel_formats, &stage::Wish::pixel_formats, "pixel format"};
const Trait<std::uint32_t> kSampleRate{
    &stage::Acceptance::sample_rates_hz, &stage::Wish::sample_rates_hz, "sample rate"};
const Trait<std::uint32_t> kChannels{
    &stage::Acceptance::channels, &stage::Wish::channels, "channel count"};

const std::string& text(const std::string& value) {
  return value;
}
std::string text(std::uint32_t value) {
  return std::to_string(value);
}

template <class T>
std::string list(const std::vector<T>& values) {
  std::string joined;
  for (std::size_t index = 0; index < values.size() && index < 8; ++index) {
    joined += (index == 0 ? "" : ", ") + text(values[index]);
  }
  return joined + (values.size() > 8 ? ", ..." : "");
}

// How the `avfilter` processor converts to what a follower takes.
std::string converter(const Trait<std::string>&, const std::string& pixel_format) {
  return "'process: avfilter' with 'chain: format=" + pixel_format + "'";
}
std::string converter(const Trait<std::uint32_t>& trait, std::uint32_t value) {
  if (trait.accepts == &stage::Acceptance::sample_rates_hz) {
    return "'process: avfilter' with 'chain: aresample=" + std::to_string(value) + "'";
  }
  const std::string layout = value == 1   ? "mono"
                             : value == 2 ? "stereo"
                                          : std::to_string(value) + "c";
  return "'process: avfilter' with 'chain: aformat=channel_layouts=" + layout + "'";
}

template <class T>
bool takes(const std::vector<T>& accepted, const T& value) {
  return accepted.empty() || std::find(accepted.begin(), accepted.end(), value) != accepted.end();
}

/// Chooses one property of a ring's format.
template <class T>
class Choice {
 public:
  Choice(Model& model, std::size_t ring, const Trait<T>& trait, Problems& problems)
      : model_(model), ring_(ring), trait_(trait), problems_(problems) {}

  void run() {
    RingNode& ring = model_.rings[ring_];
    collect(ring_, true);
    const auto& offers =
        model_.stages[ring.stage].description.outputs[ring.output].offers.*trait_.accepts;
    std::vector<T> candidates = offers.empty() ? wanted() : offers;
    if (candidates.empty() || takers_.empty()) {
      return;
    }
    std::erase_if(candidates, [&](const T& value) { return !all_take(value, true); });
    if (candidates.empty()) {
      complain(offers);
      return;
    }
    // A conversion less further on is worth a format that is not the maker's first.
    std::stable_partition(candidates.begin(), candidates.end(), [&](const T& value) {
      return all_take(value, false);
    });
    if (offers.empty()) {
      ring.wish.*trait_.wish = candidates;
      return;
    }
    ring.wish.*trait_.wish = {candidates.front()};
    if (candidates.front() != offers.front()) {
      ring.conversion += (ring.conversion.empty() ? "" : ", ") + text(offers.front()) + " -> " +
                         text(candidates.front());
    }
  }

 private:
  void collect(std::size_t ring, bool firm) {
    for (const std::size_t index : model_.rings[ring].edges) {
      const Edge& edge = model_.edges[index];
      takers_.push_back({index, firm});
      const StageNode& follower = model_.stages[edge.stage];
      for (std::size_t output = 0; output < follower.outputs.size(); ++output) {
        const Output& out = follower.outputs[output];
        if (out.ring == kNone || out.ring == ring || edge.input != 0) {
          continue;
        }
        if (edge.part == shm::Part::Gate) {
          collect(out.ring, firm);
        } else if (passes_on(follower, output, edge)) {
          collect(out.ring, false);
        }
      }
    }
  }

  // A maker that does not say what it offers gives what it gets.
  [[nodiscard]] bool passes_on(const StageNode& maker, std::size_t output, const Edge& edge) const {
    const stage::Acceptance& offers = maker.description.outputs[output].offers;
    return (offers.*trait_.accepts).empty() &&
           maker.outputs[output].media == model_.rings[edge.ring].media;
  }

  [[nodiscard]] const std::vector<T>& accepted(const Taker& taker) const {
    return model_.edges[taker.edge].port.accepts.*trait_.accepts;
  }

  [[nodiscard]] bool all_take(const T& value, bool firm_only) const {
    return std::all_of(takers_.begin(), takers_.end(), [&](const Taker& taker) {
      return (firm_only && !taker.firm) || takes(accepted(taker), value);
    });
  }

  // Everything that some firm follower asks for, the first follower's favourites first.
  [[nodiscard]] std::vector<T> wanted() const {
    std::vector<T> values;
    for (const Taker& taker : takers_) {
      for (const T& value : accepted(taker)) {
        if (std::find(values.begin(), values.end(), value) == values.end()) {
          values.push_back(value);
        }
      }
    }
    return values;
  }

  void complain(const std::vector<T>& offers) {
    bool blamed = false;
    for (const Taker& taker : takers_) {
      const auto& accepts = accepted(taker);
      const bool none = std::none_of(
          offers.begin(), offers.end(), [&](const T& value) { return takes(accepts, value); });
      if (taker.firm && !offers.empty() && none) {
        blame(taker, offers);
        blamed = true;
      }
    }
    if (!blamed) {
      blame_pair();
    }
  }

  void blame(const Taker& taker, const std::vector<T>& offers) {
    const Edge& edge = model_.edges[taker.edge];
    const auto& accepts = accepted(taker);
    add_error(problems_,
              edge.position,
              "stage '" + model_.stages[edge.stage].id + "' takes " + trait_.what + " " +
                  list(accepts) + "; '" + model_.ring_name(ring_) + "' (" +
                  spec::to_string(model_.spec_of(model_.rings[ring_].stage).position) +
                  ") can give " + list(offers),
              "put a conversion between them: " + converter(trait_, accepts.front()));
  }

  // Each would take something, but no one thing suits all: name the first two that differ.
  void blame_pair() {
    for (std::size_t b = 1; b < takers_.size(); ++b) {
      for (std::size_t a = 0; a < b; ++a) {
        const auto& first = accepted(takers_[a]);
        const auto& second = accepted(takers_[b]);
        const bool common = first.empty() || second.empty() ||
                            std::any_of(first.begin(), first.end(), [&](const T& value) {
                              return takes(second, value);
                            });
        if (takers_[a].firm && takers_[b].firm && !common) {
          blame_two(takers_[a], takers_[b]);
          return;
        }
      }
    }
    blame_two(takers_.front(), takers_.back());
  }

  void blame_two(const Taker& a, const Taker& b) {
    const Edge& first = model_.edges[a.edge];
    const Edge& second = model_.edges[b.edge];
    const std::vector<T>& wants = accepted(b);
    add_error(problems_,
              second.position,
              "no " + std::string(trait_.what) + " of '" + model_.ring_name(ring_) +
                  "' suits all who follow it: stage '" + model_.stages[first.stage].id + "' (" +
                  spec::to_string(first.position) + ") takes " + list(accepted(a)) + ", stage '" +
                  model_.stages[second.stage].id + "' takes " + list(wants),
              wants.empty() ? "put a conversion in front of one of them: 'process: avfilter'"
                            : "put a conversion in front of one of them: " +
                                  converter(trait_, wants.front()));
  }

  Model& model_;
  std::size_t ring_;
  const Trait<T>& trait_;
  Problems& problems_;
  std::vector<Taker> takers_;
};

template <class T>
void check_trait(const Model& model,
                 const Edge& edge,
                 const Trait<T>& trait,
                 const T& value,
                 std::size_t ring,
                 Problems& problems) {
  const auto& accepts = edge.port.accepts.*trait.accepts;
  if (!takes(accepts, value)) {
    add_error(problems,
              edge.position,
              "stage '" + model.stages[edge.stage].id + "' takes " + trait.what + " " +
                  list(accepts) + ", but '" + model.ring_name(ring) + "' gives " + text(value),
              "put a conversion between them: " + converter(trait, accepts.front()));
  }
}

}  // namespace

void negotiate(Model& model, Problems& problems) {
  for (std::size_t ring = 0; ring < model.rings.size(); ++ring) {
    // A gate names what its input has: the input's ring was asked for all of them.
    if (model.rings[ring].reference) {
      continue;
    }
    if (model.rings[ring].media == AVRIG_MEDIA_VIDEO) {
      Choice(model, ring, kPixelFormat, problems).run();
    } else if (model.rings[ring].media == AVRIG_MEDIA_AUDIO) {
      Choice(model, ring, kSampleRate, problems).run();
      Choice(model, ring, kChannels, problems).run();
    }
  }
}

void check_followers(const Model& model,
                     std::size_t ring,
                     const avrig_format& format,
                     Problems& problems) {
  for (const std::size_t index : model.rings[ring].edges) {
    const Edge& edge = model.edges[index];
    const std::uint32_t media = edge.port.accepts.media;
    if (media != AVRIG_MEDIA_NONE && media != format.media) {
      add_error(problems,
                edge.position,
                "stage '" + model.stages[edge.stage].id + "' takes " + media_name(media) +
                    ", but '" + model.ring_name(ring) + "' is " + media_name(format.media));
    } else if (format.media == AVRIG_MEDIA_VIDEO) {
      const std::string pixel(format.pixel_format,
                              strnlen(format.pixel_format, sizeof format.pixel_format));
      check_trait(model, edge, kPixelFormat, pixel, ring, problems);
    } else if (format.media == AVRIG_MEDIA_AUDIO) {
      check_trait(model, edge, kSampleRate, format.sample_rate_hz, ring, problems);
      check_trait(model, edge, kChannels, format.channels, ring, problems);
    }
  }
}

}  // namespace avrig::graph
