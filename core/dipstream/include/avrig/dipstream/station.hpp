// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/desk_server.hpp>
#include <avrig/dipstream/null_device.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace avrig::jack {
class OutputClient;
}

namespace avrig::dipstream {

/// What a mixer without a pipeline shall be.
struct StationOptions {
  std::string device = "jack";  ///< jack, null
  std::string server;           ///< JACK's; empty: the default one
  std::string name = "dipstream";
  std::string connect = "auto";  ///< auto, none, or a pattern of input port names
  std::string socket;            ///< empty: one of its own in the control folder
  std::uint32_t channels = 2;
  std::uint32_t rate_hz = 0;  ///< 0: the device's; JACK's must be this one
  std::uint32_t period = 0;   ///< the same
  mixer::ClipPolicy clip = mixer::ClipPolicy::Pass;
  std::uint32_t limiter = 0;           ///< look-ahead in samples
  std::optional<std::uint16_t> tcp{};  ///< listen on loopback too; 0: any port
  double bias_s = 0;                   ///< calibrated, added to times at the output
};

/// A mixer of its own: engine, desk, socket, and a JACK client or no device at all.
///
/// Thread: control
class Station {
 public:
  /// Runs when it returns. Throws Error(Open): no server, or one of another rate or period.
  explicit Station(const StationOptions& options);
  ~Station();
  Station(const Station&) = delete;
  Station& operator=(const Station&) = delete;

  [[nodiscard]] DeskServer& server() noexcept { return *server_; }
  [[nodiscard]] const std::string& path() const noexcept { return server_->path(); }
  [[nodiscard]] std::uint32_t rate_hz() const noexcept { return rate_hz_; }
  [[nodiscard]] std::uint32_t period() const noexcept { return period_; }

  /// Every few dozen milliseconds: tells the desk the output's latency. When the JACK server goes
  /// away, this waits for it to come back; the timeline goes on, what passed meanwhile is a gap,
  /// and commands wait. False: it came back as one that we cannot go on with; why() says why.
  [[nodiscard]] bool look();
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

 private:
  void open_client(const StationOptions& options);
  void await_first_cycle() const;
  [[nodiscard]] bool reopen();
  void lose_client();
  void tell_device(bool runs);
  void await_latency(bool connected);

  StationOptions options_;
  std::string why_;
  std::int64_t retry_ns_ = 0;
  std::uint32_t rate_hz_ = 48000;
  std::uint32_t period_ = 256;
  // What renders the host goes before it, what serves the desk before both.
  std::unique_ptr<MixerHost> host_;
  std::unique_ptr<Desk> desk_;
  std::unique_ptr<jack::OutputClient> client_;
  std::unique_ptr<NullDevice> device_;
  std::unique_ptr<DeskServer> server_;
};

}  // namespace avrig::dipstream
