// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "harness.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace avrig::bench {
namespace {

std::vector<int> parse_cpus(const std::string& text) {
  std::vector<int> cpus;
  std::istringstream list(text == "none" ? "" : text);
  for (std::string item; std::getline(list, item, ',');) {
    cpus.push_back(std::stoi(item));
  }
  return cpus;
}

bool set(Options& options, const std::string& key, const std::string& value) {
  if (key == "--name") {
    options.name = value;
  } else if (key == "--mode") {
    options.mode = value;
  } else if (key == "--size") {
    options.size = std::stoull(value);
  } else if (key == "--rate") {
    options.rate_hz = std::stod(value);
  } else if (key == "--seconds") {
    options.seconds = std::stod(value);
  } else if (key == "--warm") {
    options.warm_seconds = std::stod(value);
  } else if (key == "--touch") {
    options.touch = value != "0";
  } else if (key == "--wait") {
    options.wait = value;
  } else if (key == "--window") {
    options.window = static_cast<std::uint32_t>(std::stoul(value));
  } else if (key == "--queue") {
    options.queue = static_cast<std::uint32_t>(std::stoul(value));
  } else if (key == "--cpus") {
    options.cpus = parse_cpus(value);
  } else if (key == "--messages") {
    options.messages = std::stoull(value);
  } else {
    return false;
  }
  return true;
}

}  // namespace

Options parse(int argc, char** argv) {
  Options options;
  for (int index = 1; index < argc; index += 2) {
    if (index + 1 >= argc || !set(options, argv[index], argv[index + 1])) {
      std::fprintf(stderr,
                   "unknown option '%s'; there are --name --mode paced|flood --size --rate "
                   "--seconds --warm --touch 0|1 --wait block|adaptive|spin --window --queue "
                   "--cpus 0,1|none --messages\n",
                   argv[index]);
      std::exit(2);
    }
  }
  if (options.size < sizeof(Stamp)) {
    options.size = sizeof(Stamp);
  }
  // Sleep to the due time, not to 50 us behind it.
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  return options;
}

Board* make_board() {
  void* memory = ::mmap(nullptr,
                        sizeof(Board),
                        PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
                        -1,
                        0);
  if (memory == MAP_FAILED) {
    throw std::runtime_error("no memory for results");
  }
  return static_cast<Board*>(memory);
}

std::uint64_t cpu_ns() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(time.tv_nsec);
}

MachineTime machine_time() noexcept {
  unsigned long long user = 0, nice = 0, system = 0, idle = 0, io = 0, irq = 0, soft = 0, steal = 0;
  if (std::FILE* file = std::fopen("/proc/stat", "r")) {
    (void)!std::fscanf(file,
                       "cpu %llu %llu %llu %llu %llu %llu %llu %llu",
                       &user,
                       &nice,
                       &system,
                       &idle,
                       &io,
                       &irq,
                       &soft,
                       &steal);
    std::fclose(file);
  }
  const std::uint64_t tick_ns = 1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return {(user + nice + system + irq + soft) * tick_ns, steal * tick_ns};
}

void pin(const Options& options, std::size_t process) noexcept {
  if (options.cpus.empty()) {
    return;
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(options.cpus[process % options.cpus.size()]), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    std::perror("cannot pin a process");
  }
}

void sleep_until_ns(std::int64_t when_ns) noexcept {
  const timespec when = to_timespec(when_ns);
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
  }
}

void fill(std::byte* payload, std::size_t bytes, std::uint64_t value) noexcept {
  std::memset(payload + sizeof(Stamp), static_cast<int>(value & 0xff), bytes - sizeof(Stamp));
}

std::uint64_t sum(const std::byte* payload, std::size_t bytes) noexcept {
  const auto* words = reinterpret_cast<const std::uint64_t*>(payload);
  std::uint64_t total = 0;
  for (std::size_t index = 0; index < bytes / sizeof(std::uint64_t); ++index) {
    total += words[index];
  }
  return total;
}

void edit(std::byte* payload, std::size_t bytes) noexcept {
  auto* words = reinterpret_cast<std::uint64_t*>(payload + sizeof(Stamp));
  for (std::size_t index = 0; index < (bytes - sizeof(Stamp)) / sizeof(std::uint64_t); ++index) {
    words[index] |= 0x0101010101010101u;
  }
}

bool join_children() noexcept {
  bool good = true;
  int status = 0;
  while (::wait(&status) > 0) {
    good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  return good;
}

void fail_child(const char* what) noexcept {
  std::fprintf(stderr, "%s\n", what);
  ::_exit(1);
}

}  // namespace avrig::bench
