// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/launch/process_state.hpp>

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace avrig::launch::testing {

/// A process that sleeps, for the test to look at and to change.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    while (pid_ == 0) {
      ::pause();
    }
    REQUIRE(pid_ > 0);
    while (is_runnable(pid_)) {  // not yet asleep
    }
  }
  ~Sleeper() {
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int nice() const { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(pid_)); }
  void stop() const {
    REQUIRE(::kill(pid_, SIGSTOP) == 0);
    REQUIRE(::waitpid(pid_, nullptr, WUNTRACED) == pid_);
  }

 private:
  pid_t pid_;
};

}  // namespace avrig::launch::testing
