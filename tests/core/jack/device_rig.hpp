// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "../dipstream/desk_rig.hpp"
#include "jack_rig.hpp"
#include <avrig/dipstream/desk.hpp>
#include <avrig/jack/output_client.hpp>

#include <ctime>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace avrig::jack::test {

using nlohmann::json;

inline mixer::EngineConfig with_outputs(std::uint32_t outputs) {
  mixer::EngineConfig config;
  config.outputs = outputs;
  config.buses = mixer::kMaxBuses;
  config.voices = 1024;
  return config;
}

/// 1, 2, 3, ... as samples that are exact, and never silence.
inline std::vector<float> ramp(std::size_t length) {
  std::vector<float> data(length);
  for (std::size_t at = 0; at < length; ++at) {
    data[at] = static_cast<float>(at + 1) / 1048576.0F;
  }
  return data;
}

/// A mixer on a server of its own, somebody who asks it, and somebody who listens.
class DeviceRig {
 public:
  explicit DeviceRig(std::uint32_t outputs = 2,
                     const ServerOptions& options = {},
                     std::size_t room = std::size_t{1} << 20)
      : server(options),
        host(with_outputs(outputs), 0),
        desk(host, options.rate_hz),
        recorder(server.name(), outputs, room),
        client({server.name(), "mixer", outputs, "none"}) {
    host.settle();
    client.play(host);
    client.activate(0);
    std::vector<unsigned> all;
    for (unsigned output = 1; output <= outputs; ++output) {
      all.push_back(output);
    }
    recorder.listen_to("mixer", all);
    set_latency(0);
    me = desk.join([this](const std::string& line, int) { heard.push_back(json::parse(line)); });
    REQUIRE(eventually([&] { return clock().cycles > 4; }));
    (void)ask({{"do", "subscribe"}, {"events", "all"}});
  }

  void set_latency(std::uint32_t samples) {
    recorder.set_latency(samples);
    REQUIRE(eventually([&] { return client.playback_latency_samples() == samples; }));
    desk.set_latency(samples);
  }

  void turn() { desk.turn(); }
  /// Let time pass, with an eye on what the mixer says.
  void run(double seconds) {
    const std::int64_t until = monotonic_ns() + static_cast<std::int64_t>(seconds * 1e9);
    while (monotonic_ns() < until) {
      turn();
      const timespec pause{0, 500'000};
      ::nanosleep(&pause, nullptr);
    }
  }
  template <class Condition>
  [[nodiscard]] bool until_true(const Condition& condition) {
    return eventually([&] {
      turn();
      return condition();
    });
  }

  /// The reply to a request; an error is one that the caller looks at.
  json ask(json request) {
    request["id"] = ++id_;
    std::vector<UniqueFd> fds;
    json reply;
    desk.hear(me, request.dump(), fds);
    REQUIRE(until_true([&] {
      for (const json& line : heard) {
        if (line.contains("ok") && line.at("id") == id_) {
          reply = line;
          return true;
        }
      }
      return false;
    }));
    return reply;
  }
  json good(const json& request) {
    json reply = ask(request);
    CAPTURE(reply.dump());
    REQUIRE(reply.at("ok") == true);
    return reply;
  }
  /// A voice over these samples; its number.
  std::uint64_t add(const std::vector<float>& data, json more = json::object()) {
    more["do"] = "add";
    more["data"] = dipstream::test::base64(data);
    return good(more).at("voice").get<std::uint64_t>();
  }
  /// A little ahead of what is rendered: time enough to ask for it.
  [[nodiscard]] std::int64_t soon() const { return host.engine().position() + 9600; }

  [[nodiscard]] dipstream::OutputClock clock() const {
    dipstream::OutputClock clock;
    (void)host.clock(clock);
    return clock;
  }
  /// The device's frame of the mixer's sample 0.
  [[nodiscard]] std::int64_t base() const {
    const dipstream::OutputClock now = clock();
    return now.frame - now.sample;
  }
  /// What was played at that sample; waits for it.
  float played(std::size_t output, std::int64_t sample) {
    const std::int64_t frame = base() + sample;
    (void)until_true([&] {
      const std::size_t cycles = recorder.cycles();
      return cycles > 0 && recorder.cycle(cycles - 1).frame > frame;
    });
    return recorder.at_frame(output, frame);
  }
  /// The first event of that word for that voice (0: any) and play; null where there is none.
  [[nodiscard]] json event(const std::string& word,
                           std::uint64_t voice,
                           const std::string& state = "predicted",
                           std::int64_t play = 0) const {
    for (const json& line : heard) {
      if (line.value("event", "") == word && line.value("state", "") == state &&
          (voice == 0 || line.value("voice", std::uint64_t{0}) == voice) &&
          (play == 0 || line.value("play", std::int64_t{0}) == play)) {
        return line;
      }
    }
    return {};
  }
  json wait_for(const std::string& word,
                std::uint64_t voice,
                const std::string& state = "predicted") {
    (void)until_true([&] { return !event(word, voice, state).is_null(); });
    const json found = event(word, voice, state);
    CAPTURE(word);
    REQUIRE(!found.is_null());
    return found;
  }

  DummyServer server;
  dipstream::MixerHost host;
  dipstream::Desk desk;
  Recorder recorder;
  OutputClient client;
  dipstream::Desk::ClientId me = 0;
  std::vector<json> heard;

 private:
  int id_ = 0;
};

}  // namespace avrig::jack::test
