// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "options.hpp"
#include <avrig/control_folder.hpp>
#include <avrig/dipstream/desk_server.hpp>
#include <avrig/dipstream/null_device.hpp>
#include <avrig/error.hpp>
#include <avrig/jack/output_client.hpp>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <memory>
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

/// JACK has one rate and one period for all its clients: who wants others is told so.
void check_promises(const DipstreamOptions& options, const jack::OutputClient& client) {
  if (options.rate_hz != 0 && options.rate_hz != client.rate_hz()) {
    throw Error(ErrorCode::Open,
                "the JACK server runs at " + std::to_string(client.rate_hz()) + " Hz, not " +
                    std::to_string(options.rate_hz) + " Hz: it has one rate for all its clients");
  }
  if (options.period != 0 && options.period != client.period()) {
    throw Error(ErrorCode::Open,
                "the JACK server has periods of " + std::to_string(client.period()) +
                    " samples, not " + std::to_string(options.period) +
                    ": it has one for all its clients");
  }
}

/// Until a signal, or the end of our standard input: whoever started us is gone. False: the
/// server went away.
bool stay(int signals, dipstream::DeskServer& server, jack::OutputClient* client) {
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
    if (client != nullptr) {
      if (client->lost()) {
        return false;
      }
      const std::int64_t latency = client->playback_latency_samples();
      server.with([&](dipstream::Desk& desk) { desk.set_latency(latency); });
    }
  }
}

int run(const DipstreamOptions& options) {
  const UniqueFd signals = ending_signals();
  const bool null = options.device == "null";
  std::unique_ptr<dipstream::MixerHost> host;
  std::unique_ptr<jack::OutputClient> client;  // renders the host: goes first
  mixer::EngineConfig config;
  config.outputs = options.channels;
  config.buses = mixer::kMaxBuses;
  config.clip = options.clip;
  config.limiter_lookahead = options.limiter;
  config.sample_rate_hz = options.rate_hz == 0 ? 48000 : options.rate_hz;
  if (!null) {
    jack::ClientOptions where;
    where.server = options.server;
    where.name = options.name;
    where.channels = options.channels;
    where.connect = options.connect;
    client = std::make_unique<jack::OutputClient>(where);
    check_promises(options, *client);
    config.sample_rate_hz = client->rate_hz();
  }
  host = std::make_unique<dipstream::MixerHost>(config, 0);
  dipstream::Desk desk(*host, config.sample_rate_hz);
  desk.set_bias(options.bias_s);
  host->settle();
  const std::string path = options.socket.empty() ? control_folder() + "/dipstream-" +
                                                        std::to_string(::getpid()) + ".mix"
                                                  : options.socket;
  std::unique_ptr<dipstream::NullDevice> device;
  const std::uint32_t period = options.period == 0 ? 256 : options.period;
  if (null) {
    device = std::make_unique<dipstream::NullDevice>(
        *host, options.channels, config.sample_rate_hz, period);
  } else {
    client->play(*host);
    client->activate(0);
    desk.set_latency(client->playback_latency_samples());
  }
  bool orderly = true;
  {
    dipstream::DeskServer server(desk, path);
    std::cout << nlohmann::json{{"ready", true},
                                {"socket", path},
                                {"samplerate", config.sample_rate_hz},
                                {"channels", options.channels},
                                {"blocksize", null ? period : client->period()}}
              << std::endl;
    orderly = stay(signals.get(), server, client.get());
  }
  client.reset();
  device.reset();
  if (!orderly) {
    throw Error(ErrorCode::Open, "the JACK server went away");
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
