// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mortal_rig.hpp"

#include <random>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;

// Streams that are fed through requests, through the deaths of a writer.

namespace {

json open_stream(MortalRig& rig, const json& more) {
  json request = {{"do", "open_stream"}, {"on_gap", "keep_content"}, {"buffer_seconds", 0.02}};
  request.update(more);
  return rig.ask(request).at("voice");
}

}  // namespace

TEST_SUITE("core/dipstream stream survival") {
  TEST_CASE("what was fed and not answered is said again with its place, and heard once") {
    std::uint64_t condense_after = 0;
    SUBCASE("by a successor that goes through the logs") {}
    SUBCASE("by one that begins with a state") {
      condense_after = 1;
    }
    MortalRig rig(condense_after);
    rig.client = rig.join();
    const std::string session = rig.ask({{"do", "session"}}).at("session");
    const json voice = open_stream(rig, {{"data_channels", 2}, {"channels", {1, 2}}});
    (void)rig.ask({{"do", "start"}, {"voice", voice}});
    // Left and right differ; what is not there yet, and a hole, is silent.
    std::vector<float> sound;
    for (int at = 0; at < 30000; ++at) {
      sound.push_back(static_cast<float>(at + 1) / 65536.0F);
    }
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(sound.data());
    const std::size_t all = sound.size() * sizeof(float);
    std::mt19937 random(3);
    std::vector<float> heard[2];
    const auto keep_heard = [&] {
      for (std::size_t side = 0; side < 2; ++side) {
        for (const float x : rig.device->row(side)) {
          if (x != 0.0F) {
            heard[side].push_back(x);
          }
        }
      }
    };
    int deaths = 0;
    int id = 1'000'000;
    for (std::size_t fed = 0; fed < all;) {
      // Chunks of whole numbers that end anywhere, also inside a sample.
      const std::size_t size = std::min<std::size_t>(all - fed, 4 * (1 + random() % 900));
      json request = {{"do", "feed"},
                      {"voice", voice},
                      {"data", base64(bytes + fed, size)},
                      {"position", fed},
                      {"id", ++id}};
      const bool dies = random() % 5 == 0;
      if (!dies || random() % 2 == 0) {
        rig.hear(request);
      }
      if (dies) {  // the answer is lost with the writer, or the request was
        keep_heard();
        rig.die(static_cast<int>(random() % 20));
        ++deaths;
        (void)rig.come_back(session, 0);
        const std::uint64_t arrived =
            rig.ask({{"do", "voice"}, {"voice", voice}}).at("arrived").get<std::uint64_t>();
        CHECK(arrived >= fed);
        CHECK(arrived <= fed + size);
        request["again"] = true;
        rig.heard.clear();
        rig.hear(request);
      }
      const json reply = rig.reply_to(id);
      REQUIRE(reply.at("ok") == true);
      fed += reply.at("taken").get<std::size_t>();
      CHECK(reply.at("arrived") == fed);
      if (reply.at("would_block") == true) {
        rig.run(3);
      }
      rig.heard.clear();
    }
    rig.run(40);
    keep_heard();
    CHECK(deaths > 5);
    CHECK((rig.shelf.times("mixer-state") > 0) == (condense_after > 0));
    for (std::size_t side = 0; side < 2; ++side) {
      REQUIRE(heard[side].size() == sound.size() / 2);
      for (std::size_t at = 0; at < heard[side].size(); ++at) {
        CAPTURE(at);
        REQUIRE(heard[side][at] == sound[2 * at + side]);
      }
    }
  }

  TEST_CASE("bytes that are there are not taken twice; none may be left out") {
    MortalRig rig;
    rig.client = rig.join();
    const json voice =
        open_stream(rig, {{"data_channels", 1}, {"channels", {1}}, {"format", "s16"}});
    const std::vector<std::uint8_t> some(200, 7);
    json feed = {{"do", "feed"}, {"voice", voice}, {"data", base64(some.data(), some.size())}};
    feed["position"] = 0;
    CHECK(rig.ask(feed).at("arrived") == 200);
    CHECK(rig.ask(feed).at("taken") == 200);
    CHECK(rig.ask(feed).at("arrived") == 200);
    feed["position"] = 51;  // 149 of them are there
    CHECK(rig.ask(feed).at("arrived") == 251);
    feed["position"] = 252;
    const json refused = rig.ask(feed);
    CHECK(refused.at("ok") == false);
    CHECK(refused.at("error").get<std::string>().find("0 to 251") != std::string::npos);
    feed["position"] = -1;
    CHECK(rig.ask(feed).at("ok") == false);
    feed["position"] = 100;
    feed["close"] = true;
    CHECK(rig.ask(feed).at("closed") == false);
    CHECK(rig.ask(feed).at("taken") == 200);  // its answer was lost: the same again
    CHECK(rig.ask(feed).at("closed") == false);
    feed["position"] = 300;
    CHECK(rig.ask(feed).at("closed") == true);
  }

  TEST_CASE("a resampled stream goes on within the sample where its writer died") {
    std::uint64_t condense_after = 0;
    SUBCASE("found by its logs") {}
    SUBCASE("found by a state") {
      condense_after = 1;
    }
    const auto play = [&](bool dies, const char* quality) {
      MortalRig rig(condense_after);
      rig.client = rig.join();
      const std::string session = rig.ask({{"do", "session"}}).at("session");
      const json voice = open_stream(rig,
                                     {{"data_channels", 1},
                                      {"channels", {1}},
                                      {"pitch", 0.91875},
                                      {"quality", quality},
                                      {"buffer_seconds", 1}});
      CHECK(rig.ask({{"do", "feed"}, {"voice", voice}, {"data", base64(ramp(20000))}})
                .at("would_block") == false);
      (void)rig.ask({{"do", "start"}, {"voice", voice}, {"at_sample", 1280}});
      while (rig.host->engine().position() < 1280 + 64 * 33) {
        rig.run(1);
      }
      if (dies) {
        CHECK((rig.shelf.times("mixer-state") > 0) == (condense_after > 0));
        rig.die(5);
        (void)rig.come_back(session, 0);
        rig.run(60);
        return std::vector<float>(rig.device->row(0));
      }
      const std::size_t from = rig.device->row(0).size();
      rig.run(62);
      const auto begin = rig.device->row(0).begin() + static_cast<std::ptrdiff_t>(from);
      return std::vector<float>(begin, rig.device->row(0).end());
    };
    for (const char* quality : {"linear", "cubic", "sinc"}) {
      CAPTURE(quality);
      const std::vector<float> undisturbed = play(false, quality);
      const std::vector<float> disturbed = play(true, quality);
      REQUIRE(disturbed.size() >= 62 * 64);
      for (std::size_t at = 0; at < undisturbed.size(); ++at) {
        CAPTURE(at);
        REQUIRE(disturbed[at] == undisturbed[at]);
      }
    }
  }
}
