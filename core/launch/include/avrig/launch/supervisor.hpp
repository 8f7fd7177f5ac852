// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/graph/plan.hpp>
#include <avrig/launch/control_server.hpp>
#include <avrig/launch/crew.hpp>
#include <avrig/launch/restart_budget.hpp>
#include <avrig/launch/run_memory.hpp>
#include <avrig/launch/scheduling.hpp>
#include <avrig/launch/watchdog.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::launch {

/// How a run ended.
struct Outcome {
  ErrorCode code = ErrorCode::Ok;
  std::string text;  ///< why, in one sentence; empty when all is good
};

/// A run from the first frame to the last: watches the stages, brings them back, stops them.
///
/// Thread: control
class Supervisor {
 public:
  struct Options {
    std::string run_dir;
    std::int64_t ready_timeout_ns = 120'000'000'000;
    bool progress = false;
    /// Looks after a server that the stages need; what it returns, if anything, ends the run.
    std::function<std::string(std::int64_t now_ns)> tend_server;
    /// Is told that this server stands still; false where it is not ours to end.
    std::function<bool()> server_stands_still;
  };

  Supervisor(const spec::PipelineSpec& spec,
             Crew& crew,
             const graph::Plan& plan,
             RunMemory& memory,
             EventLoop& loop,
             RunLog& log,
             Options options);

  /// Hand out the memory and wait until everybody is ready.
  [[nodiscard]] SetupProblems attach_all();
  /// Let frames flow, and stay until all is over.
  [[nodiscard]] Outcome run();

  /// End the run: sources publish their ends, the others drain, at most a second. The first reason
  /// is the run's. Called again, or with `now`: nobody waits any more.
  void stop(Outcome why, bool now);

  /// One stage out (its process ends, its frames wait or are lost as its edges say) and in again.
  void hold_stage(Member& member);
  void release_stage(Member& member);

  /// Answer a tool, or the program that runs us. Throws Error on what makes no sense.
  void handle(const nlohmann::json& request, const ControlServer::Reply& reply);

  /// The report as of now.
  [[nodiscard]] nlohmann::json report(const Outcome& outcome) const;

 private:
  enum class Phase { Starting, Running, Down, Held, Ended, Lost };
  enum class Stopping { No, Draining, Abandoning, Killing };
  struct Change {
    nlohmann::json value;
    bool sent = false;  // to the present process
  };
  /// What is known of a stage beyond its present process.
  struct Post {
    explicit Post(const spec::StageSpec& stage, std::int64_t hang_timeout_ns)
        : budget(stage.restart), watchdog(hang_timeout_ns) {}
    Phase phase = Phase::Starting;
    RestartBudget budget;
    BlameCounter blame;
    Watchdog watchdog;
    std::uint32_t restarts = 0;
    std::uint32_t crashes = 0;
    std::uint64_t quarantined = 0;
    pid_t last_pid = 0;
    bool said_ended = false;
    bool wanted_down = false;
    std::int64_t began_ns = 0;              // of the present process
    std::int64_t restart_at_ns = 0;         // Down
    std::int64_t kill_at_ns = 0;            // the watchdog asked it to abort; then it is killed
    std::map<std::string, Change> changes;  // of parameters, that it has not confirmed yet
    std::optional<Hang> hang;               // why
    Haste haste = Haste::No;                // while it starts again
  };

  void attach(Member& member);
  void attach_anew(Member& member);
  void go(Member& member);
  void on_event(Member& member, const nlohmann::json& message);
  void on_server_still(const Member& member);
  void on_set(Member& member, const nlohmann::json& message);
  void send_changes(Member& member);
  void drop_changes(Member& member);
  void refuse_asked(const Member& member, const std::string& name, const std::string& why);
  void on_end(Member& member, const ExitStatus& status);
  void after_death(Member& member, const ExitStatus& status);
  void blame_frame(Member& member, const std::string& why);
  void restart(Member& member);
  void tick();
  void look_for_hangs(std::int64_t now_ns);
  [[nodiscard]] std::optional<Hang> look(const Member& member, std::int64_t now_ns);
  void end_hanging(Member& member, const Hang& hang, std::int64_t now_ns);
  void look_after_server(std::int64_t now_ns);
  void push_stop(std::int64_t now_ns);
  void end_when_written();
  void show_progress(std::int64_t now_ns);
  [[nodiscard]] bool over() const;
  [[nodiscard]] std::int64_t next_tick_ns() const;
  [[nodiscard]] Member& find(const std::string& id);
  [[nodiscard]] nlohmann::json status() const;
  void answer_memory(const ControlServer::Reply& reply) const;
  void spare_for_taps();
  void answer_set(const nlohmann::json& request, const ControlServer::Reply& reply);
  void tell_who_waits();
  void expire_answers(std::int64_t now_ns);
  [[nodiscard]] std::vector<stage::Assignment> assignments() const;

  const spec::PipelineSpec* spec_;
  Crew* crew_;
  const graph::Plan* plan_;
  RunMemory* memory_;
  EventLoop* loop_;
  RunLog* log_;
  Options options_;
  std::vector<stage::Assignment> assigned_;
  std::vector<Post> posts_;
  std::vector<std::string> groups_;
  std::int64_t started_ns_ = 0;
  std::string started_text_;
  bool tapped_ = false;  ///< a tool has the rings' memory and looks at frames
  Stopping stopping_ = Stopping::No;
  std::int64_t push_at_ns_ = 0;
  Outcome outcome_;
  std::int64_t duration_ns_ = 0;
  std::int64_t progress_at_ns_ = 0;
  struct Asked {
    std::size_t stage;
    std::string name;
    ControlServer::Reply reply;
    std::int64_t deadline_ns;
  };
  std::vector<Asked> asked_;
  std::vector<std::pair<std::size_t, ControlServer::Reply>> waiting_;  // for a stage's end
};

}  // namespace avrig::launch
