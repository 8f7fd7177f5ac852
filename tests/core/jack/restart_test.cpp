// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../dipstream/desk_rig.hpp"
#include "jack_rig.hpp"
#include <avrig/dipstream/station.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <mutex>

using namespace avrig;
using namespace avrig::jack::test;
using dipstream::test::base64;
using dipstream::test::json;

namespace {

constexpr std::size_t kLength = 960000;  // 20 s, longer than the test
constexpr float kScale = 1.0F / 1048576.0F;

/// `dipstream` as a program has it, somebody who asks it, and nobody in between.
class Rig {
 public:
  explicit Rig(const DummyServer& server) : station_(options(server)) {
    station_.server().with([&](dipstream::Desk& desk) {
      me_ =
          desk.join([this](const std::string& line, int) { heard_.push_back(json::parse(line)); });
    });
    (void)ask({{"do", "subscribe"}, {"events", "all"}});
  }

  [[nodiscard]] bool look() { return station_.look(); }
  [[nodiscard]] const std::string& why() const { return station_.why(); }

  void say(json request, int id) {
    request["id"] = id;
    station_.server().with([&](dipstream::Desk& desk) {
      std::vector<UniqueFd> fds;
      desk.hear(me_, request.dump(), fds);
    });
  }
  [[nodiscard]] json reply_to(int id) {
    return first([&](const json& line) { return line.contains("ok") && line.at("id") == id; });
  }
  [[nodiscard]] json event(const std::string& word, const std::string& state) {
    return first([&](const json& line) {
      return line.value("event", "") == word && line.value("state", "") == state &&
             !line.contains("voice");
    });
  }
  /// What was lost while there was no server. A starved cycle can leave a gap of its own before.
  json gap_of_outage() {
    bool lost = false;
    return first([&lost](const json& line) {
      const std::string word = line.value("event", "");
      lost = lost || (word == "device" && line.value("state", "") == "lost");
      return lost && word == "gap" && line.value("state", "") == "predicted" &&
             line.contains("voice");
    });
  }
  json ask(const json& request) {
    const int id = ++id_;
    say(request, id);
    json reply;
    REQUIRE(eventually([&] {
      (void)look();
      reply = reply_to(id);
      return !reply.is_null();
    }));
    REQUIRE(reply.at("ok") == true);
    return reply;
  }

 private:
  static dipstream::StationOptions options(const DummyServer& server) {
    dipstream::StationOptions made;
    made.server = server.name();
    made.name = "mixer";
    made.connect = "none";
    made.channels = 1;
    return made;
  }

  template <class Fits>
  json first(const Fits& fits) {
    json found;
    station_.server().with([&](dipstream::Desk& desk) {
      desk.turn();
      const auto line = std::find_if(heard_.begin(), heard_.end(), fits);
      found = line == heard_.end() ? json() : *line;
    });
    return found;
  }

  std::vector<json> heard_;
  dipstream::Station station_;
  dipstream::Desk::ClientId me_ = 0;
  int id_ = 1000;
};

/// Where in the ramp the output was at time 0 of the clock, by the median of what was recorded: one
/// cycle may wake us late, not most of them.
double place_at_zero(const Recorder& recorder) {
  std::vector<double> places;
  for (std::size_t index = 4; index < recorder.cycles(); ++index) {
    const Recorder::Cycle& cycle = recorder.cycle(index);
    const float value = recorder.row(0)[cycle.at];
    if (value > 0) {
      places.push_back(static_cast<double>(value / kScale) -
                       static_cast<double>(cycle.woken_ns) * 48000e-9);
    }
  }
  REQUIRE(places.size() > 20);
  std::sort(places.begin(), places.end());
  return places[places.size() / 2];
}

double record_place(const DummyServer& server) {
  Recorder recorder(server.name(), 1, 96000);
  recorder.listen_to("mixer", {1});
  REQUIRE(eventually([&] { return recorder.cycles() > 80; }));
  return place_at_zero(recorder);
}

}  // namespace

TEST_SUITE("core/jack restart") {
  TEST_CASE("a server that dies and comes back: the timeline goes on, and one gap tells of it") {
    bool orderly = false;
    SUBCASE("killed") {
      orderly = false;
    }
    SUBCASE("asked to end") {
      orderly = true;
    }
    DummyServer server;
    Rig rig(server);
    std::vector<float> ramp(kLength);
    for (std::size_t at = 0; at < kLength; ++at) {
      ramp[at] = static_cast<float>(at + 1) * kScale;
    }
    (void)rig.ask({{"do", "add"}, {"data", base64(ramp)}, {"name", "ramp"}, {"channels", {1}}});
    (void)rig.ask({{"do", "start"}, {"voice", "ramp"}});
    const double before = record_place(server);
    const std::int64_t gone_ns = monotonic_ns();
    orderly ? server.stop() : server.kill();
    REQUIRE(eventually([&] {
      CHECK(rig.look());
      return !rig.event("device", "lost").is_null();
    }));
    CHECK(rig.ask({{"do", "info"}}).at("runs") == false);
    rig.say({{"do", "set"}, {"voice", "ramp"}, {"gain_db", 0}}, 7);
    rest(0.3);
    CHECK(rig.reply_to(7).is_null());  // it waits for the device
    server.start({});
    REQUIRE(eventually([&] {
      CHECK(rig.look());
      return !rig.gap_of_outage().is_null();
    }));
    const double down = static_cast<double>(monotonic_ns() - gone_ns) * 48000e-9;
    const double after = record_place(server);
    REQUIRE(eventually([&] { return !rig.reply_to(7).is_null(); }));
    CHECK(rig.reply_to(7).at("ok") == true);
    CHECK(!rig.event("device", "back").is_null());
    const json gap = rig.gap_of_outage();
    std::printf("a gap of %lld samples; the sound is %+.1f samples from where it was\n",
                gap.at("value").get<long long>(),
                after - before);
    CHECK(gap.at("value").get<double>() > 0.3 * 48000);
    CHECK(gap.at("value").get<double>() <= down + 4800);
    // A first cycle that woke us late shifts what follows by as much.
    CHECK(std::abs(after - before) < 480);
  }

  TEST_CASE("a server that comes back at another rate is refused, with both rates") {
    DummyServer server;
    Rig rig(server);
    server.stop();
    REQUIRE(eventually([&] {
      CHECK(rig.look());
      return !rig.event("device", "lost").is_null();
    }));
    server.start({44100, 256});
    REQUIRE(eventually([&] { return !rig.look(); }));
    CAPTURE(rig.why());
    CHECK(rig.why().find("44100") != std::string::npos);
    CHECK(rig.why().find("48000") != std::string::npos);
  }
}
