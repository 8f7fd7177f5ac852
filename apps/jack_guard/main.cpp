// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

// jack_guard COMMAND...: runs a private jackd for as long as anybody of the run lives.
//
// Descriptor 3 is the read end of a pipe; the launcher and every stage hold its write end. When
// the last of them is gone, however it died, the server is asked to end, so that it removes its own
// files in /dev/shm. Where it could not, being killed itself, the guard does.
//
// A server that is stopped for three seconds, or of which the launcher says (SIGUSR1) that it
// stands still, is killed; the guard then exits with 128 + SIGSTOP, else with the server's code.

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <initializer_list>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // glibc 2.36 forgets to say so itself
#include <sys/pidfd.h>
}

namespace {

constexpr int kPipe = 3;
constexpr int kPatienceMs = 3000;
constexpr int kLookMs = 250;
// Looks, not time: while the guard is stopped as well, nothing counts.
constexpr int kMostLooks = 12;

volatile std::sig_atomic_t told_still = 0;

extern "C" void on_told_still(int) {
  told_still = 1;
}

[[noreturn]] void become(char** command, pid_t guard) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    (void)std::signal(number, SIG_DFL);
  }
  (void)::close(kPipe);
  (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() == guard) {
    (void)::execvp(command[0], command);
  }
  (void)std::fprintf(stderr, "cannot run %s\n", command[0]);
  ::_exit(127);
}

/// Whether a child is stopped by a signal, as the kernel tells its parent.
class StopWatch {
 public:
  explicit StopWatch(pid_t child) : child_(child) {}

  bool is_stopped() noexcept {
    siginfo_t change{};
    while (::waitid(P_PID, static_cast<id_t>(child_), &change, WSTOPPED | WCONTINUED | WNOHANG) ==
               0 &&
           change.si_pid != 0) {
      stopped_ = change.si_code == CLD_STOPPED;
      change = {};
    }
    return stopped_;
  }

 private:
  pid_t child_;
  bool stopped_ = false;
};

enum class Why { ServerEnded, NobodyLeft, StandsStill };

Why watch(int ended, StopWatch& server) {
  pollfd watched[2] = {{kPipe, POLLIN, 0}, {ended, POLLIN, 0}};
  for (int still = 0; told_still == 0 && still < kMostLooks;) {
    if (::poll(watched, 2, kLookMs) > 0) {
      return watched[1].revents != 0 ? Why::ServerEnded : Why::NobodyLeft;
    }
    still = server.is_stopped() ? still + 1 : 0;
  }
  return Why::StandsStill;
}

int reap(pid_t server) {
  int status = 0;
  while (::waitpid(server, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// The server's sockets and semaphores; NAME is the run's own, so nobody else has files of it.
void sweep(char** command) noexcept {
  std::string name;
  for (char** word = command; *word != nullptr && word[1] != nullptr; ++word) {
    if (std::string_view(*word) == "--name") {
      name = std::string("_") + word[1] + "_";
    }
  }
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", failed)) {
    const std::string file = entry.path().filename().string();
    if (!name.empty() && file.starts_with("jack") && file.find(name) != std::string::npos) {
      (void)::unlink(entry.path().c_str());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || ::fcntl(kPipe, F_GETFD) < 0) {
    (void)std::fprintf(stderr, "%s: guards a private jackd; 'avrig run' starts it\n", argv[0]);
    return 1;
  }
  // Its end is the end of the pipe, nothing else: not a Ctrl-C, not a closing terminal.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    (void)std::signal(number, SIG_IGN);
  }
  (void)std::signal(SIGUSR1, on_told_still);
  const pid_t guard = ::getpid();
  const pid_t server = ::fork();
  if (server == 0) {
    become(argv + 1, guard);
  }
  if (server < 0) {
    std::perror("jack_guard: cannot fork");
    return 1;
  }
  const int ended = ::pidfd_open(server, 0);
  StopWatch stops(server);
  const Why why = watch(ended, stops);
  if (why == Why::NobodyLeft) {
    (void)::kill(server, SIGTERM);
    pollfd end{ended, POLLIN, 0};
    if (stops.is_stopped() || ::poll(&end, 1, kPatienceMs) == 0) {
      (void)::kill(server, SIGKILL);
    }
  } else if (why == Why::StandsStill) {
    (void)::kill(server, SIGKILL);
  }
  const int own = reap(server);
  const int code = why == Why::StandsStill ? 128 + SIGSTOP : own;
  if (code != 0) {
    sweep(argv + 1);
  }
  return code;
}
