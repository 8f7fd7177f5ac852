// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/process_state.hpp>
#include <avrig/unique_fd.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>

namespace avrig::launch {
namespace {

/// The letter behind the name in a `stat` file; 0 where there is none.
char state_in(const std::string& stat_file) noexcept {
  const UniqueFd file(::open(stat_file.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  const ssize_t count = file ? ::read(file.get(), text.data(), text.size()) : 0;
  const std::string_view seen(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  const auto after = seen.rfind(") ");  // a name may have brackets of its own
  return after == std::string_view::npos || after + 2 >= seen.size() ? '\0' : seen[after + 2];
}

std::string folder_of(pid_t pid) {
  return "/proc/" + std::to_string(pid);
}

}  // namespace

bool is_stopped(pid_t pid) noexcept {
  const char state = state_in(folder_of(pid) + "/stat");
  return state == 'T' || state == 't';
}

std::vector<pid_t> threads_of(pid_t pid) {
  std::vector<pid_t> threads;
  const std::string folder = folder_of(pid) + "/task";
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir(folder.c_str()), ::closedir);
  while (const dirent* task = tasks ? ::readdir(tasks.get()) : nullptr) {
    if (task->d_name[0] != '.') {
      threads.push_back(static_cast<pid_t>(std::atoi(task->d_name)));
    }
  }
  return threads;
}

bool is_runnable(pid_t pid) noexcept {
  const std::vector<pid_t> threads = threads_of(pid);
  return std::any_of(threads.begin(), threads.end(), [&](pid_t thread) {
    return state_in(folder_of(pid) + "/task/" + std::to_string(thread) + "/stat") == 'R';
  });
}

std::int64_t cpu_time_ns(pid_t pid) noexcept {
  clockid_t clock{};
  timespec time{};
  return ::clock_getcpuclockid(pid, &clock) == 0 && ::clock_gettime(clock, &time) == 0
             ? std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec
             : 0;
}

}  // namespace avrig::launch
