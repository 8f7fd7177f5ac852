// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "sample_fifo.hpp"
#include <avrig/clock/cycle_clock.hpp>
#include <avrig/shm/two_copy.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <jack/jack.h>

namespace avrig::jack_writer {

/// Where the client goes.
struct ClientOptions {
  std::string server;  ///< empty = the default server
  std::string name;    ///< client name wanted; the server may change it
  std::uint32_t channels = 2;
  std::string connect;  ///< "auto" = the physical outputs, "none", or a pattern of port names
};

/// What the callback knows about its newest cycle.
struct CycleReport {
  std::int64_t frame;    ///< unwrapped device frame at which the cycle begins
  std::int64_t time_ns;  ///< CLOCK_MONOTONIC of that frame, by our own clock
  double ns_per_sample;
  std::int64_t sigma_ns;
  std::uint64_t epoch;
  std::uint64_t underrun_samples;
};

/// One JACK client that plays a SampleFifo.
///
/// Its times are CLOCK_MONOTONIC, from a CycleClock of its own: JACK's mapping counts
/// CLOCK_MONOTONIC_RAW and is wrong for seconds after a driver's xrun.
///
/// Thread: control, but for the callback, which allocates, locks, logs and throws nothing
class JackClient {
 public:
  /// Throws Error(Open) when no server answers or it refuses.
  explicit JackClient(const ClientOptions& options);
  ~JackClient();
  JackClient(const JackClient&) = delete;
  JackClient& operator=(const JackClient&) = delete;

  [[nodiscard]] std::uint32_t rate_hz() const noexcept { return rate_hz_; }
  [[nodiscard]] std::uint32_t period() const noexcept { return period_; }

  /// Begin cycling. `newest_frame`: an unwrapped frame known from before (0 = none), so that
  /// counting goes on across our own death.
  void activate(std::int64_t newest_frame);
  /// Play from now on: position 0 of `fifo` at device frame `anchor`. Once.
  void play(SampleFifo& fifo, std::int64_t anchor) noexcept;

  /// False until the first cycle.
  [[nodiscard]] bool report(CycleReport& report) const noexcept;
  /// The server went away.
  [[nodiscard]] bool lost() const noexcept { return lost_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t xruns() const noexcept { return xruns_.load(); }
  /// From a frame's time to the moment it is heard, by the server's account of our ports.
  [[nodiscard]] std::int64_t playback_latency_samples() const noexcept;

 private:
  static int on_process(jack_nframes_t frames, void* self) noexcept;
  static int on_xrun(void* self) noexcept;
  static void on_shutdown(void* self) noexcept;
  void cycle(jack_nframes_t frames) noexcept;
  void connect(const std::string& pattern);

  struct Close {
    void operator()(jack_client_t* client) const noexcept { jack_client_close(client); }
  };
  std::unique_ptr<jack_client_t, Close> client_;
  std::vector<jack_port_t*> ports_;
  std::vector<float*> buffers_;
  std::uint32_t rate_hz_ = 0;
  std::uint32_t period_ = 0;
  std::string connect_;
  std::int64_t newest_frame_ = 0;
  bool known_frame_ = false;
  clock::CycleClock clock_;
  std::atomic<SampleFifo*> fifo_{nullptr};
  std::int64_t anchor_ = 0;
  std::uint64_t underrun_samples_ = 0;
  shm::TwoCopy<CycleReport> report_{};
  std::atomic<bool> lost_{false};
  std::atomic<std::uint64_t> xruns_{0};
};

}  // namespace avrig::jack_writer
