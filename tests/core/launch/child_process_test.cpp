// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../../support/patience.hpp"
#include <avrig/error.hpp>
#include <avrig/launch/child_process.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <csignal>
#include <string>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace avrig;
using launch::ChildOptions;
using launch::ChildProcess;
using launch::ExitStatus;

namespace {

constexpr std::int64_t kLongNs = avrig::test::kPatienceNs;

ChildProcess shell(const char* script) {
  ChildOptions options;
  options.program = "/bin/sh";
  options.arguments = {"-c", script};
  return ChildProcess::spawn(options);
}

std::string output_of(const ChildProcess& child) {
  char bytes[512];
  const ssize_t count = ::read(child.output_fd(), bytes, sizeof bytes);
  return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : std::string();
}

}  // namespace

TEST_SUITE("launch/child_process") {
  TEST_CASE("child process: its exit code and its output come back") {
    ChildProcess sut = shell("echo hello; exit 3");
    const auto status = sut.wait(monotonic_ns() + kLongNs);
    REQUIRE(status);
    CHECK_FALSE(status->clean());
    CHECK(to_string(*status) == "exited with 3");
    CHECK(output_of(sut) == "hello\n");
  }

  TEST_CASE("child process: a crash is the child's own, a kill is not") {
    ChildProcess crashing = shell("kill -SEGV $$");
    const auto crash = crashing.wait(monotonic_ns() + kLongNs);
    REQUIRE(crash);
    CHECK_FALSE(crash->from_outside());
    CHECK(to_string(*crash).find("killed by signal 11 (SIGSEGV)") == 0);

    ChildProcess killed = shell("exec sleep 100");
    killed.signal(SIGKILL);
    const auto kill = killed.wait(monotonic_ns() + kLongNs);
    REQUIRE(kill);
    CHECK(kill->from_outside());
    CHECK(to_string(*kill) == "killed by signal 9 (SIGKILL)");
  }

  TEST_CASE("child process: gets the descriptors it is given, and no others") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);  // not close-on-exec: even those must not leak into 5
    ChildOptions options;
    options.program = "/bin/sh";
    options.arguments = {"-c", "echo given >&3; (echo leaked >&5) 2>/dev/null; true"};
    options.fds = {{ends[1], 3}};
    ChildProcess sut = ChildProcess::spawn(options);
    (void)sut.wait(monotonic_ns() + kLongNs);
    char bytes[64];
    const ssize_t count = ::read(ends[0], bytes, sizeof bytes);
    CHECK(std::string(bytes, static_cast<std::size_t>(std::max<ssize_t>(count, 0))) == "given\n");
    ::close(ends[0]);
    ::close(ends[1]);
  }

  TEST_CASE("child process: a program that is not there is named") {
    ChildOptions options;
    options.program = "/nowhere/media_reader";
    CHECK_THROWS_WITH_AS(
        (void)ChildProcess::spawn(options), doctest::Contains("/nowhere/media_reader"), Error);
  }

  TEST_CASE("child process: a running child goes with its handle") {
    pid_t pid = 0;
    {
      ChildProcess sut = shell("exec sleep 100");
      pid = sut.pid();
    }
    CHECK(::kill(pid, 0) == -1);
  }
}
