// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "../../support/patience.hpp"
#include <avrig/monotonic.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include <jack/jack.h>

namespace avrig::jack::test {

/// How a server of our own runs.
struct ServerOptions {
  std::uint32_t rate_hz = 48000;
  std::uint32_t period = 256;
};

/// A jackd on the dummy driver, under a name that no other server has.
class DummyServer {
 public:
  /// Ends the test program as skipped where there is no jackd.
  explicit DummyServer(const ServerOptions& options = {});
  ~DummyServer();
  DummyServer(const DummyServer&) = delete;
  DummyServer& operator=(const DummyServer&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool answers() const;

  /// The driver stands still, and goes on.
  void freeze() const;
  void thaw() const;
  /// Away, without a word to its clients, or in an orderly way; and there again under its name.
  void kill();
  void stop();
  void start(const ServerOptions& options);

 private:
  void end(int signal);

  std::string name_;
  pid_t pid_ = -1;
};

/// Look again and again, for as long as that may take. True: it came true.
template <class Condition>
[[nodiscard]] bool eventually(const Condition& condition,
                              std::int64_t ns = 2 * avrig::test::kPatienceNs) {
  const std::int64_t until = monotonic_ns() + ns;
  while (!condition()) {
    if (monotonic_ns() > until) {
      return condition();
    }
    const timespec pause{0, 500'000};
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

/// Let so much of the device's time pass.
void rest(double seconds);

/// A second client in the same graph, that keeps what it is given: JACK shows it the very samples,
/// in the cycle in which they were played.
class Recorder {
 public:
  struct Cycle {
    std::int64_t frame;
    std::uint32_t samples;
    std::size_t at;  ///< of its first sample, in row()
    std::int64_t woken_ns;
  };

  Recorder(const std::string& server, std::uint32_t channels, std::size_t room);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Listen to those outputs of that client: its `out_K` for each number here (from 1).
  void listen_to(const std::string& client, const std::vector<unsigned>& outputs);
  /// So far from a sample's time to the moment it is heard, as our inputs tell the graph.
  void set_latency(std::uint32_t samples);
  /// The whole graph as fast as it can, or at its pace.
  void freewheel(bool on);
  void set_period(std::uint32_t samples);

  [[nodiscard]] std::size_t cycles() const { return cycles_used_.load(std::memory_order_acquire); }
  [[nodiscard]] const Cycle& cycle(std::size_t index) const { return cycles_[index]; }
  [[nodiscard]] const std::vector<float>& row(std::size_t channel) const { return rows_[channel]; }
  /// Samples kept so far.
  [[nodiscard]] std::size_t samples() const { return used_.load(std::memory_order_acquire); }
  /// The sample that was played at that frame; -9 where none was.
  [[nodiscard]] float at_frame(std::size_t channel, std::int64_t frame) const;
  /// The frame of the first sample from `from` on that is not silent; -1 = none.
  [[nodiscard]] std::int64_t first_sound(std::size_t channel, std::int64_t from = 0) const;
  /// Frames that were skipped between cycles.
  [[nodiscard]] std::int64_t skipped() const;
  [[nodiscard]] std::uint64_t xruns() const { return xruns_.load(); }
  /// Forget what was kept.
  void clear();

 private:
  void take(jack_nframes_t frames) noexcept;

  jack_client_t* client_;
  std::vector<jack_port_t*> ports_;
  std::vector<std::vector<float>> rows_;
  std::vector<Cycle> cycles_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::size_t> cycles_used_{0};
  std::atomic<std::uint64_t> xruns_{0};
  std::atomic<std::uint32_t> latency_{0};
  std::atomic<bool> clearing_{false};
  jack_nframes_t period_ = 0;
  std::int64_t renumbered_ = 0;
};

}  // namespace avrig::jack::test
