// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>

#include <cstdint>
#include <string>

namespace avrig::app {

/// What `dipstream` was asked to be.
struct DipstreamOptions {
  std::string device = "jack";  ///< jack, null
  std::string server;
  std::string name = "dipstream";
  std::string connect = "auto";
  std::string socket;
  std::uint32_t channels = 2;
  std::uint32_t rate_hz = 0;  ///< 0 = the device's; JACK's must be this one
  std::uint32_t period = 0;   ///< the same
  mixer::ClipPolicy clip = mixer::ClipPolicy::Pass;
  std::uint32_t limiter = 0;  ///< look-ahead in samples
  double bias_s = 0;          ///< calibrated, added to times at the output
  bool help = false;
};

/// Throws Error(Internal) on a command line that makes no sense.
[[nodiscard]] DipstreamOptions parse_options(int argc, char** argv);
[[nodiscard]] std::string help_text();

}  // namespace avrig::app
