// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/error.hpp>
#include <avrig/graph/graph.hpp>
#include <avrig/launch/event_loop.hpp>
#include <avrig/launch/run_log.hpp>
#include <avrig/launch/stage_process.hpp>
#include <avrig/spec/pipeline_spec.hpp>
#include <avrig/stage/stage.hpp>
#include <avrig/unique_fd.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace avrig::launch {

/// Why a stage said it cannot go on.
struct StageFailure {
  ErrorCode code = ErrorCode::Internal;
  std::string text;
};

/// One stage of a run, over all its processes.
struct Member {
  std::size_t index = 0;
  const spec::StageSpec* spec = nullptr;
  std::string program;  ///< path
  stage::Request request;
  std::vector<stage::ParameterDescription> published;
  stage::Description description;
  std::vector<avrig_format> input_formats;
  std::vector<stage::Wish> wishes;
  std::map<std::string, std::string> words;  ///< left by its processes for their successors

  std::unique_ptr<StageProcess> process;  ///< null while none runs
  std::optional<nlohmann::json> answer;   ///< the last one, until it is used
  std::optional<StageFailure> failure;    ///< of the present process
  std::optional<ExitStatus> ended;        ///< of the last process
  int killed_early = 0;                   ///< how often somebody killed it before the run began
  std::deque<std::string> last_output;    ///< a few lines, for messages about its end
  /// What its processes gave into our keeping, for their successors.
  std::map<std::string, UniqueFd> kept;
};

/// What is wrong with a run before it has begun: every problem, and the exit code.
struct SetupProblems {
  ErrorCode code = ErrorCode::Ok;
  std::vector<spec::Problem> problems;

  [[nodiscard]] bool ok() const { return !spec::has_errors(problems); }
  void add(ErrorCode why, spec::Problem problem);
  void add(ErrorCode why, std::vector<spec::Problem> more);
};

/// The stages of one run: starts them and asks them what they are, all side by side.
///
/// Thread: control
class Crew {
 public:
  struct Options {
    std::string program_dir;
    std::string run_dir;
    std::string jack_server;
    int lifeline = -1;  ///< see PrivateJack
    std::int64_t answer_timeout_ns = 60'000'000'000;
    std::function<bool()> interrupted;  ///< is the user tired of waiting?
  };
  struct Handlers {
    std::function<void(Member&, const nlohmann::json&)> event;
    std::function<void(Member&, const ExitStatus&)> ended;
  };

  Crew(const spec::PipelineSpec& spec, Options options, EventLoop& loop, RunLog& log);

  [[nodiscard]] std::vector<Member>& members() noexcept { return members_; }
  /// Who is told of events and ends from now on; without, ends are noted in the member.
  void handle(Handlers handlers) { handlers_ = std::move(handlers); }

  /// Programs for all stages, found and started. Problems: a target that nobody plays.
  [[nodiscard]] SetupProblems start_all();
  /// Start one (again).
  void start(Member& member);
  /// Ask for parameters, check `with:`, ask for descriptions.
  [[nodiscard]] SetupProblems describe_all();
  /// Formats, producers first.
  [[nodiscard]] SetupProblems configure_all(graph::Graph& graph);
  /// Wait until all of `asked` have given `answer`. Throws Error(Interrupted).
  [[nodiscard]] SetupProblems await(const std::vector<Member*>& asked,
                                    std::string_view answer,
                                    std::string_view doing,
                                    std::int64_t timeout_ns,
                                    const std::function<void(Member&)>& ask_again);

  // The orders, as a restart and an inspection need them too.
  [[nodiscard]] static nlohmann::json parameters_order(const stage::Request& request);
  [[nodiscard]] static nlohmann::json describe_order(const Member& member);
  [[nodiscard]] static nlohmann::json configure_order(const Member& member);
  /// Hand a member's process what its predecessors gave into keeping.
  static void send_kept(Member& member);

 private:
  static constexpr int kMostRevivals = 5;
  void revive(Member& member, const std::function<void(Member&)>& ask_again);
  [[nodiscard]] SetupProblems ask_parameters();
  void note(Member& member, const nlohmann::json& message, std::vector<UniqueFd>& fds);
  void keep(Member& member, const nlohmann::json& message, std::vector<UniqueFd>& fds);
  static void leave_word(Member& member, const std::string& name, const std::string& text);
  [[nodiscard]] std::vector<Member*> everybody();
  [[nodiscard]] stage::Request make_request(const spec::StageSpec& stage) const;

  const spec::PipelineSpec* spec_;
  Options options_;
  EventLoop* loop_;
  RunLog* log_;
  Handlers handlers_;
  std::vector<Member> members_;
};

/// "stage 'blur' (processor) was killed by signal 11 (SIGSEGV) ..." with its last words.
[[nodiscard]] std::string describe_end(const Member& member, const ExitStatus& status);

}  // namespace avrig::launch
