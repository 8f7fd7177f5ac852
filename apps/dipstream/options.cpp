// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "options.hpp"

#include <avrig/error.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace avrig::app {
namespace {

std::uint32_t number(const std::string& name, const std::string& text, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size() || value > most) {
    throw Error(
        ErrorCode::Internal,
        name + " needs a whole number up to " + std::to_string(most) + ", not '" + text + "'");
  }
  return value;
}

double seconds(const std::string& name, const std::string& text) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size() || !(std::abs(value) <= 10)) {
    throw Error(ErrorCode::Internal, name + " needs seconds, -10 to 10, not '" + text + "'");
  }
  return value;
}

mixer::ClipPolicy policy(const std::string& text) {
  constexpr std::array kNames{"pass", "clamp", "limit", "fault"};
  for (std::size_t index = 0; index < kNames.size(); ++index) {
    if (text == kNames[index]) {
      return static_cast<mixer::ClipPolicy>(index);
    }
  }
  throw Error(ErrorCode::Internal, "--clip is one of pass, clamp, limit, fault");
}

}  // namespace

std::string help_text() {
  return "usage: dipstream [OPTION...]\n\n"
         "DipStream, the sample-exact mixer, as a JACK client of its own. It prints one line of\n"
         "JSON when it is ready, which names its socket, and ends when its standard input does.\n\n"
         "  --channels N     outputs (2)\n"
         "  --device D       jack (default), or null: real time without any device\n"
         "  --server NAME    JACK server (the default one)\n"
         "  --name NAME      JACK client name (dipstream)\n"
         "  --connect WHAT   auto, none, or a pattern of input port names (auto)\n"
         "  --samplerate HZ  refuse a JACK server of another rate; null: the rate (48000)\n"
         "  --blocksize N    refuse a JACK server of another period; null: the period (256)\n"
         "  --clip POLICY    pass (default), clamp, limit, fault\n"
         "  --limiter N      look-ahead of the limiter in samples\n"
         "  --bias SECONDS   delay behind the server's account, added to all times at the output\n"
         "  --socket PATH    where to listen\n"
         "  --tcp PORT       listen on 127.0.0.1 too (0: any port)\n";
}

DipstreamOptions parse_options(int argc, char** argv) {
  DipstreamOptions options;
  for (int index = 1; index < argc; ++index) {
    const std::string name = argv[index];
    if (name == "--help" || name == "-h") {
      options.help = true;
      return options;
    }
    if (index + 1 >= argc) {
      throw Error(ErrorCode::Internal, "unknown option or missing value: '" + name + "' (--help)");
    }
    const std::string value = argv[++index];
    if (name == "--device" && (value == "jack" || value == "null")) {
      options.station.device = value;
    } else if (name == "--server") {
      options.station.server = value;
    } else if (name == "--name") {
      options.station.name = value;
    } else if (name == "--connect") {
      options.station.connect = value;
    } else if (name == "--socket") {
      options.station.socket = value;
    } else if (name == "--channels") {
      options.station.channels = number(name, value, mixer::kMaxOutputs);
    } else if (name == "--samplerate") {
      options.station.rate_hz = number(name, value, 768000);
    } else if (name == "--blocksize") {
      options.station.period = number(name, value, 65536);
    } else if (name == "--clip") {
      options.station.clip = policy(value);
    } else if (name == "--tcp") {
      options.station.tcp = dipstream::parse_tcp(value);
    } else if (name == "--bias") {
      options.station.bias_s = seconds(name, value);
    } else if (name == "--limiter") {
      options.station.limiter = number(name, value, 1 << 16);
    } else {
      throw Error(ErrorCode::Internal,
                  "unknown option '" + name + " " + value + "' ('dipstream --help' lists them)");
    }
  }
  return options;
}

}  // namespace avrig::app
