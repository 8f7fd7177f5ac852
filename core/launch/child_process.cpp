// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/child_process.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // glibc 2.36 forgets to say so itself
#include <sys/pidfd.h>
}

namespace avrig::launch {
namespace {

constexpr int kFirstSafeFd = 64;  // above every number that a child gets its descriptors at

/// posix_spawn's two option objects.
struct SpawnAttributes {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  SpawnAttributes() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    ::sigemptyset(&none);
    sigset_t ours;
    ::sigemptyset(&ours);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD}) {
      ::sigaddset(&ours, number);
    }
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &ours);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
};

std::vector<std::string> child_environment(
    const std::vector<std::pair<std::string, std::string>>& over) {
  std::vector<std::string> result;
  for (const auto& [name, value] : over) {
    result.push_back(name + "=" + value);
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const char* equals = std::strchr(*entry, '=');
    const std::string name(
        *entry,
        equals == nullptr ? std::strlen(*entry) : static_cast<std::size_t>(equals - *entry));
    bool replaced = false;
    for (const auto& pair : over) {
      replaced = replaced || pair.first == name;
    }
    if (!replaced) {
      result.emplace_back(*entry);
    }
  }
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

/// A copy of `fd` that no number of the child's can hit.
UniqueFd move_up(int fd) {
  return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstSafeFd));
}

}  // namespace

bool ExitStatus::from_outside() const noexcept {
  if (!by_signal) {
    return false;
  }
  switch (value) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGABRT:
    case SIGSYS:
    case SIGTRAP:
      return false;
    default:
      return true;
  }
}

std::string to_string(const ExitStatus& status) {
  if (!status.by_signal) {
    return "exited with " + std::to_string(status.value);
  }
  const char* name = ::sigabbrev_np(status.value);
  return "killed by signal " + std::to_string(status.value) + " (SIG" +
         (name == nullptr ? std::string("?") : std::string(name)) + ")" +
         (status.dumped_core ? ", core dumped" : "");
}

ChildProcess ChildProcess::spawn(const ChildOptions& options) {
  ChildProcess child;
  SpawnAttributes spawn;
  std::vector<UniqueFd> kept;
  const auto give = [&](int ours, int theirs) {
    kept.push_back(move_up(ours));
    ::posix_spawn_file_actions_adddup2(&spawn.actions, kept.back().get(), theirs);
  };
  ::posix_spawn_file_actions_addopen(&spawn.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (options.capture_output) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw errno_error(ErrorCode::Open, "cannot make a pipe for the output of a stage");
    }
    child.output_.reset(ends[0]);
    const UniqueFd write_end(ends[1]);
    ::fcntl(child.output_.get(), F_SETFL, O_NONBLOCK);
    give(write_end.get(), STDOUT_FILENO);
    give(write_end.get(), STDERR_FILENO);
  }
  int highest = STDERR_FILENO;
  for (const auto& [ours, theirs] : options.fds) {
    give(ours, theirs);
    highest = std::max(highest, theirs);
  }
  // Also what somebody else opened without close-on-exec stays here.
  ::posix_spawn_file_actions_addclosefrom_np(&spawn.actions, highest + 1);
  std::vector<std::string> arguments{options.program};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment = child_environment(options.environment);
  ::signal(SIGPIPE, SIG_IGN);  // inherited: a child outlives its launcher, and so its log pipe
  const int failed = ::posix_spawn(&child.pid_,
                                   options.program.c_str(),
                                   &spawn.actions,
                                   &spawn.attributes,
                                   pointers(arguments).data(),
                                   pointers(environment).data());
  if (failed != 0) {
    child.pid_ = -1;
    errno = failed;
    throw errno_error(ErrorCode::Open, "cannot start '" + options.program + "'");
  }
  child.pidfd_.reset(::pidfd_open(child.pid_, 0));
  if (!child.pidfd_) {
    throw errno_error(ErrorCode::Open, "cannot watch '" + options.program + "'");
  }
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      output_(std::move(other.output_)),
      status_(other.status_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
    output_ = std::move(other.output_);
    status_ = other.status_;
  }
  return *this;
}

ChildProcess::~ChildProcess() {
  end();
}

void ChildProcess::end() noexcept {
  if (pid_ > 0 && !status_) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
}

void ChildProcess::signal(int number) const noexcept {
  if (pidfd_ && !status_) {
    (void)::pidfd_send_signal(pidfd_.get(), number, nullptr, 0);
  }
}

std::optional<ExitStatus> ChildProcess::try_wait() noexcept {
  if (status_ || pid_ <= 0) {
    return status_;
  }
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) != 0) {
    if (errno == ECHILD) {
      status_ = ExitStatus{};  // reaped by another hand: all that is known is that it ended
    }
    return status_;
  }
  if (info.si_pid != 0) {
    status_ = ExitStatus{info.si_code != CLD_EXITED, info.si_code == CLD_DUMPED, info.si_status};
  }
  return status_;
}

std::optional<ExitStatus> ChildProcess::wait(std::int64_t deadline_ns) noexcept {
  for (;;) {
    if (auto status = try_wait()) {
      return status;
    }
    const std::int64_t left_ns = deadline_ns - monotonic_ns();
    if (left_ns <= 0) {
      return std::nullopt;
    }
    pollfd entry{pidfd_.get(), POLLIN, 0};
    const timespec timeout = to_timespec(left_ns);
    (void)::ppoll(&entry, 1, &timeout, nullptr);
  }
}

}  // namespace avrig::launch
