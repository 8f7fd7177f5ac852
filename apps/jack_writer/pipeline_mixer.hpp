// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "mixer_terms.hpp"
#include <avrig/dipstream/desk_server.hpp>
#include <avrig/dipstream/mixer_host.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace avrig::jack_writer {

/// The mixer of a `write: jack` stage: the engine's host, its desk, and the socket of both.
///
/// Thread: the stage's
class PipelineMixer {
 public:
  struct Shape {
    std::uint32_t rate_hz = 48000;
    std::uint32_t channels = 2;  ///< of the pipeline's sound
    std::uint32_t outputs = 2;
    std::string bus = "Master";  ///< of the pipeline's sound
  };
  using Complain = std::function<void(const std::string&)>;

  /// Makes the buses and loads the sources. Throws Error: what the desk refuses.
  /// `keeper`: holds what a successor needs; where a predecessor gave something, that is gone on
  /// with: see restored().
  PipelineMixer(const Shape& shape,
                MixerTerms terms,
                Complain complain,
                dipstream::Keeper* keeper = nullptr);

  /// All is as a predecessor had it, and has come to where it was: neither begin() nor go_on().
  [[nodiscard]] bool restored() const noexcept { return desk_.restored(); }

  [[nodiscard]] dipstream::MixerHost& host() noexcept { return host_; }

  /// Serve experiments at this path.
  void open(const std::string& path, std::optional<std::uint16_t> tcp);
  /// Its TCP port; 0: none.
  [[nodiscard]] std::uint16_t tcp_port() const noexcept {
    return server_ ? server_->tcp_port() : std::uint16_t{0};
  }
  /// Begin the pipeline's voice; nothing renders yet.
  void begin();
  /// The same as the successor of a mixer that had come to device frame `reached`, with the
  /// stream's first sample at device frame `anchor`: cues that began before then go on where they
  /// would be by now.
  void go_on(std::int64_t anchor, std::int64_t reached);
  /// Time 0 of the cues lies at `sample`. Those that a predecessor sent are not sent again.
  void send_cues(std::int64_t sample);
  /// Tell the desk the output's latency, and deal with what is due. Never waits for the desk: the
  /// stage's thread has sound to feed.
  void turn(std::int64_t latency);
  /// Of the pipeline's voice, with the next turn(); mute is the same as -80 dB, and remembers.
  void set_gain(double db);
  void set_mute(bool mute);
  /// What a predecessor had set: it is in force already.
  void know_gain(double db, bool mute) noexcept {
    gain_db_ = db;
    mute_ = mute;
  }
  /// Calibrated: added to all times at the output, with the next turn().
  void set_bias(std::int64_t ns) noexcept { bias_ns_ = ns; }
  /// Largest magnitude on any output so far.
  [[nodiscard]] float peak() const noexcept;

 private:
  void with(const std::function<void(dipstream::Desk&)>& act);
  void ask(dipstream::Desk& desk, const nlohmann::json& request);
  void insist(nlohmann::json request);
  void show_gain(dipstream::Desk& desk);

  MixerTerms terms_;
  Complain complain_;
  dipstream::MixerHost host_;
  dipstream::Desk desk_;
  dipstream::Desk::ClientId client_ = 0;
  std::string bus_;
  dipstream::Keeper* keeper_;
  std::string refused_;
  std::int64_t bias_ns_ = 0;
  double gain_db_ = 0;
  bool mute_ = false;
  bool gain_due_ = false;
  bool told_end_ = false;  // of the log
  std::unique_ptr<dipstream::DeskServer> server_;
};

}  // namespace avrig::jack_writer
