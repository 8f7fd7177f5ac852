// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/counters.hpp>
#include <avrig/shm/ring_follower.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

constexpr std::array<const char*, shm::kDropReasons> kReasons{
    "slack", "skipped", "processor", "unprocessed", "late", "no_buffer", "stopped", "ended"};
constexpr std::array<const char*, 8> kStates{
    "absent", "describing", "attached", "ready", "running", "draining", "ended", "failed"};

/// Latencies of a stage over all its inputs.
struct Latencies {
  std::array<std::uint64_t, shm::kLatencyBuckets> count{};
  std::int64_t max_ns = 0;

  void add(const shm::ParticipantPage& page) {
    for (std::size_t bucket = 0; bucket < count.size(); ++bucket) {
      count[bucket] += page.latency[bucket].load(std::memory_order_relaxed);
    }
    max_ns = std::max(max_ns, page.latency_max_ns.load(std::memory_order_relaxed));
  }

  /// Upper bound of the bucket in which the quantile lies: four buckets an octave from 1024 ns.
  [[nodiscard]] std::int64_t quantile(double part) const {
    std::uint64_t total = 0;
    for (const std::uint64_t value : count) {
      total += value;
    }
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < count.size(); ++bucket) {
      seen += count[bucket];
      if (total > 0 && static_cast<double>(seen) >= part * static_cast<double>(total)) {
        const std::int64_t octave = std::int64_t{256} << ((bucket + 3) / 4);
        const auto quarter = static_cast<std::int64_t>((bucket + 3) % 4 + 1);
        const std::int64_t bound = bucket == 0 ? 1024 : octave * 2 + octave / 2 * quarter;
        return std::min(bound, std::max<std::int64_t>(max_ns, 1));
      }
    }
    return 0;
  }
};

json drops_by_name(const std::array<std::uint64_t, shm::kDropReasons>& dropped) {
  json result = json::object();
  for (std::size_t reason = 0; reason < dropped.size(); ++reason) {
    if (dropped[reason] > 0) {
      result[kReasons[reason]] = dropped[reason];
    }
  }
  return result;
}

json named_counters(const shm::StagePage& page) {
  json result = json::object();
  const std::uint32_t count =
      std::min(page.counters.load(std::memory_order_acquire), shm::kMaxCounters);
  for (std::uint32_t index = 0; index < count; ++index) {
    // The page belongs to a process that runs a user's code: the name may lack its end.
    const auto& name = page.counter[index].name;
    const auto end = std::find(name.begin(), name.end(), '\0');
    result[std::string(name.begin(), end)] =
        page.counter[index].value.load(std::memory_order_relaxed);
  }
  return result;
}

class Counting {
 public:
  Counting(std::span<const stage::Assignment> stages, const RunView& view, bool stopped)
      : stages_(stages), view_(&view), stopped_(stopped) {}

  json run(std::span<const std::string> groups) {
    json result = {{"stages", json::array()}, {"edges", json::array()}, {"sync", json::array()}};
    for (const stage::Assignment& stage : stages_) {
      result["stages"].push_back(count_stage(stage, result["edges"]));
    }
    for (json& stage : result["stages"]) {
      stage["frames_out"] = std::max(stage["frames_out"].get<std::uint64_t>(),
                                     produced_[stage["id"].get<std::string>()]);
    }
    for (std::size_t group = 0; group < groups.size(); ++group) {
      result["sync"].push_back(count_group(groups[group], view_->groups[group]));
    }
    return result;
  }

 private:
  [[nodiscard]] shm::EdgeCount count_edge(const shm::Ring& ring, std::uint32_t participant) const {
    shm::EdgeCount count = shm::count_edge(ring, participant);
    if (stopped_) {
      count.dropped_by[static_cast<std::size_t>(shm::DropReason::Stopped)] += count.in_flight;
      count.dropped += std::exchange(count.in_flight, 0);
    }
    return count;
  }

