// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "map_reader.hpp"
#include <avrig/spec/check.hpp>

#include <algorithm>
#include <set>
#include <unordered_map>

namespace avrig::spec {
namespace {

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

class Checker {
 public:
  Checker(const PipelineSpec& spec, const std::vector<bool>& inputs_known)
      : spec_(spec), inputs_known_(inputs_known) {}

  std::vector<Problem> run() {
    check_whole();
    for (std::size_t i = 0; i < spec_.stages.size(); ++i) {
      check_stage(i);
    }
    for (std::size_t i = 0; i < spec_.stages.size(); ++i) {
      check_inputs(i);
    }
    check_cycles();
    check_unused();
    return std::move(problems_);
  }

 private:
  void error(const SourcePosition& at, std::string text, std::string suggestion = {}) {
    problems_.push_back({at, Severity::Error, std::move(text), std::move(suggestion)});
  }
  void warning(const SourcePosition& at, std::string text, std::string suggestion = {}) {
    problems_.push_back({at, Severity::Warning, std::move(text), std::move(suggestion)});
  }
  [[nodiscard]] SourcePosition whole() const { return {spec_.file, 0, 0}; }

  static std::string named(const StageSpec& stage) {
    return "stage '" + shortened(stage.id, 64) + "'";
  }

  static std::string first_at(const SourcePosition& position) {
    return position.line > 0 ? ", the first at " + to_string(position) : std::string();
  }

  void check_whole() {
    if (spec_.version != kSpecVersion) {
      error(whole(),
            "the pipeline is of version " + std::to_string(spec_.version) +
                ", this build reads version 1");
    }
    if (spec_.stages.empty()) {
      error(whole(), "the pipeline is empty: it has no stage", "add a stage that reads something");
    }
    if (spec_.stages.size() > kMaxStages) {
      error(whole(),
            "the pipeline has " + std::to_string(spec_.stages.size()) +
                " stages; a run has at most " + std::to_string(kMaxStages));
    }
  }

  void check_stage(std::size_t index) {
    const StageSpec& stage = spec_.stages[index];
    if (stage.id.empty()) {
      error(stage.position, "a stage has no 'id'", "give it a name: 'id: my-stage'");
    } else if (!is_good_name(stage.id)) {
      error(stage.position,
            "'" + shortened(stage.id) + "' cannot be a stage's id",
            "an id is made of letters, digits, '_' and '-', at most 63 of them");
    } else if (const auto [first, fresh] = index_.emplace(stage.id, index); !fresh) {
      error(stage.position,
            "two stages have the id '" + stage.id + "'" +
                first_at(spec_.stages[first->second].position),
            "rename one of them");
    }
    if (stage.role == Role::None) {
      error(stage.position,
            (stage.id.empty() ? "a stage" : named(stage)) + " has no role",
            "add one of 'read', 'process', 'sync', 'write'");
    } else if (stage.target.empty()) {
      error(stage.target_position,
            named(stage) + ": '" + std::string(to_string(stage.role)) + "' names nothing");
    } else if (stage.role == Role::Sync && !is_good_name(stage.target)) {
      error(stage.target_position,
            "'" + shortened(stage.target) + "' cannot be a sync group's name",
            "a name is made of letters, digits, '_' and '-'");
    }
    check_library(stage);
    check_input_count(index);
  }

  void check_library(const StageSpec& stage) {
    const std::string_view target = stage.target;
    if (stage.role != Role::Sync && target.size() > 3 &&
        target.substr(target.size() - 3) == ".so" && !is_library_path(target)) {
      error(stage.target_position,
            "'" + shortened(target) + "' looks like a library, but nothing built in has that name",
            "a library is given by its path: './" + shortened(target) + "'");
    }
  }

  void check_input_count(std::size_t index) {
    const StageSpec& stage = spec_.stages[index];
    const std::size_t inputs = stage.inputs.size();
    if (stage.role == Role::Reader && inputs > 0) {
      error(stage.inputs.front().position,
            named(stage) + " is a reader and cannot have inputs",
            "a stage that changes frames is a 'process', one that puts them out a 'write'");
    } else if (stage.role == Role::Sync && inputs > 1) {
      error(stage.inputs[1].position,
            named(stage) + " is a gate and has one input, got " + std::to_string(inputs),
            "make a gate for each stream, all with 'sync: " + shortened(stage.target) + "'");
    } else if (stage.role != Role::Reader && stage.role != Role::None && inputs == 0 &&
               inputs_known_[index]) {
      error(stage.position,
            named(stage) + " is a " + std::string(role_name(stage.role)) + " and has no input",
            "add 'in: stage' or 'in: stage/port'");
    }
  }

  std::string suggest_stage(std::string_view word) {
    if (suggestions_left_ == 0) {
      return {};
    }
    --suggestions_left_;
    std::vector<std::string> ids;
    for (const StageSpec& stage : spec_.stages) {
      if (ids.size() == 256) {
        break;
      }
      if (stage.role != Role::Writer && !stage.id.empty()) {
        ids.push_back(stage.id);
      }
    }
    return did_you_mean(word, ids);
  }

