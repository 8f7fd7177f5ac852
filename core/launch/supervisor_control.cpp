// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/parameters.hpp>
#include <avrig/launch/run_folder.hpp>
#include <avrig/launch/supervisor.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

constexpr std::int64_t kAnswerNs = 5'000'000'000;

}  // namespace

Member& Supervisor::find(const std::string& id) {
  std::vector<std::string> ids;
  for (Member& member : crew_->members()) {
    if (member.spec->id == id) {
      return member;
    }
    ids.push_back(member.spec->id);
  }
  throw Error(ErrorCode::Spec,
              "there is no stage '" + id + "' in this run; " + spec::did_you_mean(id, ids));
}

json Supervisor::status() const {
  static constexpr std::array kPhases{"starting", "running", "down", "held", "ended", "lost"};
  json stages = json::array();
  for (const Member& member : crew_->members()) {
    const Post& post = posts_[member.index];
    stages.push_back({{"id", member.spec->id},
                      {"role", spec::role_name(member.spec->role)},
                      {"target", member.spec->target},
                      {"pid", post.last_pid},
                      {"phase", kPhases[static_cast<std::size_t>(post.phase)]},
                      {"restarts", post.restarts},
                      {"crashes", post.crashes}});
  }
  return {{"ok", true},
          {"pipeline", spec_->name},
          {"pid", ::getpid()},
          {"run_dir", options_.run_dir},
          {"began", started_text_},
          {"seconds", static_cast<double>(monotonic_ns() - started_ns_) * 1e-9},
          {"offline", spec_->offline},
          {"stages", stages}};
}

void Supervisor::handle(const json& request, const ControlServer::Reply& reply) {
  const std::string what = request.at("do");
  if (what == "status") {
    reply(status(), {});
  } else if (what == "memory") {
    if (request.value("taps", false)) {
      spare_for_taps();
    }
    answer_memory(reply);
  } else if (what == "set") {
    answer_set(request, reply);
  } else if (what == "mark") {
    const std::string text = request.at("text");
    const std::int64_t now_ns = monotonic_ns();
    for (Member& member : crew_->members()) {
      if (posts_[member.index].phase == Phase::Running) {
        (void)member.process->send({{"order", "mark"}, {"time_ns", now_ns}, {"text", text}});
      }
    }
    log_->info("mark: " + text);
    reply({{"ok", true}, {"time_ns", now_ns}, {"since_start_ns", now_ns - started_ns_}}, {});
  } else if (what == "stop") {
    const bool now = request.value("now", false);
    stop({ErrorCode::Ok, "stopped by order"}, now);
    reply({{"ok", true}}, {});
  } else if (what == "hold") {
    hold_stage(find(request.at("stage")));
    reply({{"ok", true}}, {});
  } else if (what == "release") {
    release_stage(find(request.at("stage")));
    reply({{"ok", true}}, {});
  } else if (what == "wait") {
    waiting_.emplace_back(find(request.at("stage")).index, reply);
    tell_who_waits();
  } else {
    throw Error(ErrorCode::Spec, "unknown request '" + what + "'");
  }
}

// Once for all: who has the memory may go on looking. A buffer that was just used is then reused
// last, so that a tap has the time to copy it.
void Supervisor::spare_for_taps() {
  if (std::exchange(tapped_, true)) {
    return;
  }
  for (Member& member : crew_->members()) {
    if (posts_[member.index].phase == Phase::Running) {
      (void)member.process->send({{"order", "taps"}});
    }
  }
}

void Supervisor::answer_memory(const ControlServer::Reply& reply) const {
  const std::vector<UniqueFd> memory = memory_->read_only();
  std::vector<int> fds;
  for (const UniqueFd& fd : memory) {
    fds.push_back(fd.get());
  }
  json answer = status();
  answer["assignments"] = assigned_;
  answer["groups"] = groups_;
  answer["rings"] = plan_->rings.size();
  answer["started_ns"] = started_ns_;
  reply(answer, fds);
}

void Supervisor::answer_set(const json& request, const ControlServer::Reply& reply) {
  Member& member = find(request.at("stage"));
  const std::string name = request.at("param");
  json value = resolve_live(
      *member.spec, member.published, name, request.at("value"), request.value("text", ""));
  Post& post = posts_[member.index];
  if (post.phase == Phase::Ended || post.phase == Phase::Lost) {
    throw Error(ErrorCode::Spec, "stage '" + member.spec->id + "' has ended");
  }
  // It waits for the next process where there is none, or this one is killed before it has it.
  if (post.phase != Phase::Running) {
    refuse_asked(member, name, "another value took its place meanwhile");
  }
  post.changes[name] = {std::move(value)};
  if (post.phase == Phase::Running) {
    send_changes(member);
  }
  asked_.push_back({member.index, name, reply, monotonic_ns() + kAnswerNs});
}

