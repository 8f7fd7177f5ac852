// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "desk_rig.hpp"
#include "keeper.hpp"

#include <optional>
#include <string>
#include <vector>

namespace avrig::dipstream::test {

/// Samples of which each says which one it is.
inline std::vector<float> ramp(int count) {
  std::vector<float> samples;
  for (int at = 0; at < count; ++at) {
    samples.push_back(static_cast<float>(at + 1) / 65536.0F);
  }
  return samples;
}

/// A desk whose process can be killed: what is left is what the shelf holds.
class MortalRig {
 public:
  /// `condense_after`: bytes, as Desk's; 0 = as it stands.
  explicit MortalRig(std::uint64_t condense_after = 0) : condense_after_(condense_after) {
    begin(0);
  }

  /// Killed; its successor's first cycle comes `blocks` blocks later.
  void die(int blocks) {
    const std::int64_t frame = device->frame + blocks * 64;
    device.reset();
    desk.reset();
    host.reset();
    begin(frame);
  }

  Desk::ClientId join() {
    const Desk::ClientId made =
        desk->join([this](const std::string& line, int) { heard.push_back(json::parse(line)); });
    return made;
  }

  void hear(json request) {
    std::vector<UniqueFd> fds;
    desk->hear(client, request.dump(), fds);
  }
  json reply_to(int wanted) const {
    for (const json& line : heard) {
      if (line.contains("ok") && line.at("id") == wanted) {
        return line;
      }
    }
    return {};
  }
  json ask(json request) {
    request["id"] = ++id;
    hear(request);
    run(2);
    const json reply = reply_to(id);
    REQUIRE(!reply.is_null());
    return reply;
  }
  json add(const std::vector<float>& samples, json more = json::object()) {
    more["do"] = "add";
    more["data"] = base64(samples);
    return ask(more);
  }
  void run(int cycles) {
    for (int turn = 0; turn < cycles; ++turn) {
      device->cycle();
      desk->turn();
    }
  }
  /// Reconnect as an experiment does.
  json come_back(const std::string& session, std::uint64_t seen) {
    client = join();
    return ask({{"do", "resume_session"}, {"session", session}, {"seen", seen}});
  }
  int count(const std::string& word, const std::string& state) const {
    int found = 0;
    for (const json& line : heard) {
      found += line.value("event", "") == word && line.value("state", "") == state ? 1 : 0;
    }
    return found;
  }

  Shelf shelf;
  std::optional<MixerHost> host;
  std::optional<Desk> desk;
  std::optional<Device> device;
  Desk::ClientId client = 0;
  std::vector<json> heard;
  int id = 0;

 private:
  std::uint64_t condense_after_;

  void begin(std::int64_t frame) {
    host.emplace(outputs(2), 0);
    desk.emplace(*host, 48000, &shelf);
    if (condense_after_ != 0) {
      desk->condense_after(condense_after_);
    }
    if (!desk->restored()) {
      host->settle();
      desk->turn();
      desk->note_ready();
    }
    device.emplace(*host, 64);
    if (frame != 0) {
      device->frame = frame;
    }
  }
};

}  // namespace avrig::dipstream::test
