// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/fd_limit.hpp>
#include <avrig/launch/crew.hpp>
#include <avrig/launch/parameters.hpp>
#include <avrig/launch/programs.hpp>
#include <avrig/launch/scheduling.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <filesystem>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

constexpr std::size_t kLastLines = 8;
constexpr std::int64_t kSlowNs = 5'000'000'000;
constexpr std::size_t kMostKept = 16384;  // descriptors of one stage
constexpr std::size_t kLongestKeptName = 200;
constexpr std::size_t kMostWords = 16;
constexpr std::size_t kLongestWord = 4096;
constexpr std::size_t kKeptAtOnce = 100;  // the kernel takes 253 a message

std::string group_options(const spec::PipelineSpec& spec, const spec::StageSpec& stage) {
  if (stage.role != spec::Role::Sync) {
    return "{}";
  }
  const spec::GroupSpec group = spec.group(stage.target);
  const spec::SyncMode usual = spec.offline ? spec::SyncMode::Offline : spec::SyncMode::Live;
  json options = {{"mode", spec::to_string(group.mode.value_or(usual))},
                  {"max_delay_ns", group.max_delay_ns},
                  {"max_unsynced_ns", group.max_unsynced_ns},
                  {"end", spec::to_string(group.end)}};
  if (group.delay_ns) {
    options["delay_ns"] = *group.delay_ns;
  }
  return options.dump();
}

json to_json_request(const stage::Request& request) {
  return {{"id", request.id},
          {"role", request.role},
          {"target", request.target},
          {"component", request.component},
          {"parameters", json::parse(request.parameters)},
          {"inputs", request.inputs},
          {"run_dir", request.run_dir},
          {"offline", request.offline},
          {"jack_server", request.jack_server},
          {"trigger", request.trigger},
          {"tolerance_ns", request.tolerance_ns},
          {"group", json::parse(request.group)}};
}

}  // namespace

void SetupProblems::add(ErrorCode why, spec::Problem problem) {
  // A wrong file comes before what could not be opened because of it.
  if (problem.severity == spec::Severity::Error &&
      (code == ErrorCode::Ok || why == ErrorCode::Spec)) {
    code = why;
  }
  problems.push_back(std::move(problem));
}

void SetupProblems::add(ErrorCode why, std::vector<spec::Problem> more) {
  for (spec::Problem& problem : more) {
    add(why, std::move(problem));
  }
}

std::string describe_end(const Member& member, const ExitStatus& status) {
  std::string text = "stage '" + member.spec->id + "' (" +
                     std::filesystem::path(member.program).filename().string() + ") " +
                     (status.by_signal ? "was " : "") + to_string(status);
  for (const std::string& line : member.last_output) {
    text += "\n    " + line;
  }
  return text;
}

Crew::Crew(const spec::PipelineSpec& spec, Options options, EventLoop& loop, RunLog& log)
    : spec_(&spec), options_(std::move(options)), loop_(&loop), log_(&log) {
  members_.resize(spec.stages.size());
  for (std::size_t index = 0; index < members_.size(); ++index) {
    members_[index].index = index;
    members_[index].spec = &spec.stages[index];
    members_[index].request = make_request(spec.stages[index]);
  }
}

stage::Request Crew::make_request(const spec::StageSpec& stage) const {
  stage::Request request;
  request.id = stage.id;
  request.role = spec::to_string(stage.role);
  request.target = stage.target_path.empty() ? stage.target : stage.target_path;
  request.component = stage.plugin;
  request.parameters = stage.params.dump();
  for (const spec::InputSpec& input : stage.inputs) {
    request.inputs.push_back(input.reference());
  }
  request.run_dir = options_.run_dir;
  request.offline = spec_->offline;
  request.jack_server = options_.jack_server;
  request.trigger = spec::to_string(stage.trigger.kind);
  request.tolerance_ns = stage.trigger.tolerance_ns;
  request.group = group_options(*spec_, stage);
  return request;
}

SetupProblems Crew::start_all() {
  SetupProblems result;
  for (Member& member : members_) {
    const spec::StageSpec& stage = *member.spec;
    const std::string program = program_for(stage.role, stage.target);
    if (program.empty()) {
      result.add(ErrorCode::Spec,
                 {stage.target_position,
                  spec::Severity::Error,
                  "stage '" + stage.id + "': there is no " + std::string(role_name(stage.role)) +
                      " '" + stage.target + "'",
                  spec::did_you_mean(stage.target, known_targets(stage.role))});
      continue;
    }
    member.program = (std::filesystem::path(options_.program_dir) / program).string();
    try {
      start(member);
    } catch (const Error& error) {
      result.add(error.code(),
                 {stage.target_position,
                  spec::Severity::Error,
                  "stage '" + stage.id + "': " + error.what(),
                  {}});
    }
  }
  return result;
}

