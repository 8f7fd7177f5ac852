// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "stepper.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unordered_set>

namespace avrig::shm {
volatile unsigned sweep_target = 0;
volatile unsigned sweep_inside = 0;
}  // namespace avrig::shm

namespace avrig::shm::testing {
namespace {

void* at(std::uint64_t address) {
  return reinterpret_cast<void*>(address);
}

// The kernel's clock page cannot hold a breakpoint.
bool in_vdso(std::uint64_t address) {
  static const std::uint64_t base = ::getauxval(AT_SYSINFO_EHDR);
  return address >= base && address < base + 0x4000;
}

}  // namespace

bool can_trace() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const bool traced = ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0;
    ::_exit(traced ? 0 : 1);
  }
  int status = 0;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

Stepper::Stepper(const std::function<void()>& stage, SweepWindow window) {
  pid_ = ::fork();
  if (pid_ < 0) {
    throw std::runtime_error("cannot fork a stage");
  }
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    sweep_target = static_cast<unsigned>(window);
    stage();
    ::_exit(0);
  }
  if (!wait_stop()) {
    throw std::runtime_error("a stage ended before it began");
  }
  ::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_EXITKILL);
}

Stepper::~Stepper() {
  kill();
}

void Stepper::kill() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
}

bool Stepper::wait_stop() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSTOPPED(status)) {
    pid_ = -1;
    return false;
  }
  return true;
}

bool Stepper::step() {
  ::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr);
  return wait_stop();
}

bool Stepper::resume() {
  ::ptrace(PTRACE_CONT, pid_, nullptr, nullptr);
  return wait_stop();
}

std::uint64_t Stepper::instruction_pointer() const {
  return static_cast<std::uint64_t>(
      ::ptrace(PTRACE_PEEKUSER, pid_, offsetof(user_regs_struct, rip), nullptr));
}

// The stage is a fork of this process, so that its variable lies where ours does.
bool Stepper::inside() const {
  const long word = ::ptrace(PTRACE_PEEKDATA, pid_, &sweep_inside, nullptr);
  return (word & 0xffff'ffff) != 0;
}

bool Stepper::enter() {
  return pid_ > 0 && resume();
}

Passage Stepper::record(std::size_t most) {
  Passage passage{instruction_pointer()};
  while (passage.size() <= most && inside() && step()) {
    passage.push_back(instruction_pointer());
  }
  return passage;
}

bool Stepper::run_to_address(std::uint64_t address) {
  const long whole = ::ptrace(PTRACE_PEEKTEXT, pid_, at(address), nullptr);
  ::ptrace(PTRACE_POKETEXT, pid_, at(address), (whole & ~0xffL) | 0xcc);
  if (!resume()) {
    return false;
  }
  ::ptrace(PTRACE_POKETEXT, pid_, at(address), whole);
  if (instruction_pointer() != address + 1) {
    return false;
  }
  ::ptrace(PTRACE_POKEUSER, pid_, offsetof(user_regs_struct, rip), address);
  return true;
}

// Stepping is slow: run to the nearest instruction before `target` that the passage had not met
// until then, and step from there.
bool Stepper::run_to(const Passage& known, std::size_t target) {
  std::unordered_set<std::uint64_t> met;
  std::size_t from = 0;
  for (std::size_t index = 0; index <= target; ++index) {
    if (met.insert(known[index]).second && !in_vdso(known[index])) {
      from = index;
    }
  }
  if (from > 0 && !run_to_address(known[from])) {
    return false;
  }
  for (std::size_t index = from; index < target; ++index) {
    if (!step()) {
      return false;
    }
  }
  return instruction_pointer() == known[target];
}

}  // namespace avrig::shm::testing
