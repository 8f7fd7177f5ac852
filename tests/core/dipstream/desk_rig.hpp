// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "host_rig.hpp"
#include <avrig/dipstream/desk.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace avrig::dipstream::test {

using nlohmann::json;

/// Bytes as base64.
inline std::string base64(const void* data, std::size_t size) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::string text;
  for (std::size_t at = 0; at < size; at += 3) {
    const unsigned b0 = bytes[at];
    const unsigned b1 = at + 1 < size ? bytes[at + 1] : 0U;
    const unsigned b2 = at + 2 < size ? bytes[at + 2] : 0U;
    const unsigned bits = b0 << 16 | b1 << 8 | b2;
    text += kDigits[bits >> 18 & 63];
    text += kDigits[bits >> 12 & 63];
    text += at + 1 < size ? kDigits[bits >> 6 & 63] : '=';
    text += at + 2 < size ? kDigits[bits & 63] : '=';
  }
  return text;
}
inline std::string base64(const std::vector<float>& samples) {
  return base64(samples.data(), samples.size() * sizeof(float));
}

/// A desk on a device of our own making, and one client of it.
class DeskRig {
 public:
  explicit DeskRig(std::uint32_t channels = 2, std::uint32_t live = 0)
      : host(outputs(channels), live), desk(host, 48000), device(host, 64) {
    client =
        desk.join([this](const std::string& line, int) { heard.push_back(json::parse(line)); });
    device.cycle();
  }

  /// The reply to a request, after as many cycles as it takes.
  json ask(json request) {
    request["id"] = ++id;
    std::vector<UniqueFd> fds;
    desk.hear(client, request.dump(), fds);
    return reply_to(id);
  }
  json reply_to(const json& wanted) {
    for (int turn = 0; turn < 8; ++turn) {
      for (const json& line : heard) {
        if (line.contains("ok") && line.at("id") == wanted) {
          return line;
        }
      }
      run(1);
    }
    FAIL("no reply");
    return {};
  }
  json add(const std::vector<float>& samples, json more = json::object()) {
    more["do"] = "add";
    more["data"] = base64(samples);
    return ask(more);
  }
  void run(int cycles) {
    for (int turn = 0; turn < cycles; ++turn) {
      device.cycle();
      desk.turn();
    }
  }
  json event(const std::string& word, const std::string& state = "predicted") const {
    for (const json& line : heard) {
      if (line.value("event", "") == word && line.value("state", "") == state) {
        return line;
      }
    }
    return {};
  }

  MixerHost host;
  Desk desk;
  Device device;
  Desk::ClientId client = 0;
  std::vector<json> heard;
  int id = 0;
};

}  // namespace avrig::dipstream::test