void Crew::start(Member& member) {
  member.answer.reset();
  member.failure.reset();
  member.ended.reset();
  member.last_output.clear();
  member.process = std::make_unique<StageProcess>(
      *loop_,
      member.program,
      options_.lifeline,
      StageProcess::Callbacks{[this, &member](const json& message, std::vector<UniqueFd>& fds) {
                                note(member, message, fds);
                              },
                              [this, &member](std::string_view line) {
                                log_->line(member.spec->id, stage::Level::Info, line);
                                member.last_output.emplace_back(line);
                                if (member.last_output.size() > kLastLines) {
                                  member.last_output.pop_front();
                                }
                              },
                              [this, &member](const ExitStatus& status) {
                                member.ended = status;
                                if (handlers_.ended) {
                                  handlers_.ended(member, status);
                                }
                              }});
  const std::string refused = apply_scheduling(*spec_, *member.spec, member.process->pid());
  if (!refused.empty()) {
    log_->warn("stage '" + member.spec->id + "': the system refused" + refused +
               "; it runs without ('avrig doctor' says how to allow it)");
  }
}

// Memory that is to outlive a process, by name; the last of a name counts.
void Crew::keep(Member& member, const json& message, std::vector<UniqueFd>& fds) {
  const std::string name = message.at("name").get<std::string>();
  if (member.kept.empty()) {
    raise_fd_limit();
  }
  if (message.at("event") == "forget") {
    member.kept.erase(name);
  } else if (fds.size() == 1 && name.size() <= kLongestKeptName &&
             (member.kept.size() < kMostKept || member.kept.count(name) != 0)) {
    member.kept[name] = std::move(fds.front());
  }
}

void Crew::leave_word(Member& member, const std::string& name, const std::string& text) {
  if (name.size() <= kLongestKeptName && text.size() <= kLongestWord &&
      (member.words.size() < kMostWords || member.words.count(name) != 0)) {
    member.words[name] = text;
  }
}

void Crew::send_kept(Member& member) {
  json names = json::array();
  std::vector<int> fds;
  const auto send = [&] {
    if (!fds.empty()) {
      (void)member.process->send({{"order", "kept"}, {"names", names}}, fds);
    }
    names = json::array();
    fds.clear();
  };
  for (const auto& [name, fd] : member.kept) {
    names.push_back(name);
    fds.push_back(fd.get());
    if (fds.size() == kKeptAtOnce) {
      send();
    }
  }
  send();
}

void Crew::note(Member& member, const json& message, std::vector<UniqueFd>& fds) {
  try {
    if (message.contains("answer")) {
      const std::string answer = message.at("answer");
      if (answer == "failed") {
        member.failure =
            StageFailure{static_cast<ErrorCode>(message.at("code").get<int>()), message.at("text")};
      }
      member.answer = message;
    } else if (message.value("event", "") == "keep" || message.value("event", "") == "forget") {
      keep(member, message, fds);
      return;
    } else if (message.value("event", "") == "log") {
      log_->line(member.spec->id,
                 level_from(message.at("level").get<std::string>()),
                 message.at("text").get<std::string>());
    } else if (message.value("event", "") == "word") {
      leave_word(member, message.at("name"), message.at("text"));
    }
    if (handlers_.event) {
      handlers_.event(member, message);
    }
  } catch (const json::exception& error) {
    log_->warn("stage '" + member.spec->id +
               "' sent a message that is not understood: " + error.what());
  }
}

std::vector<Member*> Crew::everybody() {
  std::vector<Member*> result;
  for (Member& member : members_) {
    result.push_back(&member);
  }
  return result;
}

