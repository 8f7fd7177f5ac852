// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/jack_server.hpp>
#include <avrig/monotonic.hpp>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/socket.h>
#include <sys/un.h>
#include <tuple>
#include <unistd.h>

namespace avrig::launch {
namespace {

// Each has a buffer that every client locks into memory as it opens: of JACK's usual 2048, 107 MB.
constexpr const char* kMostPorts = "512";

bool connects(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return false;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    if (count <= 0) {
      return text;
    }
    text.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

ChildProcess spawn_guard(const spec::JackSpec& spec,
                         const std::string& name,
                         const std::string& program_dir,
                         int pipe_end) {
  ChildOptions options;
  options.program = (std::filesystem::path(program_dir) / "jack_guard").string();
  options.arguments = {"jackd",
                       "--name",
                       name,
                       "-R",
                       "--port-max",
                       kMostPorts,
                       "-d",
                       spec.driver,
                       "-r",
                       std::to_string(spec.rate_hz),
                       "-p",
                       std::to_string(spec.period_samples)};
  options.fds = {{pipe_end, 3}};
  return ChildProcess::spawn(options);
}

std::pair<UniqueFd, UniqueFd> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw errno_error(ErrorCode::Open, "cannot make a pipe for the private JACK server");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

const char* advice(const std::string& said) {
  return said.find("Too many servers") != std::string::npos
             ? "servers that were killed fill JACK's list of eight: when no jackd runs, remove "
               "/dev/shm/jack-shm-registry"
             : "is jackd installed? (apt-get install jackd2)";
}

}  // namespace

std::string jack_name(const std::string& asked) {
  if (!asked.empty()) {
    return asked;
  }
  const char* usual = std::getenv("JACK_DEFAULT_SERVER");
  return usual != nullptr && *usual != '\0' ? usual : "default";
}

bool jack_answers(const std::string& server) {
  const std::string name = jack_name(server);
  // libjack's names of a server's first socket; the second is used with JACK_PROMISCUOUS_SERVER.
  return connects("/dev/shm/jack_" + name + "_" + std::to_string(::getuid()) + "_0") ||
         connects("/dev/shm/jack_" + name + "_0");
}

std::unique_ptr<PrivateJack> PrivateJack::start(const spec::JackSpec& spec,
                                                const std::string& program_dir) {
  return std::unique_ptr<PrivateJack>(new PrivateJack(spec, program_dir));
}

PrivateJack::PrivateJack(spec::JackSpec spec, std::string program_dir)
    : spec_(std::move(spec)),
      program_dir_(std::move(program_dir)),
      name_("avrig-" + std::to_string(::getpid())),
      guard_([&] {
        std::tie(guard_end_, lifeline_) = make_pipe();
        return spawn_guard(spec_, name_, program_dir_, guard_end_.get());
      }()) {}

void PrivateJack::end_still() const noexcept {
  guard_.signal(SIGUSR1);
}

void PrivateJack::restart() {
  guard_ = spawn_guard(spec_, name_, program_dir_, guard_end_.get());
}

std::string PrivateJack::how_ended() {
  constexpr std::int64_t kPatienceNs = 1'000'000'000;
  const auto status = guard_.wait(monotonic_ns() + kPatienceNs);
  if (!status) {
    return "has closed its output";
  }
  if (!status->by_signal && status->value == 128 + SIGSTOP) {
    return "stood still and was killed";
  }
  // The guard's exit code is the server's; a signal's as a shell would say it.
  const bool by_signal = !status->by_signal && status->value > 128;
  const ExitStatus of_server = by_signal ? ExitStatus{true, false, status->value - 128} : *status;
  return (of_server.by_signal ? "was " : "") + to_string(of_server);
}

PrivateJack::~PrivateJack() {
  free_place();
  lifeline_.reset();
  constexpr std::int64_t kPatienceNs = 5'000'000'000;
  (void)guard_.wait(monotonic_ns() + kPatienceNs);
}

// A server that was killed keeps one of the eight places in JACK's list of servers, until one of
// its name begins and ends in good order.
void PrivateJack::free_place() noexcept {
  constexpr int kLastSignal = 64;
  const auto status =
      guard_.try_wait();  // the guard's code is the server's, as a shell would say it
  if (!status || status->value <= 128 || status->value > 128 + kLastSignal) {
    return;
  }
  try {
    restart();
    constexpr std::int64_t kEnoughNs = 3'000'000'000;
    wait_ready(monotonic_ns() + kEnoughNs);
  } catch (const std::exception&) {
    return;  // the place stays taken; nothing else depends on it
  }
}

void PrivateJack::wait_ready(std::int64_t deadline_ns) {
  std::string said;
  while (!jack_answers(name_)) {
    said += read_all(guard_.output_fd());
    if (guard_.try_wait()) {
      said += read_all(guard_.output_fd());
      throw Error(ErrorCode::Open,
                  "cannot start a private JACK server (jackd -d " + spec_.driver + "): " +
                      (said.empty() ? to_string(*guard_.try_wait()) : said) + "\n" + advice(said));
    }
    if (monotonic_ns() > deadline_ns) {
      throw Error(ErrorCode::Open, "the private JACK server does not answer in time: " + said);
    }
    const timespec pause{0, 2'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

}  // namespace avrig::launch