void Supervisor::send_changes(Member& member) {
  for (auto& [name, change] : posts_[member.index].changes) {
    if (!std::exchange(change.sent, true)) {
      (void)member.process->send(
          {{"order", "set"}, {"name", name}, {"value", canonical_text(change.value)}});
    }
  }
}

// A process that crashed with a change in hand may have died of it.
void Supervisor::drop_changes(Member& member) {
  std::map<std::string, Change>& changes = posts_[member.index].changes;
  for (auto change = changes.begin(); change != changes.end();) {
    if (!change->second.sent) {
      ++change;
      continue;
    }
    const std::string what =
        "'" + member.spec->id + "." + change->first + "' = " + canonical_text(change->second.value);
    log_->warn(what + " is dropped: the stage crashed before it had it");
    refuse_asked(member, change->first, "the stage crashed before it had the change");
    change = changes.erase(change);
  }
}

void Supervisor::refuse_asked(const Member& member,
                              const std::string& name,
                              const std::string& why) {
  std::erase_if(asked_, [&](const Asked& asked) {
    const bool meant = asked.stage == member.index && asked.name == name;
    if (meant) {
      asked.reply({{"ok", false}, {"error", why}}, {});
    }
    return meant;
  });
}

void Supervisor::on_set(Member& member, const json& message) {
  const std::string name = message.at("name");
  const std::string error = message.value("error", "");
  const auto found = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& asked) {
    return asked.stage == member.index && asked.name == name;
  });
  const std::string change =
      "'" + member.spec->id + "." + name + "' = " + message.value("value", "");
  if (!error.empty()) {
    log_->warn(change + " was refused: " + error);
  } else {
    log_->info(change + " from frame " + std::to_string(message.value("sequence", 0ULL)) + " on");
  }
  std::map<std::string, Change>& changes = posts_[member.index].changes;
  const auto change_of = changes.find(name);
  const bool newest = change_of != changes.end() &&
                      canonical_text(change_of->second.value) == message.value("value", "");
  if (error.empty() && newest) {
    json parameters = json::parse(member.request.parameters);
    parameters[name] = change_of->second.value;
    member.request.parameters = parameters.dump();  // a successor begins with it
  }
  if (newest) {
    changes.erase(change_of);
  }
  if (found == asked_.end()) {
    return;
  }
  const Asked asked = std::move(*found);
  asked_.erase(found);
  if (!error.empty()) {
    asked.reply({{"ok", false}, {"error", error}}, {});
    return;
  }
  asked.reply({{"ok", true}, {"sequence", message.value("sequence", 0ULL)}}, {});
}

void Supervisor::tell_who_waits() {
  std::erase_if(waiting_, [this](const auto& waiting) {
    const Phase phase = posts_[waiting.first].phase;
    if (phase == Phase::Ended) {
      waiting.second({{"ok", true}}, {});
    } else if (phase == Phase::Lost) {
      waiting.second({{"ok", false}, {"error", "the stage did not end by itself"}}, {});
    }
    return phase == Phase::Ended || phase == Phase::Lost;
  });
}

void Supervisor::expire_answers(std::int64_t now_ns) {
  for (auto asked = asked_.begin(); asked != asked_.end();) {
    if (now_ns < asked->deadline_ns) {
      ++asked;
      continue;
    }
    const bool runs = posts_[asked->stage].phase == Phase::Running;
    asked->reply({{"ok", false},
                  {"error",
                   runs ? "the stage did not come to a frame within 5 s; the change waits for it"
                        : "the stage is not back within 5 s; the change waits for it"}},
                 {});
    asked = asked_.erase(asked);
  }
}

json Supervisor::report(const Outcome& outcome) const {
  json result = {{"avrig", versions()},
                 {"pipeline", spec_->name},
                 {"run_dir", options_.run_dir},
                 {"began", started_text_},
                 {"seconds", static_cast<double>(monotonic_ns() - started_ns_) * 1e-9},
                 {"offline", spec_->offline},
                 {"exit_code", static_cast<int>(outcome.code)},
                 {"reason", outcome.text}};
  if (memory_->view() != nullptr) {
    result.update(count_run(assigned_, groups_, *memory_->view(), stopping_ != Stopping::No));
  }
  for (const Member& member : crew_->members()) {
    const Post& post = posts_[member.index];
    json& stage = result["stages"][member.index];
    stage["role"] = spec::role_name(member.spec->role);
    stage["target"] = member.spec->target;
    stage["pid"] = post.last_pid;
    stage["restarts"] = post.restarts;
    stage["crashes"] = post.crashes;
  }
  return result;
}

}  // namespace avrig::launch
