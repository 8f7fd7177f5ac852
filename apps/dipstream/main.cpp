// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "options.hpp"
#include <avrig/dipstream/station.hpp>
#include <avrig/error.hpp>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::app {
namespace {

constexpr int kLookMs = 20;

UniqueFd ending_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  (void)::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
}

/// Until a signal, or the end of our standard input: whoever started us is gone. False: the
/// server came back as one that we cannot go on with.
bool stay(int signals, dipstream::Station& station) {
  for (;;) {
    pollfd watched[2] = {{signals, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (::poll(watched, 2, kLookMs) < 0 && errno != EINTR) {
      return true;
    }
    if (watched[0].revents != 0) {
      return true;
    }
    char byte = 0;
    if (watched[1].revents != 0 && ::read(STDIN_FILENO, &byte, 1) <= 0) {
      return true;
    }
    if (!station.look()) {
      return false;
    }
  }
}

int run(const DipstreamOptions& options) {
  const UniqueFd signals = ending_signals();
  dipstream::Station station(options.station);
  nlohmann::json ready{{"ready", true},
                       {"socket", station.path()},
                       {"samplerate", station.rate_hz()},
                       {"channels", options.station.channels},
                       {"blocksize", station.period()}};
  if (station.server().tcp_port() != 0) {
    ready["tcp"] = station.server().tcp_port();
  }
  std::cout << ready << std::endl;
  if (!stay(signals.get(), station)) {
    throw Error(ErrorCode::Open, station.why());
  }
  return 0;
}

}  // namespace
}  // namespace avrig::app

int main(int argc, char** argv) {
  try {
    const avrig::app::DipstreamOptions options = avrig::app::parse_options(argc, argv);
    if (options.help) {
      std::cout << avrig::app::help_text();
      return 0;
    }
    return avrig::app::run(options);
  } catch (const avrig::Error& error) {
    std::cerr << "dipstream: " << error.what() << "\n";
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << "dipstream: " << error.what() << "\n";
    return static_cast<int>(avrig::ErrorCode::Internal);
  }
}
