// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

// jack_guard COMMAND...: runs a private jackd for as long as anybody of the run lives.
//
// Descriptor 3 is the read end of a pipe; the launcher and every stage hold its write end. When
// the last of them is gone, however it died, the server is asked to end, so that it removes its own
// files in /dev/shm. Where it could not, being killed itself, the guard does.

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

[[noreturn]] void become(char** command, pid_t guard) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
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
  pollfd watched[2] = {{kPipe, POLLIN, 0}, {ended, POLLIN, 0}};
  while (::poll(watched, 2, -1) < 0 && errno == EINTR) {
  }
  if (watched[1].revents == 0) {
    (void)::kill(server, SIGTERM);
    if (::poll(watched + 1, 1, kPatienceMs) == 0) {
      (void)::kill(server, SIGKILL);
    }
  }
  const int code = reap(server);
  if (code != 0) {
    sweep(argv + 1);
  }
  return code;
}
