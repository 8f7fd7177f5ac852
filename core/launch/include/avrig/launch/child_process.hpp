// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/unique_fd.hpp>

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace avrig::launch {

/// How a process ended.
struct ExitStatus {
  bool by_signal = false;
  bool dumped_core = false;
  int value = 0;  ///< the signal, or the exit code

  [[nodiscard]] bool clean() const noexcept { return !by_signal && value == 0; }
  /// Was it killed from outside (SIGKILL, SIGTERM, ...)? Such a death blames no frame and counts
  /// against no budget; a crash or an exit of its own does. A kill of our watchdog is the caller's
  /// to know.
  [[nodiscard]] bool from_outside() const noexcept;
};

/// "killed by signal 11 (SIGSEGV)", "exited with 3".
[[nodiscard]] std::string to_string(const ExitStatus& status);

/// What a child is started with.
struct ChildOptions {
  std::string program;  ///< path
  std::vector<std::string> arguments;
  std::vector<std::pair<int, int>> fds;  ///< {ours, number in the child}; everything else closes
  std::vector<std::pair<std::string, std::string>> environment;  ///< over our own
  bool capture_output = true;  ///< stdout and stderr go into output_fd()
};

/// A child process: its pidfd, its output, its end.
///
/// In a process group of its own, so that Ctrl-C on the terminal reaches the launcher alone; with
/// no blocked signals and SIGPIPE ignored. Destroying a running child kills and reaps it.
///
/// Thread: control
class ChildProcess {
 public:
  /// Throws Error(Open) naming the program.
  [[nodiscard]] static ChildProcess spawn(const ChildOptions& options);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Readable once the process has ended.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  /// Its stdout and stderr, not blocking; -1 when not captured.
  [[nodiscard]] int output_fd() const noexcept { return output_.get(); }

  /// Send a signal; nothing happens when it has ended.
  void signal(int number) const noexcept;
  /// How it ended; empty while it runs. Reaps it.
  [[nodiscard]] std::optional<ExitStatus> try_wait() noexcept;
  /// Wait until it has ended, at most until `deadline_ns` (CLOCK_MONOTONIC).
  [[nodiscard]] std::optional<ExitStatus> wait(std::int64_t deadline_ns) noexcept;

 private:
  ChildProcess() = default;
  void end() noexcept;

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd output_;
  std::optional<ExitStatus> status_;
};

}  // namespace avrig::launch
