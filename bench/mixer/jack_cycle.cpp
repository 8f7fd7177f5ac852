// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// How steadily a JACK server calls its client: the engine with 64 voices as avrig's client renders
// it, or a trivial client that scales its outputs. And how fast the same client goes in freewheel.
//
//     jack_cycle SERVER trivial|avrig SECONDS [freewheel]

#include "rigs.hpp"
#include <avrig/jack/output_client.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <time.h>

#include <jack/jack.h>

using namespace avrig;

namespace {

constexpr std::uint32_t kVoices = 64;
constexpr std::uint32_t kMostCycles = 1'000'000;

std::int64_t raw_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// When each callback began. Written by the callback alone, read when it is over.
struct Stamps {
  std::vector<std::int64_t> at = std::vector<std::int64_t>(kMostCycles);
  std::atomic<std::uint32_t> count{0};

  void take() noexcept {
    const std::uint32_t n = count.load(std::memory_order_relaxed);
    if (n < kMostCycles) {
      at[n] = raw_ns();
      count.store(n + 1, std::memory_order_release);
    }
  }
};

class Voices final : public clock::OutputRenderer {
 public:
  Voices() : memory_(kVoices), engine_(bench::make_engine(memory_, {.voices = kVoices})) {}
  void render(const clock::OutputCycle& /*cycle*/,
              std::uint32_t samples,
              float* const* outputs) noexcept override {
    stamps.take();
    engine_->render(outputs, samples);
  }
  Stamps stamps;

 private:
  bench::Memory memory_;
  std::unique_ptr<mixer::Engine> engine_;
};

struct Trivial {
  jack_client_t* client = nullptr;
  jack_port_t* ports[2] = {};
  Stamps stamps;

  static int cycle(jack_nframes_t frames, void* self) noexcept {
    auto& me = *static_cast<Trivial*>(self);
    me.stamps.take();
    for (jack_port_t* port : me.ports) {
      auto* x = static_cast<float*>(jack_port_get_buffer(port, frames));
      for (jack_nframes_t i = 0; i < frames; ++i) {
        x[i] = 0.25F * x[i] + 1e-3F;
      }
    }
    return 0;
  }
};

jack_client_t* open(const char* server, const char* name) {
  jack_client_t* client = jack_client_open(
      name, static_cast<jack_options_t>(JackNoStartServer | JackServerName), nullptr, server);
  if (client == nullptr) {
    throw std::runtime_error("no JACK server answers");
  }
  return client;
}

void wait(double seconds) {
  const timespec length{static_cast<time_t>(seconds),
                        static_cast<long>((seconds - std::floor(seconds)) * 1e9)};
  ::nanosleep(&length, nullptr);
}

// How far the time from callback to callback is from a period.
void report_jitter(const Stamps& stamps, const char* label, double period_ns) {
  const std::uint32_t n = stamps.count.load(std::memory_order_acquire);
  std::vector<double> jitter;
  int late = 0;
  for (std::uint32_t i = 64; i + 1 < n; ++i) {
    const auto gap = static_cast<double>(stamps.at[i + 1] - stamps.at[i]);
    jitter.push_back(std::abs(gap - period_ns) * 1e-3);
    late += gap > 1.5 * period_ns ? 1 : 0;
  }
  if (jitter.size() < 100) {
    throw std::runtime_error("the server hardly called its client");
  }
  std::sort(jitter.begin(), jitter.end());
  const auto at = [&jitter](double part) {
    return jitter[static_cast<std::size_t>(part * static_cast<double>(jitter.size() - 1))];
  };
  std::printf(
      "{\"question\": \"jack\", \"label\": \"%s\", \"p50_us\": %.3f, \"p90_us\": %.3f, "
      "\"p99_us\": %.3f, \"late\": %d}\n",
      label,
      at(0.5),
      at(0.9),
      at(0.99),
      late);
}

// Wall time of a cycle while the server goes as fast as its clients do.
void report_freewheel(const char* server, const Stamps& stamps, double seconds) {
  jack_client_t* other = open(server, "wheel");
  jack_set_freewheel(other, 1);
  wait(0.3);
  const std::uint32_t first = stamps.count.load(std::memory_order_acquire);
  const std::int64_t begin = raw_ns();
  wait(seconds);
  const std::uint32_t cycles = stamps.count.load(std::memory_order_acquire) - first;
  const std::int64_t end = raw_ns();
  jack_set_freewheel(other, 0);
  jack_client_close(other);
  if (cycles > 0) {
    bench::tell("offline", "JACK in freewheel", "ns", static_cast<double>(end - begin) / cycles);
  }
}

void run_avrig(const char* server, double seconds, bool freewheel) {
  Voices voices;
  jack::OutputClient client({server, "avrig-voices", 2, "auto"});
  client.activate(0);
  client.play(voices);
  if (freewheel) {
    report_freewheel(server, voices.stamps, seconds);
    return;
  }
  wait(seconds);
  report_jitter(voices.stamps, "avrig, 64 voices", client.period() * 1e9 / client.rate_hz());
}

void run_trivial(const char* server, double seconds) {
  Trivial trivial;
  trivial.client = open(server, "trivial");
  for (int p = 0; p < 2; ++p) {
    const char* names[] = {"out_1", "out_2"};
    trivial.ports[p] =
        jack_port_register(trivial.client, names[p], JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
  }
  jack_set_process_callback(trivial.client, Trivial::cycle, &trivial);
  jack_activate(trivial.client);
  for (int p = 0; p < 2; ++p) {
    const std::string to = "system:playback_" + std::to_string(p + 1);
    jack_connect(trivial.client, jack_port_name(trivial.ports[p]), to.c_str());
  }
  wait(seconds);
  const double period_ns =
      jack_get_buffer_size(trivial.client) * 1e9 / jack_get_sample_rate(trivial.client);
  jack_client_close(trivial.client);
  report_jitter(trivial.stamps, "trivial client", period_ns);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: jack_cycle SERVER trivial|avrig SECONDS [freewheel]\n");
    return 2;
  }
  try {
    const double seconds = std::atof(argv[3]);
    if (std::strcmp(argv[2], "trivial") == 0) {
      run_trivial(argv[1], seconds);
    } else {
      run_avrig(argv[1], seconds, argc > 4);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "jack_cycle: %s\n", error.what());
    return 1;
  }
  return 0;
}
