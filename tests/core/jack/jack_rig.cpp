// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "jack_rig.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

namespace avrig::jack::test {
namespace {

std::atomic<int> servers{0};

std::string socket_of(const std::string& server) {
  return "/dev/shm/jack_" + server + "_" + std::to_string(::getuid()) + "_0";
}

bool connects(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int failed = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  (void)::close(probe);
  return failed == 0;
}

[[noreturn]] void become_jackd(const std::string& name, const ServerOptions& options, pid_t test) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != test) {
    ::_exit(1);
  }
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) {
    (void)::dup2(nothing, fd);
  }
  const std::string rate = std::to_string(options.rate_hz);
  const std::string period = std::to_string(options.period);
  (void)::execlp("jackd",
                 "jackd",
                 "--name",
                 name.c_str(),
                 "-R",
                 "-d",
                 "dummy",
                 "-r",
                 rate.c_str(),
                 "-p",
                 period.c_str(),
                 nullptr);
  ::_exit(127);
}

}  // namespace

DummyServer::DummyServer(const ServerOptions& options)
    : name_("avt" + std::to_string(::getpid()) + "n" + std::to_string(servers.fetch_add(1))) {
  if (std::system("command -v jackd >/dev/null") != 0) {
    std::exit(77);
  }
  start(options);
}

DummyServer::~DummyServer() {
  stop();
}

bool DummyServer::answers() const {
  return connects(socket_of(name_));
}

void DummyServer::start(const ServerOptions& options) {
  const pid_t test = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    become_jackd(name_, options, test);
  }
  REQUIRE(pid_ > 0);
  REQUIRE(eventually([&] { return answers(); }));
}

void DummyServer::freeze() const {
  (void)::kill(pid_, SIGSTOP);
}
void DummyServer::thaw() const {
  (void)::kill(pid_, SIGCONT);
}

void DummyServer::end(int signal) {
  if (pid_ > 0) {
    (void)::kill(pid_, SIGCONT);
    (void)::kill(pid_, signal);
    int status = 0;
    (void)::waitpid(pid_, &status, 0);
    pid_ = -1;
  }
}

void DummyServer::kill() {
  end(SIGKILL);
}

void DummyServer::stop() {
  end(SIGTERM);
}

void rest(double seconds) {
  const timespec pause = to_timespec(static_cast<std::int64_t>(seconds * 1e9));
  ::nanosleep(&pause, nullptr);
}

Recorder::Recorder(const std::string& server, std::uint32_t channels, std::size_t room)
    : cycles_(room / 16 + 1) {
  jack_set_error_function([](const char*) {});
  jack_set_info_function([](const char*) {});
  jack_status_t status{};
  client_ = jack_client_open("recorder",
                             static_cast<jack_options_t>(JackNoStartServer | JackServerName),
                             &status,
                             server.c_str());
  REQUIRE(client_ != nullptr);
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    const std::string name = "in_" + std::to_string(channel + 1);
    ports_.push_back(
        jack_port_register(client_, name.c_str(), JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0));
    rows_.emplace_back(room);
  }
  jack_set_process_callback(
      client_,
      [](jack_nframes_t frames, void* self) {
        static_cast<Recorder*>(self)->take(frames);
        return 0;
      },
      this);
  jack_set_xrun_callback(
      client_,
      [](void* self) {
        static_cast<Recorder*>(self)->xruns_.fetch_add(1);
        return 0;
      },
      this);
  jack_set_latency_callback(
      client_,
      [](jack_latency_callback_mode_t mode, void* self) {
        const auto* recorder = static_cast<Recorder*>(self);
        const std::uint32_t latency = recorder->latency_.load();
        jack_latency_range_t range{latency, latency};
        for (jack_port_t* port : recorder->ports_) {
          if (mode == JackPlaybackLatency) {
            jack_port_set_latency_range(port, mode, &range);
          }
        }
      },
      this);
  REQUIRE(jack_activate(client_) == 0);
}

Recorder::~Recorder() {
  (void)jack_client_close(client_);
}

void Recorder::listen_to(const std::string& client, const std::vector<unsigned>& outputs) {
  for (std::size_t channel = 0; channel < outputs.size(); ++channel) {
    const std::string from = client + ":out_" + std::to_string(outputs[channel]);
    REQUIRE(jack_connect(client_, from.c_str(), jack_port_name(ports_[channel])) == 0);
  }
}

void Recorder::set_latency(std::uint32_t samples) {
  latency_.store(samples);
  REQUIRE(jack_recompute_total_latencies(client_) == 0);
}

void Recorder::freewheel(bool on) {
  REQUIRE(jack_set_freewheel(client_, on ? 1 : 0) == 0);
}

void Recorder::set_period(std::uint32_t samples) {
  REQUIRE(jack_set_buffer_size(client_, samples) == 0);
}

void Recorder::take(jack_nframes_t frames) noexcept {
  if (clearing_.exchange(false)) {
    used_.store(0);
    cycles_used_.store(0);
  }
  const std::size_t used = used_.load(std::memory_order_relaxed);
  const std::size_t cycle = cycles_used_.load(std::memory_order_relaxed);
  if (cycle == cycles_.size() || used + frames > rows_[0].size()) {
    return;
  }
  // As the client under test: a new period makes JACK's count jump without a sample being lost.
  renumbered_ += period_ == 0 ? 0 : std::int64_t{period_} - std::int64_t{frames};
  period_ = frames;
  cycles_[cycle] = {
      std::int64_t{jack_last_frame_time(client_)} + renumbered_, frames, used, monotonic_ns()};
  for (std::size_t channel = 0; channel < ports_.size(); ++channel) {
    const auto* from = static_cast<const float*>(jack_port_get_buffer(ports_[channel], frames));
    std::copy_n(from, frames, rows_[channel].begin() + static_cast<std::ptrdiff_t>(used));
  }
  used_.store(used + frames, std::memory_order_release);
  cycles_used_.store(cycle + 1, std::memory_order_release);
}

float Recorder::at_frame(std::size_t channel, std::int64_t frame) const {
  const auto begin = cycles_.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(cycles());
  auto after = std::upper_bound(begin, end, frame, [](std::int64_t wanted, const Cycle& cycle) {
    return wanted < cycle.frame;
  });
  if (after == begin) {
    return -9.0F;
  }
  const Cycle& cycle = *--after;
  const std::int64_t into = frame - cycle.frame;
  return into < cycle.samples ? rows_[channel][cycle.at + static_cast<std::size_t>(into)] : -9.0F;
}

std::int64_t Recorder::first_sound(std::size_t channel, std::int64_t from) const {
  const std::size_t count = cycles();
  for (std::size_t index = 0; index < count; ++index) {
    const Cycle& cycle = cycles_[index];
    for (std::uint32_t at = 0; at < cycle.samples; ++at) {
      if (cycle.frame + at >= from && rows_[channel][cycle.at + at] != 0.0F) {
        return cycle.frame + at;
      }
    }
  }
  return -1;
}

std::int64_t Recorder::skipped() const {
  std::int64_t skipped = 0;
  for (std::size_t index = 1; index < cycles(); ++index) {
    skipped += cycles_[index].frame - cycles_[index - 1].frame - cycles_[index - 1].samples;
  }
  return skipped;
}

void Recorder::clear() {
  clearing_.store(true);
  REQUIRE(eventually([&] { return !clearing_.load(); }));
}

}  // namespace avrig::jack::test