  void check_inputs(std::size_t index) {
    const StageSpec& stage = spec_.stages[index];
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (const InputSpec& input : stage.inputs) {
      if (!input.port.empty() && !is_good_name(input.port)) {
        error(input.position,
              named(stage) + ": '" + shortened(input.reference()) +
                  "' is no input: it is written 'stage' or 'stage/port'");
        continue;
      }
      const auto found = index_.find(input.stage);
      if (found == index_.end()) {
        all_inputs_found_ = false;
        error(input.position,
              named(stage) + " takes its input from '" + shortened(input.stage) +
                  "', which is no stage",
              suggest_stage(input.stage));
        continue;
      }
      const StageSpec& producer = spec_.stages[found->second];
      if (producer.role == Role::Writer) {
        error(input.position,
              named(stage) + " takes its input from '" + input.stage +
                  "', which is a writer and has no output",
              producer.inputs.empty()
                  ? ""
                  : "take what it writes: '" + producer.inputs.front().reference() + "'");
      }
      if (!seen.emplace(input.stage, input.port).second) {
        error(input.position,
              named(stage) + " has the input '" + input.reference() + "' twice",
              "remove one of them");
      }
    }
  }

  /// Kahn's order; what is left over lies on a cycle or behind one. From each leftover, walking to
  /// a producer that is left over too must run into a cycle.
  void check_cycles() {
    const std::size_t count = spec_.stages.size();
    std::vector<std::vector<std::size_t>> followers(count);
    std::vector<std::size_t> open(count, 0);
    for (std::size_t i = 0; i < count; ++i) {
      for (const InputSpec& input : spec_.stages[i].inputs) {
        if (const auto found = index_.find(input.stage); found != index_.end()) {
          followers[found->second].push_back(i);
          ++open[i];
        }
      }
    }
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < count; ++i) {
      if (open[i] == 0) {
        ready.push_back(i);
      }
    }
    while (!ready.empty()) {
      const std::size_t stage = ready.back();
      ready.pop_back();
      for (const std::size_t follower : followers[stage]) {
        if (--open[follower] == 0) {
          ready.push_back(follower);
        }
      }
    }
    std::vector<std::size_t> walk_of(count, kNowhere);
    for (std::size_t i = 0; i < count; ++i) {
      if (open[i] != 0 && walk_of[i] == kNowhere) {
        walk_back(i, open, walk_of);
      }
    }
  }

  void walk_back(std::size_t start,
                 const std::vector<std::size_t>& open,
                 std::vector<std::size_t>& walk_of) {
    std::vector<std::size_t> path;
    std::size_t at = start;
    while (at != kNowhere && walk_of[at] == kNowhere) {
      walk_of[at] = start;
      path.push_back(at);
      at = open_producer(at, open);
    }
    if (at != kNowhere && walk_of[at] == start) {
      path.erase(path.begin(), std::find(path.begin(), path.end(), at));
      report_cycle(path);
    }
  }

  [[nodiscard]] std::size_t open_producer(std::size_t stage,
                                          const std::vector<std::size_t>& open) const {
    for (const InputSpec& input : spec_.stages[stage].inputs) {
      const auto found = index_.find(input.stage);
      if (found != index_.end() && open[found->second] != 0) {
        return found->second;
      }
    }
    return kNowhere;
  }

  /// `path` goes from consumer to producer; the message goes the way of the frames.
  void report_cycle(const std::vector<std::size_t>& path) {
    constexpr std::size_t kShown = 12;
    std::string text = spec_.stages[path.front()].id;
    for (std::size_t i = path.size(); i-- > 0;) {
      const std::size_t from_end = path.size() - i;
      if (path.size() > kShown && from_end > kShown / 2 && i >= kShown / 2) {
        text += from_end == kShown / 2 + 1 ? " -> ..." : "";
        continue;
      }
      text += " -> " + spec_.stages[path[i]].id;
    }
    const StageSpec& consumer = spec_.stages[path.front()];
    SourcePosition at = consumer.position;
    const std::string& producer = spec_.stages[path.size() > 1 ? path[1] : path[0]].id;
    for (const InputSpec& input : consumer.inputs) {
      if (input.stage == producer) {
        at = input.position;
        break;
      }
    }
    error(at,
          "the stages form a cycle: " + text,
          "a frame never meets a stage twice: cut one of these inputs");
  }

  void check_unused() {
    // A misspelt input is the reason why its stage feeds nobody, and is reported itself.
    const bool all_known =
        all_inputs_found_ &&
        std::find(inputs_known_.begin(), inputs_known_.end(), false) == inputs_known_.end();
    std::set<std::string_view> used;
    std::set<std::string_view> groups;
    for (const StageSpec& stage : spec_.stages) {
      for (const InputSpec& input : stage.inputs) {
        used.insert(input.stage);
      }
      if (stage.role == Role::Sync) {
        groups.insert(stage.target);
      }
    }
    for (const StageSpec& stage : spec_.stages) {
      const bool feeds = stage.role != Role::Writer && stage.role != Role::None;
      if (all_known && feeds && !stage.id.empty() && !used.contains(stage.id)) {
        warning(stage.position,
                named(stage) + " feeds nobody: what it puts out is thrown away",
                "name it in the 'in' of another stage, or remove it");
      }
    }
    std::vector<std::string> names(groups.begin(), groups.end());
    for (const auto& [name, group] : spec_.groups) {
      if (!groups.contains(name)) {
        warning(group.position,
                "no stage has 'sync: " + name + "': these options have no effect",
                closest(name, names).empty() ? "" : did_you_mean(name, names));
      }
    }
  }

  const PipelineSpec& spec_;
  const std::vector<bool>& inputs_known_;
  std::vector<Problem> problems_;
  std::unordered_map<std::string_view, std::size_t> index_;
  bool all_inputs_found_ = true;
  int suggestions_left_ = 200;
};

}  // namespace

std::vector<Problem> check_read(const PipelineSpec& spec, const std::vector<bool>& inputs_known) {
  return Checker(spec, inputs_known).run();
}

std::vector<Problem> check(const PipelineSpec& spec) {
  return check_read(spec, std::vector<bool>(spec.stages.size(), true));
}

}  // namespace avrig::spec
