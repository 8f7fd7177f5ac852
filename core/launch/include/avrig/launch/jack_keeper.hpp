// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/launch/event_loop.hpp>
#include <avrig/launch/jack_server.hpp>
#include <avrig/launch/restart_budget.hpp>
#include <avrig/launch/run_log.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace avrig::launch {

/// Supervises a private JACK server: what it says goes into the log, and when it ends before the
/// run does, it is started again under its name, where the JACK writers find it.
///
/// Its budget is that of a stage that says nothing of its own: `restart:` in its defaults.
///
/// Thread: control
class JackKeeper {
 public:
  JackKeeper(std::unique_ptr<PrivateJack> server, EventLoop& loop, RunLog& log);
  ~JackKeeper();
  JackKeeper(const JackKeeper&) = delete;
  JackKeeper& operator=(const JackKeeper&) = delete;

  [[nodiscard]] PrivateJack& server() noexcept { return *server_; }
  /// A client says that the server has not called it for long: it is killed, and started again.
  void stands_still() noexcept;
  /// Called now and then: starts the server again when it is time. Returns why the run cannot go
  /// on without it, or "".
  [[nodiscard]] std::string tend(std::int64_t now_ns);

 private:
  void listen();
  void read();
  void ended();

  std::unique_ptr<PrivateJack> server_;
  EventLoop* loop_;
  RunLog* log_;
  LineSplitter lines_;
  EventLoop::Watch watch_ = 0;
  RestartBudget budget_{spec::RestartPolicy{}};
  std::int64_t restart_at_ns_ = 0;  ///< 0: it runs
  std::string given_up_;
};

}  // namespace avrig::launch