  json count_stage(const stage::Assignment& stage, json& edges) {
    const shm::StagePage& page = view_->block.stage(stage.stage);
    Latencies latencies;
    std::array<std::uint64_t, shm::kDropReasons> dropped{};
    std::uint64_t delivered = 0;
    std::uint64_t quarantined = 0;
    for (const stage::AssignedInput& input : stage.inputs) {
      const shm::Ring& ring = view_->rings[input.ring];
      const shm::EdgeCount count = count_edge(ring, input.participant);
      latencies.add(ring.participant_page(input.participant));
      delivered += count.delivered;
      quarantined += count.quarantined;
      for (std::size_t reason = 0; reason < dropped.size(); ++reason) {
        dropped[reason] += count.dropped_by[reason];
      }
      const std::string maker = input.from.substr(0, input.from.find('/'));
      produced_[maker] = std::max(produced_[maker], count.produced);
      edges.push_back({{"from", input.from},
                       {"to", stage.id + "/" + input.port},
                       {"loss", input.loss == shm::Loss::Must ? "must" : "may_skip"},
                       {"produced", count.produced},
                       {"delivered", count.delivered},
                       {"dropped", count.dropped},
                       {"drops", drops_by_name(count.dropped_by)},
                       {"quarantined", count.quarantined},
                       {"in_flight", count.in_flight}});
    }
    const std::uint32_t state = page.state.load(std::memory_order_relaxed) % kStates.size();
    return {{"id", stage.id},
            {"state", kStates[state]},
            {"pid", page.pid.load(std::memory_order_relaxed)},
            {"frames_in", std::max(page.frames_in.load(std::memory_order_relaxed), delivered)},
            {"frames_out", page.frames_out.load(std::memory_order_relaxed)},
            {"drops", drops_by_name(dropped)},
            {"quarantined", quarantined},
            {"latency_ns",
             {{"p50", latencies.quantile(0.50)},
              {"p99", latencies.quantile(0.99)},
              {"max", latencies.max_ns}}},
            {"counters", named_counters(page)},
            {"media_ns", page.media_ns.load(std::memory_order_relaxed)},
            {"first_frame_ns", page.first_frame_ns.load(std::memory_order_relaxed)}};
  }

  static json count_group(const std::string& name, const shm::SyncBlock& block) {
    std::uint64_t held = 0;
    std::uint64_t dropped = 0;
    std::uint64_t presented = 0;
    std::uint64_t late = 0;
    std::uint64_t unsynced = 0;
    std::int64_t sum_ns = 0;
    std::int64_t least_ns = INT64_MAX;
    std::int64_t most_ns = INT64_MIN;
    for (std::uint32_t index = 0; index < block.sections(); ++index) {
      const shm::SyncSection section = block.read(index);
      held += section.held;
      dropped += section.dropped;
      late += section.late;
      unsynced += section.unsynced;
      if (section.presented > 0) {
        presented += section.presented;
        sum_ns += section.offset_sum_ns;
        least_ns = std::min(least_ns, section.offset_min_ns);
        most_ns = std::max(most_ns, section.offset_max_ns);
      }
    }
    json offset = {{"count", presented}};
    if (presented > 0) {
      offset.update({{"min", least_ns},
                     {"mean", sum_ns / static_cast<std::int64_t>(presented)},
                     {"max", most_ns}});
    }
    const std::int64_t delay_ns = block.read(block.leader()).delay_ns;
    return {{"group", name},
            {"offset_ns", offset},
            {"delay_ns", delay_ns},
            {"held", held},
            {"dropped", dropped},
            {"late", late},
            {"unsynced", unsynced}};
  }

  std::span<const stage::Assignment> stages_;
  const RunView* view_;
  bool stopped_;
  std::map<std::string, std::uint64_t> produced_;
};

}  // namespace

json count_run(std::span<const stage::Assignment> stages,
               std::span<const std::string> groups,
               const RunView& view,
               bool stopped) {
  return Counting(stages, view, stopped).run(groups);
}

std::uint64_t broken_promises(std::span<const stage::Assignment> stages,
                              const std::deque<shm::Ring>& rings) {
  std::uint64_t sum = 0;
  for (const stage::Assignment& stage : stages) {
    for (const stage::AssignedInput& input : stage.inputs) {
      if (input.loss == shm::Loss::Must) {
        const shm::EdgeCount count = shm::count_edge(rings[input.ring], input.participant);
        for (const shm::DropReason reason :
             {shm::DropReason::Slack, shm::DropReason::Skipped, shm::DropReason::NoBuffer}) {
          sum += count.dropped_by[static_cast<std::size_t>(reason)];
        }
      }
    }
  }
  return sum;
}

}  // namespace avrig::launch