SetupProblems Crew::await(const std::vector<Member*>& asked,
                          std::string_view answer,
                          std::string_view doing,
                          std::int64_t timeout_ns,
                          const std::function<void(Member&)>& ask_again) {
  const std::int64_t deadline_ns = monotonic_ns() + timeout_ns;
  std::int64_t remark_ns = monotonic_ns() + kSlowNs;
  const auto waiting = [&](const Member* member) {
    return !member->failure && !member->ended &&
           !(member->answer && member->answer->value("answer", "") == answer);
  };
  for (;;) {
    for (Member* member : asked) {
      revive(*member, ask_again);
    }
    const auto slow = std::find_if(asked.begin(), asked.end(), waiting);
    const std::int64_t now_ns = monotonic_ns();
    if (slow == asked.end() || now_ns >= deadline_ns) {
      break;
    }
    if (options_.interrupted && options_.interrupted()) {
      throw Error(ErrorCode::Interrupted, "interrupted while setting up");
    }
    if (now_ns >= remark_ns) {
      log_->warn("still waiting for stage '" + (*slow)->spec->id + "' to " + std::string(doing));
      remark_ns = now_ns + kSlowNs;
    }
    loop_->run_once(std::min(deadline_ns, remark_ns));
  }
  SetupProblems result;
  for (const Member* member : asked) {
    const spec::SourcePosition& at = member->spec->target_position;
    const std::string who = "stage '" + member->spec->id + "': ";
    if (member->failure) {
      result.add(member->failure->code,
                 {at, spec::Severity::Error, who + member->failure->text, {}});
    } else if (member->ended) {
      result.add(ErrorCode::Open,
                 {at,
                  spec::Severity::Error,
                  describe_end(*member, *member->ended) + " when asked to " + std::string(doing),
                  {}});
    } else if (waiting(member)) {
      result.add(ErrorCode::Open,
                 {at,
                  spec::Severity::Error,
                  who + "did not " + std::string(doing) + " within " +
                      std::to_string(timeout_ns / 1'000'000'000) + " s",
                  {}});
    }
  }
  return result;
}

// Killed from outside, it says nothing about the stage: it is started and asked once more.
void Crew::revive(Member& member, const std::function<void(Member&)>& ask_again) {
  if (!member.ended || !member.ended->from_outside() || member.failure ||
      member.killed_early >= kMostRevivals) {
    return;
  }
  ++member.killed_early;
  log_->warn(describe_end(member, *member.ended) + " from outside; it comes back");
  start(member);
  ask_again(member);
}

json Crew::describe_order(const Member& member) {
  return {{"order", "describe"}, {"request", to_json_request(member.request)}};
}

json Crew::configure_order(const Member& member) {
  json formats = json::array();
  for (const avrig_format& format : member.input_formats) {
    formats.push_back(stage::format_to_json(format));
  }
  json wishes = json::array();
  for (const stage::Wish& wish : member.wishes) {
    wishes.push_back({{"pixel_formats", wish.pixel_formats},
                      {"sample_rates_hz", wish.sample_rates_hz},
                      {"channels", wish.channels}});
  }
  return {{"order", "configure"}, {"inputs", formats}, {"wishes", wishes}};
}

json Crew::parameters_order(const stage::Request& request) {
  return {{"order", "parameters"}, {"request", to_json_request(request)}};
}

SetupProblems Crew::ask_parameters() {
  const auto ask = [](Member& member) {
    (void)member.process->send(parameters_order(member.request));
  };
  std::for_each(members_.begin(), members_.end(), ask);
  SetupProblems result =
      await(everybody(), "parameters", "name its parameters", options_.answer_timeout_ns, ask);
  for (Member& member : members_) {
    if (!member.answer || member.answer->value("answer", "") != "parameters") {
      continue;
    }
    member.published =
        member.answer->at("parameters").get<std::vector<stage::ParameterDescription>>();
    if (!member.published.empty()) {
      ResolvedParameters resolved = resolve_parameters(*member.spec, member.published);
      member.request.parameters = resolved.values.dump();
      result.add(ErrorCode::Spec, std::move(resolved.problems));
    }
  }
  return result;
}

SetupProblems Crew::describe_all() {
  SetupProblems result = ask_parameters();
  if (!result.ok()) {
    return result;
  }
  std::vector<Member*> asked = everybody();
  // Twice at most: a stage that names its parameters only with its description is asked again
  // with the resolved values.
  for (int round = 0; round < 2 && !asked.empty() && result.ok(); ++round) {
    for (Member* member : asked) {
      member->answer.reset();
      (void)member->process->send(describe_order(*member));
    }
    SetupProblems found =
        await(asked, "description", "describe itself", options_.answer_timeout_ns, [](Member& one) {
          (void)one.process->send(describe_order(one));
        });
    result.add(found.code, std::move(found.problems));
    std::vector<Member*> again;
    for (Member* member : asked) {
      if (!member->answer || member->answer->value("answer", "") != "description") {
        continue;
      }
      member->description = member->answer->get<stage::Description>();
      if (!member->published.empty() || round > 0) {
        continue;
      }
      member->published = member->description.parameters;
      ResolvedParameters resolved = resolve_parameters(*member->spec, member->published);
      result.add(ErrorCode::Spec, std::move(resolved.problems));
      if (resolved.values != member->spec->params) {
        member->request.parameters = resolved.values.dump();
        again.push_back(member);
      }
    }
    asked = std::move(again);
  }
  return result;
}

SetupProblems Crew::configure_all(graph::Graph& graph) {
  SetupProblems result;
  const auto again = [](Member& one) {
    (void)one.process->send(describe_order(one));
    (void)one.process->send(configure_order(one));
  };
  for (const std::size_t index : graph.order()) {
    Member& member = members_[index];
    member.input_formats = graph.input_formats(index);
    member.wishes = graph.wishes_for(index);
    member.answer.reset();
    (void)member.process->send(configure_order(member));
    SetupProblems found =
        await({&member}, "configured", "configure itself", options_.answer_timeout_ns, again);
    if (!found.ok()) {
      result.add(found.code, std::move(found.problems));
      return result;  // those behind it cannot know their formats
    }
    result.add(ErrorCode::Spec, graph.set_formats(index, member.answer->get<stage::Configured>()));
    if (!result.ok()) {
      return result;
    }
  }
  return result;
}

}  // namespace avrig::launch
