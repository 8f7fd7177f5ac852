// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/clock/cycle_clock.hpp>
#include <avrig/clock/frame_counter.hpp>
#include <avrig/clock/output_cycle.hpp>
#include <avrig/shm/two_copy.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <jack/jack.h>

namespace avrig::jack {

/// One of our outputs, counted from 0, and the input port that it plays into.
struct Connection {
  std::uint32_t output = 0;
  std::string port;
};

/// Where the client goes.
struct ClientOptions {
  std::string server;  ///< empty = the default server
  std::string name;    ///< client name wanted; the server may change it
  std::uint32_t channels = 2;
  std::string connect;  ///< "auto" = the physical outputs, "none", or a pattern of port names
  /// The name may still be that of a predecessor that was killed: wait for it.
  bool take_over = false;
  /// Connections of a predecessor; where there are any, they are made instead of `connect`.
  std::vector<Connection> restore{};
};

/// One JACK client that plays what a renderer gives it.
///
/// Its times are CLOCK_MONOTONIC, from a CycleClock of its own: JACK's mapping counts
/// CLOCK_MONOTONIC_RAW and is wrong for seconds after a driver's xrun.
///
/// Thread: control, but for the callback, which allocates, locks, logs and throws nothing
class OutputClient {
 public:
  /// Throws Error(Open) when no server answers or it refuses.
  explicit OutputClient(const ClientOptions& options);
  ~OutputClient();
  OutputClient(const OutputClient&) = delete;
  OutputClient& operator=(const OutputClient&) = delete;

  [[nodiscard]] std::uint32_t rate_hz() const noexcept { return rate_hz_; }
  /// It follows the server's, which may change while we run.
  [[nodiscard]] std::uint32_t period() const noexcept { return period_.load(); }
  [[nodiscard]] std::uint32_t outputs() const noexcept {
    return static_cast<std::uint32_t>(ports_.size());
  }

  /// Begin cycling. `newest_frame`: an unwrapped frame known from before (0 = none), so that
  /// counting goes on across our own death.
  void activate(std::int64_t newest_frame);
  /// Play from now on what `renderer` gives; silence before. It outlives this client.
  void play(clock::OutputRenderer& renderer) noexcept;

  /// False until the first cycle.
  [[nodiscard]] bool report(clock::OutputCycle& report) const noexcept;
  /// Where our outputs go now, whoever connected them.
  [[nodiscard]] std::vector<Connection> connections() const;
  /// Did that change since the last call?
  [[nodiscard]] bool connections_changed() noexcept { return rewired_.exchange(false); }
  /// The server went away.
  [[nodiscard]] bool lost() const noexcept { return lost_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t xruns() const noexcept { return xruns_.load(); }
  /// From a frame's time to the moment it is heard, by the server's account of our ports.
  [[nodiscard]] std::int64_t playback_latency_samples() const noexcept;

 private:
  static int on_process(jack_nframes_t frames, void* self) noexcept;
  static int on_xrun(void* self) noexcept;
  static int on_period(jack_nframes_t frames, void* self) noexcept;
  static void on_freewheel(int starting, void* self) noexcept;
  static void on_shutdown(void* self) noexcept;
  void cycle(jack_nframes_t frames) noexcept;
  [[nodiscard]] std::int64_t count_frames(jack_nframes_t frames) noexcept;
  static void on_wire(jack_port_id_t, jack_port_id_t, int, void* self) noexcept;
  void connect(const std::string& pattern);
  void wire_again();

  struct Close {
    void operator()(jack_client_t* client) const noexcept { jack_client_close(client); }
  };
  std::unique_ptr<jack_client_t, Close> client_;
  std::vector<jack_port_t*> ports_;
  std::vector<float*> buffers_;
  std::uint32_t rate_hz_ = 0;
  std::atomic<std::uint32_t> period_{0};
  std::string connect_;
  std::vector<Connection> restore_;
  std::atomic<bool> rewired_{true};
  clock::FrameCounter frames_;
  jack_nframes_t counted_period_ = 0;
  std::int64_t renumbered_ = 0;
  clock::CycleClock clock_;
  std::atomic<clock::OutputRenderer*> renderer_{nullptr};
  shm::TwoCopy<clock::OutputCycle> report_{};
  std::atomic<bool> lost_{false};
  std::atomic<std::uint64_t> xruns_{0};
  std::uint64_t xruns_seen_ = 0;  // by the callback
  std::atomic<bool> freewheel_{false};
};

}  // namespace avrig::jack
