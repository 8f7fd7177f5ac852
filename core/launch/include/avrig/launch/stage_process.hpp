// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/launch/child_process.hpp>
#include <avrig/launch/event_loop.hpp>
#include <avrig/launch/run_log.hpp>
#include <avrig/stage/wire.hpp>
#include <avrig/unique_fd.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::launch {

/// One process of a stage: its socket, its output in the log, its end.
///
/// What it calls back happens inside EventLoop::run_once(). Its last messages and its last output
/// come before its end.
///
/// Thread: control
class StageProcess {
 public:
  struct Callbacks {
    /// With the descriptors that came along.
    std::function<void(const nlohmann::json&, std::vector<UniqueFd>&)> message;
    std::function<void(std::string_view)> output;  ///< one line of stdout or stderr
    std::function<void(const ExitStatus&)> ended;
  };

  /// `lifeline`: the write end of a private JACK server's pipe, or -1. Throws Error(Open).
  StageProcess(EventLoop& loop, const std::string& program, int lifeline, Callbacks callbacks);
  ~StageProcess();
  StageProcess(const StageProcess&) = delete;
  StageProcess& operator=(const StageProcess&) = delete;

  /// False when it does not listen any more; its end is then on the way.
  bool send(const nlohmann::json& order, const std::vector<int>& fds = {}) noexcept;
  void signal(int number) const noexcept { child_.signal(number); }
  /// Close the socket: its lifeline. It drains and ends.
  void cut() noexcept;
  [[nodiscard]] pid_t pid() const noexcept { return child_.pid(); }

 private:
  void read_socket();
  void read_output();
  void read_end();

  EventLoop* loop_;
  Callbacks callbacks_;
  std::optional<stage::Socket> socket_;
  ChildProcess child_;
  LineSplitter lines_;
  EventLoop::Watch socket_watch_ = 0;
  EventLoop::Watch output_watch_ = 0;
  EventLoop::Watch end_watch_ = 0;
};

}  // namespace avrig::launch
