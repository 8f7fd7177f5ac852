// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "populate.hpp"
#include <avrig/error.hpp>
#include <avrig/jack/output_client.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <ctime>

namespace avrig::jack {
namespace {

// The server may need a moment to see that a client has died.
constexpr int kNameTries = 100;
constexpr timespec kNamePause{0, 10'000'000};

jack_client_t* try_open(const ClientOptions& options, int flags, jack_status_t& status) {
  flags |= JackNoStartServer;
  return options.server.empty()
             ? jack_client_open(options.name.c_str(), static_cast<jack_options_t>(flags), &status)
             : jack_client_open(options.name.c_str(),
                                static_cast<jack_options_t>(flags | JackServerName),
                                &status,
                                options.server.c_str());
}

jack_client_t* open_client(const ClientOptions& options) {
  jack_set_error_function([](const char*) {});
  jack_set_info_function([](const char*) {});
  jack_status_t status{};
  jack_client_t* client = nullptr;
  for (int turn = 0; options.take_over && client == nullptr && turn < kNameTries; ++turn) {
    client = try_open(options, JackUseExactName, status);
    if (client == nullptr && (status & JackNameNotUnique) == 0) {
      break;
    }
    if (client == nullptr) {
      ::nanosleep(&kNamePause, nullptr);
    }
  }
  if (client == nullptr) {
    client = try_open(options, 0, status);
  }
  if (client == nullptr) {
    throw Error(ErrorCode::Open,
                "cannot open a JACK client '" + options.name + "' on server '" +
                    (options.server.empty() ? "default" : options.server) + "' (status " +
                    std::to_string(static_cast<int>(status)) +
                    "): is it running? ('jack_lsp -s NAME', 'avrig doctor')");
  }
  return client;
}

}  // namespace

OutputClient::OutputClient(const ClientOptions& options)
    : client_(open_client(options)),
      rate_hz_(jack_get_sample_rate(client_.get())),
      period_(jack_get_buffer_size(client_.get())),
      connect_(options.connect),
      restore_(options.restore),
      clock_(1e9 / rate_hz_) {
  for (std::uint32_t channel = 0; channel < options.channels; ++channel) {
    const std::string name = "out_" + std::to_string(channel + 1);
    ports_.push_back(jack_port_register(
        client_.get(), name.c_str(), JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0));
    if (ports_.back() == nullptr) {
      throw Error(ErrorCode::Open,
                  "JACK gives no port '" + name +
                      "': the server's port limit is reached (jackd --port-max)");
    }
  }
  buffers_.resize(ports_.size(), nullptr);
  jack_set_process_callback(client_.get(), &OutputClient::on_process, this);
  jack_set_xrun_callback(client_.get(), &OutputClient::on_xrun, this);
  jack_set_buffer_size_callback(client_.get(), &OutputClient::on_period, this);
  jack_set_freewheel_callback(client_.get(), &OutputClient::on_freewheel, this);
  jack_set_port_connect_callback(client_.get(), &OutputClient::on_wire, this);
  jack_on_shutdown(client_.get(), &OutputClient::on_shutdown, this);
}

// A server that dies says so from a thread of its own, while ours may still be in its last cycle:
// closing waits for that one, before anything goes that it works with, the client's place included.
OutputClient::~OutputClient() {
  if (!lost()) {
    jack_deactivate(client_.get());
  }
  jack_client_close(client_.get());
  (void)client_.release();
}

void OutputClient::activate(std::int64_t newest_frame) {
  if (newest_frame > 0) {
    frames_.go_on_from(newest_frame);
  }
  populate_program();
  if (jack_activate(client_.get()) != 0) {
    throw Error(ErrorCode::Open, "the JACK server does not activate our client");
  }
  if (connect_ != "none" || !restore_.empty()) {
    if (restore_.empty()) {
      connect(connect_);
    } else {
      wire_again();
    }
    // The server works out latencies later, on its own: whoever asks at once would be told none.
    // Asking for one waits for the connections to hold, without which they do not count.
    (void)playback_latency_samples();
    (void)jack_recompute_total_latencies(client_.get());
  }
}

// What a predecessor's outputs were connected to; who has gone meanwhile is passed over.
void OutputClient::wire_again() {
  for (const Connection& one : restore_) {
    if (one.output < ports_.size()) {
      (void)jack_connect(client_.get(), jack_port_name(ports_[one.output]), one.port.c_str());
    }
  }
}

std::vector<Connection> OutputClient::connections() const {
  std::vector<Connection> all;
  for (std::uint32_t output = 0; output < ports_.size(); ++output) {
    const char** names = jack_port_get_all_connections(client_.get(), ports_[output]);
    for (std::size_t at = 0; names != nullptr && names[at] != nullptr; ++at) {
      all.push_back({output, names[at]});
    }
    jack_free(names);
  }
  return all;
}

void OutputClient::on_wire(jack_port_id_t, jack_port_id_t, int, void* self) noexcept {
  static_cast<OutputClient*>(self)->rewired_.store(true);
}

// Port k to the k-th matching input; a mono stream to the first two, as a listener expects.
void OutputClient::connect(const std::string& pattern) {
  const bool automatic = pattern.empty() || pattern == "auto";
  const unsigned long flags = static_cast<unsigned long>(JackPortIsInput) |
                              (automatic ? static_cast<unsigned long>(JackPortIsPhysical) : 0UL);
  const char** found = jack_get_ports(
      client_.get(), automatic ? nullptr : pattern.c_str(), JACK_DEFAULT_AUDIO_TYPE, flags);
  if (found == nullptr) {
    if (automatic) {
      return;
    }
    throw Error(ErrorCode::Open,
                "no JACK input port matches '" + pattern +
                    "' (see 'jack_lsp'; 'connect: none' leaves them open)");
  }
  for (std::size_t target = 0; found[target] != nullptr; ++target) {
    const bool mono = ports_.size() == 1 && target < 2;
    if (target < ports_.size() || mono) {
      (void)jack_connect(client_.get(), jack_port_name(ports_[mono ? 0 : target]), found[target]);
    }
  }
  jack_free(found);
}

void OutputClient::play(clock::OutputRenderer& renderer) noexcept {
  renderer_.store(&renderer, std::memory_order_release);
}

bool OutputClient::report(clock::OutputCycle& report) const noexcept {
  return report_.version() > 0 && report_.load(report);
}

std::int64_t OutputClient::playback_latency_samples() const noexcept {
  jack_latency_range_t range{};
  jack_port_get_latency_range(ports_.front(), JackPlaybackLatency, &range);
  return range.max;
}

int OutputClient::on_process(jack_nframes_t frames, void* self) noexcept {
  static_cast<OutputClient*>(self)->cycle(frames);
  return 0;
}

int OutputClient::on_xrun(void* self) noexcept {
  static_cast<OutputClient*>(self)->xruns_.fetch_add(1, std::memory_order_relaxed);
  return 0;
}

int OutputClient::on_period(jack_nframes_t frames, void* self) noexcept {
  static_cast<OutputClient*>(self)->period_.store(frames, std::memory_order_relaxed);
  return 0;
}

// The server waits for it: no cycle of the other kind comes before it has returned.
void OutputClient::on_freewheel(int starting, void* self) noexcept {
  static_cast<OutputClient*>(self)->freewheel_.store(starting != 0, std::memory_order_release);
}

void OutputClient::on_shutdown(void* self) noexcept {
  static_cast<OutputClient*>(self)->lost_.store(true, std::memory_order_release);
}

// JACK numbers a cycle by adding its own length to the number of the one before: when the period
// changes, its count jumps although no sample was lost. Ours does not.
std::int64_t OutputClient::count_frames(jack_nframes_t frames) noexcept {
  if (counted_period_ != 0 && counted_period_ != frames) {
    renumbered_ += static_cast<std::int64_t>(counted_period_) - static_cast<std::int64_t>(frames);
    clock_.doubt();
  }
  counted_period_ = frames;
  return frames_.unwrap(jack_last_frame_time(client_.get())) + renumbered_;
}

void OutputClient::cycle(jack_nframes_t frames) noexcept {
  const std::int64_t now_ns = monotonic_ns();
  const std::int64_t frame = count_frames(frames);
  const bool freewheel = freewheel_.load(std::memory_order_acquire);
  if (const std::uint64_t xruns = xruns_.load(std::memory_order_relaxed); xruns != xruns_seen_) {
    xruns_seen_ = xruns;
    clock_.doubt();
  }
  if (freewheel) {
    clock_.hold(frame, frames, now_ns);
  } else {
    (void)clock_.update(frame, frames, now_ns);
  }
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    buffers_[port] = static_cast<float*>(jack_port_get_buffer(ports_[port], frames));
  }
  const clock::ClockMap& map = clock_.map();
  const clock::OutputCycle cycle{
      frame, map.to_ns(frame), map.ns_per_unit, map.sigma_ns, map.epoch, freewheel};
  if (clock::OutputRenderer* renderer = renderer_.load(std::memory_order_acquire)) {
    renderer->render(cycle, frames, buffers_.data());
  } else {
    for (float* buffer : buffers_) {
      std::fill_n(buffer, frames, 0.0F);
    }
  }
  report_.store(cycle);
}

}  // namespace avrig::jack
