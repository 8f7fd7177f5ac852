// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/error.hpp>
#include <avrig/graph/graph.hpp>
#include <avrig/launch/control_server.hpp>
#include <avrig/launch/crew.hpp>
#include <avrig/spec/pipeline_spec.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::launch {

class Supervisor;

/// How a pipeline is launched; nothing of it changes what the pipeline does.
struct LaunchOptions {
  std::string program_dir;     ///< empty: find_program_dir()
  std::string report_file;     ///< also write the report there
  bool handle_signals = true;  ///< Ctrl-C and SIGTERM end the run (blocks them meanwhile)
  bool progress = false;       ///< a progress line on stderr
  bool control = true;         ///< a control socket for `avrig ps` and its like
  stage::Level echo = stage::Level::Warning;  ///< what of the log also goes to stderr
};

/// A pipeline that cannot be set up: everything that is wrong with it.
class SetupError : public Error {
 public:
  explicit SetupError(SetupProblems problems);
  [[nodiscard]] const SetupProblems& problems() const noexcept { return problems_; }

 private:
  SetupProblems problems_;
};

/// What the stages of a pipeline said of themselves, without running it.
struct Checked {
  SetupProblems found;
  std::optional<graph::Graph> graph;  ///< as far as it could be built
  std::optional<graph::Plan> plan;    ///< when nothing is wrong
};

/// What became of a run.
struct RunResult {
  ErrorCode code = ErrorCode::Ok;
  std::string text;  ///< why, when not Ok
  std::string run_dir;
  std::shared_ptr<const nlohmann::json> report;
};

/// One pipeline: asked what it is, or run from beginning to end.
///
/// Thread: one, but for request()
class Launcher {
 public:
  /// The spec must have passed spec::check().
  explicit Launcher(spec::PipelineSpec spec, LaunchOptions options = {});
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  /// Start the stages only to ask them: `avrig validate` and `avrig graph`. Throws Error when not
  /// even that works (no stage programs, interrupted).
  [[nodiscard]] Checked check();

  /// Run it; returns when every process of it is gone. Throws SetupError, Error.
  [[nodiscard]] RunResult run();

  /// Called from run()'s thread once frames may flow.
  void on_started(std::function<void()> started) { started_ = std::move(started); }

  /// What the control socket takes, from this process: {"do": "stop"}, ... Answered from run()'s
  /// thread; before the run has started and after its end with an error. Thread: any
  void request(nlohmann::json what, ControlServer::Reply reply);

 private:
  class Site;
  struct Inbox;
  void serve_inbox(EventLoop& loop, Supervisor& supervisor);
  void close_inbox();

  spec::PipelineSpec spec_;
  LaunchOptions options_;
  std::function<void()> started_;
  std::unique_ptr<Inbox> inbox_;
};

}  // namespace avrig::launch
