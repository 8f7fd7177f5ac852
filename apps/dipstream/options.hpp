// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/station.hpp>

#include <string>

namespace avrig::app {

/// What `dipstream` was asked to be.
struct DipstreamOptions {
  dipstream::StationOptions station;
  bool help = false;
};

/// Throws Error(Internal) on a command line that makes no sense.
[[nodiscard]] DipstreamOptions parse_options(int argc, char** argv);
[[nodiscard]] std::string help_text();

}  // namespace avrig::app
