// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/control_folder.hpp>
#include <avrig/dipstream/station.hpp>
#include <avrig/error.hpp>
#include <avrig/jack/output_client.hpp>
#include <avrig/monotonic.hpp>

#include <atomic>
#include <ctime>
#include <unistd.h>

namespace avrig::dipstream {
namespace {

constexpr std::int64_t kFirstCycleNs = 5'000'000'000;
constexpr std::int64_t kLatencyNs = 200'000'000;
constexpr std::int64_t kRetryNs = 100'000'000;
constexpr std::uint32_t kUsualPeriod = 256;

void nap() noexcept {
  const timespec pause{0, 1'000'000};
  (void)::clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
}

std::string own_path() {
  static std::atomic<int> count{0};
  return control_folder() + "/dipstream-" + std::to_string(::getpid()) + "-" +
         std::to_string(count.fetch_add(1)) + ".mix";
}

/// JACK has one rate and one period for all its clients: who wants others is told so.
void check_promises(const StationOptions& options, const jack::OutputClient& client) {
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

}  // namespace

void Station::open_client(const StationOptions& options) {
  jack::ClientOptions where;
  where.server = options.server;
  where.name = options.name;
  where.channels = options.channels;
  where.connect = options.connect;
  client_ = std::make_unique<jack::OutputClient>(where);
}

Station::Station(const StationOptions& options)
    : options_(options),
      rate_hz_(options.rate_hz == 0 ? 48000 : options.rate_hz),
      period_(options.period == 0 ? kUsualPeriod : options.period) {
  if (options.device != "null") {
    open_client(options);
    check_promises(options, *client_);
    // The one that our sounds are made for; another server's is refused.
    options_.rate_hz = rate_hz_ = client_->rate_hz();
    period_ = client_->period();
  }
  mixer::EngineConfig config;
  config.outputs = options.channels;
  config.buses = mixer::kMaxBuses;
  config.clip = options.clip;
  config.limiter_lookahead = options.limiter;
  config.sample_rate_hz = rate_hz_;
  host_ = std::make_unique<MixerHost>(config, 0);
  desk_ = std::make_unique<Desk>(*host_, rate_hz_);
  desk_->set_bias(options.bias_s);
  host_->settle();
  if (client_) {
    client_->play(*host_);
    client_->activate(0);
  } else {
    device_ = std::make_unique<NullDevice>(*host_, options.channels, rate_hz_, period_);
  }
  await_first_cycle();
  if (client_) {
    await_latency(options.connect != "none");
  }
  server_ = std::make_unique<DeskServer>(
      *desk_, options.socket.empty() ? own_path() : options.socket, options.tcp);
}

Station::~Station() = default;

// Whoever asks for the time finds one.
void Station::await_first_cycle() const {
  const std::int64_t deadline_ns = monotonic_ns() + kFirstCycleNs;
  OutputClock clock;
  while (!host_->clock(clock)) {
    if (monotonic_ns() > deadline_ns) {
      throw Error(ErrorCode::Open, "the device does not run: no cycle in 5 s");
    }
    nap();
  }
}

// The server tells it some milliseconds after we were connected. What is scheduled for a time must
// not be moved by that.
void Station::await_latency(bool connected) {
  const std::int64_t deadline_ns = monotonic_ns() + (connected ? kLatencyNs : 0);
  while (client_->playback_latency_samples() == 0 && monotonic_ns() < deadline_ns) {
    nap();
  }
  desk_->set_latency(client_->playback_latency_samples());
}

void Station::tell_device(bool runs) {
  server_->with([&](Desk& desk) { desk.set_device(runs); });
}

void Station::lose_client() {
  client_.reset();
  host_->expect_new_device();
  tell_device(false);
}

// False: there is a server again, but none that our sounds and promises fit.
bool Station::reopen() {
  if (monotonic_ns() < retry_ns_) {
    return true;
  }
  retry_ns_ = monotonic_ns() + kRetryNs;
  try {
    open_client(options_);
  } catch (const Error&) {
    client_.reset();
    return true;
  }
  try {
    check_promises(options_, *client_);
  } catch (const Error& error) {
    client_.reset();
    why_ = error.what();
    return false;
  }
  try {
    client_->play(*host_);
    client_->activate(0);
  } catch (const Error&) {  // it went away again, or who we play to is not there yet
    client_.reset();
    host_->expect_new_device();
    return true;
  }
  tell_device(true);
  return true;
}

bool Station::look() {
  if (options_.device == "null") {
    return true;
  }
  if (client_ != nullptr && client_->lost()) {
    lose_client();
  }
  if (client_ == nullptr) {
    return reopen();
  }
  const std::int64_t latency = client_->playback_latency_samples();
  // A desk that decodes a long file is told the next time.
  (void)server_->try_with([&](Desk& desk) { desk.set_latency(latency); });
  return true;
}

}  // namespace avrig::dipstream
