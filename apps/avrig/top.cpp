// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "command.hpp"
#include "rig_client.hpp"
#include <avrig/error.hpp>
#include <avrig/launch/counters.hpp>
#include <avrig/monotonic.hpp>

#include <cstdio>
#include <iostream>

namespace avrig::app {
namespace {

using nlohmann::json;

/// A rig's memory, mapped read-only: what it counts is read without asking it again.
class Onlooker {
 public:
  explicit Onlooker(const Rig& rig) {
    Answer answer = ask_rig(rig, {{"do", "memory"}});
    status_ = std::move(answer.json);
    assignments_ = status_.at("assignments").get<std::vector<stage::Assignment>>();
    groups_ = status_.at("groups").get<std::vector<std::string>>();
    const auto rings = status_.at("rings").get<std::size_t>();
    if (answer.fds.size() != 1 + rings + groups_.size()) {
      throw Error(ErrorCode::Open, "the rig sent other memory than it names");
    }
    auto next = answer.fds.begin();
    view_.emplace(
        launch::RunView{shm::RunBlock::observe(shm::Segment::adopt(std::move(*next++))), {}, {}});
    for (std::size_t ring = 0; ring < rings; ++ring) {
      view_->rings.emplace_back(shm::Segment::adopt(std::move(*next++)), shm::RingAccess{});
    }
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      view_->groups.emplace_back(shm::Segment::adopt(std::move(*next++)), std::nullopt);
    }
  }

  [[nodiscard]] json look() const {
    json seen = launch::count_run(assignments_, groups_, *view_);
    seen["seconds"] =
        static_cast<double>(monotonic_ns() - status_.at("started_ns").get<std::int64_t>()) * 1e-9;
    seen["pipeline"] = status_.at("pipeline");
    for (std::size_t index = 0; index < seen["stages"].size(); ++index) {
      const json& known = status_.at("stages").at(index);
      seen["stages"][index]["role"] = known.at("role");
      seen["stages"][index]["target"] = known.at("target");
    }
    return seen;
  }
  [[nodiscard]] bool running() const {
    for (const json& stage : look().at("stages")) {
      if (stage.at("state") != "ended") {
        return true;
      }
    }
    return false;
  }

 private:
  json status_;
  std::vector<stage::Assignment> assignments_;
  std::vector<std::string> groups_;
  std::optional<launch::RunView> view_;
};

double ms(const json& ns) {
  return static_cast<double>(ns.get<std::int64_t>()) * 1e-6;
}

void print(const json& now, const json& before) {
  const double seconds = now.at("seconds").get<double>() - before.value("seconds", 0.0);
  std::printf("%s  %.1f s\n\n%-16s %-10s %-9s %8s %10s %10s %8s %8s %8s %8s\n",
              now.at("pipeline").get<std::string>().c_str(),
              now.at("seconds").get<double>(),
              "stage",
              "role",
              "state",
              "pid",
              "in",
              "out",
              "out/s",
              "p50 ms",
              "p99 ms",
              "dropped");
  for (std::size_t index = 0; index < now.at("stages").size(); ++index) {
    const json& stage = now.at("stages")[index];
    std::uint64_t dropped = 0;
    for (const json& count : stage.at("drops")) {
      dropped += count.get<std::uint64_t>();
    }
    const auto out = stage.at("frames_out").get<double>();
    const double earlier =
        before.contains("stages") ? before.at("stages")[index].at("frames_out").get<double>() : 0.0;
    std::printf("%-16.16s %-10s %-9s %8u %10llu %10.0f %8.1f %8.3f %8.3f %8llu\n",
                stage.at("id").get<std::string>().c_str(),
                stage.at("role").get<std::string>().c_str(),
                stage.at("state").get<std::string>().c_str(),
                stage.at("pid").get<unsigned>(),
                stage.at("frames_in").get<unsigned long long>(),
                out,
                (out - earlier) / seconds,
                ms(stage.at("latency_ns").at("p50")),
                ms(stage.at("latency_ns").at("p99")),
                static_cast<unsigned long long>(dropped));
  }
  std::printf("\n%-24s %-24s %-8s %10s %10s %8s %10s\n",
              "edge from",
              "to",
              "loss",
              "produced",
              "delivered",
              "dropped",
              "in flight");
  for (const json& edge : now.at("edges")) {
    std::printf("%-24.24s %-24.24s %-8s %10llu %10llu %8llu %10llu\n",
                edge.at("from").get<std::string>().c_str(),
                edge.at("to").get<std::string>().c_str(),
                edge.at("loss").get<std::string>().c_str(),
                edge.at("produced").get<unsigned long long>(),
                edge.at("delivered").get<unsigned long long>(),
                edge.at("dropped").get<unsigned long long>(),
                edge.at("in_flight").get<unsigned long long>());
  }
  for (const json& group : now.at("sync")) {
    const json& offset = group.at("offset_ns");
    std::printf("\ngroup %s: held %llu, dropped %llu",
                group.at("group").get<std::string>().c_str(),
                group.at("held").get<unsigned long long>(),
                group.at("dropped").get<unsigned long long>());
    if (offset.contains("mean")) {
      std::printf(", offset %.3f ms (%.3f to %.3f)",
                  ms(offset.at("mean")),
                  ms(offset.at("min")),
                  ms(offset.at("max")));
    }
    std::printf("\n");
  }
  (void)std::fflush(stdout);
}

}  // namespace

int top_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.options()("once", "look once and leave")("json", "as JSON, a line a look");
  line.positional("run", false);
  if (!line.parse(arguments)) {
    return 0;
  }
  const Onlooker onlooker(find_rig(line.text("run")));
  json before = json::object();
  for (;;) {
    json now = onlooker.look();
    if (line.has("json")) {
      std::cout << now.dump() << std::endl;
    } else {
      if (!line.has("once")) {
        std::cout << "\033[H\033[2J";
      }
      print(now, before);
    }
    if (line.has("once") || !onlooker.running()) {
      return 0;
    }
    before = std::move(now);
    const timespec second{1, 0};
    ::nanosleep(&second, nullptr);
  }
}

}  // namespace avrig::app
