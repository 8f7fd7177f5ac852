// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <sys/types.h>
#include <vector>

namespace avrig::launch {

/// Is the process stopped, by a signal or a debugger? False for one that there is not.
///
/// Thread: any
[[nodiscard]] bool is_stopped(pid_t pid) noexcept;

/// Its threads, by their ids.      Thread: any
[[nodiscard]] std::vector<pid_t> threads_of(pid_t pid);

/// Could any of its threads run now, were there a core for it (or does one)?      Thread: any
[[nodiscard]] bool is_runnable(pid_t pid) noexcept;

/// How long it has run, all threads together; 0 for a process that there is not.      Thread: any
[[nodiscard]] std::int64_t cpu_time_ns(pid_t pid) noexcept;

}  // namespace avrig::launch
