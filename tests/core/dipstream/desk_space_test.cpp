// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_rig.hpp"

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;

namespace {

const std::vector<float> kSteady(1000, 0.5F);

/// A steady voice "a" on both outputs, playing for ever.
void play(DeskRig& rig) {
  (void)rig.add(kSteady, {{"name", "a"}});
  REQUIRE(rig.ask({{"do", "start"}, {"voice", "a"}, {"loop", true}}).at("ok") == true);
}

std::pair<float, float> heard(DeskRig& rig) {
  rig.run(3);
  return {rig.device.row(0).back(), rig.device.row(1).back()};
}

std::string error_of(const json& reply) {
  CHECK_FALSE(reply.at("ok").get<bool>());
  return reply.value("error", "");
}

}  // namespace

TEST_SUITE("core/dipstream desk space") {
  TEST_CASE("SX-12 a voice is placed in 2D: it fades to max_distance, and pans to its side") {
    DeskRig rig;
    play(rig);
    const auto at = [&](json position) {
      REQUIRE(rig.ask({{"do", "emitter"}, {"voice", "a"}, {"mode", "2d"}, {"position", position}})
                  .at("ok") == true);
      return heard(rig);
    };
    CHECK(at({0, 0}) == std::pair{0.5F, 0.5F});
    CHECK(at({1000, 0}) == std::pair{0.0F, 0.25F});  // half of 2000, all to the right
    CHECK(at({-1000, 0}) == std::pair{0.25F, 0.0F});
    CHECK(at({0, 1000}) == std::pair{0.25F, 0.25F});
    CHECK(at({2000, 0}) == std::pair{0.0F, 0.0F});
    CHECK(rig.ask({{"do", "emitter"}, {"voice", "a"}, {"mode", "off"}}).at("ok") == true);
    CHECK(heard(rig) == std::pair{0.5F, 0.5F});
  }

  TEST_CASE("SX-12 what an emitter request does not name stays; the listener moves too") {
    DeskRig rig;
    play(rig);
    (void)rig.ask({{"do", "emitter"},
                   {"voice", "a"},
                   {"position", {0, 0, -10}},
                   {"max_distance", 40},
                   {"model", "linear"}});
    CHECK(heard(rig) == std::pair{0.375F, 0.375F});
    (void)rig.ask({{"do", "emitter"}, {"voice", "a"}, {"position", {0, 0, -20}}});
    CHECK(heard(rig) == std::pair{0.25F, 0.25F});
    (void)rig.ask({{"do", "listener"}, {"position", {0, 0, -20}}});
    CHECK(heard(rig) == std::pair{0.5F, 0.5F});
    // Turned to the left, what was ahead is at the right ear.
    (void)rig.ask({{"do", "listener"}, {"position", {0, 0, 0}}, {"forward", {-1, 0, 0}}});
    CHECK(heard(rig) == std::pair{0.0F, 0.25F});
  }

  TEST_CASE("SX-12 an approach at 34.3 m/s raises the pitch to 1.111") {
    DeskRig rig;
    std::vector<float> ramp(48000);
    for (std::size_t at = 0; at < ramp.size(); ++at) {
      ramp[at] = static_cast<float>(at) / 65536.0F;
    }
    (void)rig.add(ramp, {{"name", "a"}, {"channels", {1}}});
    (void)rig.ask({{"do", "emitter"},
                   {"voice", "a"},
                   {"model", "none"},
                   {"position", {0, 0, -50}},
                   {"velocity", {0, 0, 34.3}}});
    (void)rig.ask({{"do", "start"}, {"voice", "a"}});
    rig.run(20);
    const std::vector<float>& row = rig.device.row(0);
    const float step = (row.back() - row[row.size() - 641]) / 640.0F * 65536.0F;
    CHECK(step == doctest::Approx(1.1111).epsilon(0.001));
  }

  TEST_CASE("places that make no sense are refused, and nothing moves") {
    DeskRig rig;
    play(rig);
    const std::vector<std::pair<json, const char*>> wrong{
        {{{"do", "emitter"}}, "'voice' must be"},
        {{{"do", "emitter"}, {"voice", "b"}}, "there is no voice 'b'"},
        {{{"do", "emitter"}, {"voice", "a"}, {"position", {1}}}, "two or three numbers"},
        {{{"do", "emitter"}, {"voice", "a"}, {"position", {1, "x"}}}, "two or three numbers"},
        {{{"do", "emitter"}, {"voice", "a"}, {"position", {1, 1e300}}}, "two or three numbers"},
        {{{"do", "emitter"}, {"voice", "a"}, {"mode", "4d"}}, "one of 3d, 2d, off"},
        {{{"do", "emitter"}, {"voice", "a"}, {"model", "cubic"}}, "one of linear"},
        {{{"do", "emitter"}, {"voice", "a"}, {"max_distance", 0}}, "more than 0"},
        {{{"do", "emitter"}, {"voice", "a"}, {"rolloff", -1}}, "from 0 up"},
        {{{"do", "listener"}, {"right", {0, 0, 0}}}, "no length"},
        {{{"do", "listener"}, {"forward", {0, 1, 0}}}, "no length"},
        {{{"do", "listener"}, {"speed_of_sound", 0}}, "from 1 up"},
        {{{"do", "listener"}, {"posiiton", {0, 0}}}, "unknown field"},
    };
    for (const auto& [request, text] : wrong) {
      INFO(request.dump());
      CHECK(error_of(rig.ask(request)).find(text) != std::string::npos);
    }
    CHECK(heard(rig) == std::pair{0.5F, 0.5F});
  }

  TEST_CASE("SX-11 a voice changes its bus while it plays, from its sample on") {
    DeskRig rig(1);
    play(rig);
    (void)rig.ask({{"do", "bus"}, {"name", "SFX"}, {"gain_db", -80}, {"ramp", 0}});
    CHECK(rig.ask({{"do", "set"}, {"voice", "a"}, {"bus", "SFX"}, {"at_sample", 1000}}).at("ok") ==
          true);
    rig.run(20);
    CHECK(rig.device.row(0)[1000] == 0.5F);
    CHECK(rig.device.row(0)[1032] == 0.25F);  // in a line of 64 samples
    CHECK(rig.device.row(0)[1064] == 0.0F);
    CHECK(rig.ask({{"do", "voice"}, {"voice", "a"}}).at("bus") == "SFX");
    CHECK(error_of(rig.ask({{"do", "set"}, {"voice", "a"}, {"bus", "sfx"}})).find("Master") !=
          std::string::npos);
    (void)rig.ask({{"do", "set"}, {"voice", "a"}, {"bus", "Music"}});
    rig.run(2);
    CHECK(rig.device.row(0).back() == 0.5F);
  }

  TEST_CASE("DS-05 a calibrated bias moves all times at the output by exactly that") {
    DeskRig rig(1);
    rig.desk.set_latency(480);
    (void)rig.add(kSteady, {{"name", "a"}});
    const json plain = rig.ask({{"do", "start"}, {"voice", "a"}, {"at_sample", 4800}});
    rig.desk.set_bias(0.00201);
    const json biased = rig.ask({{"do", "start"}, {"voice", "a"}, {"at_sample", 4800}});
    CHECK(plain.at("time").get<double>() == 5280.0 / 48000);
    CHECK(biased.at("time").get<double>() - plain.at("time").get<double>() ==
          doctest::Approx(0.00201).epsilon(1e-9));
    CHECK(biased.at("mono_ns").get<double>() - plain.at("mono_ns").get<double>() ==
          doctest::Approx(2'010'000).epsilon(1e-6));
    CHECK(rig.ask({{"do", "info"}}).at("latency").get<double>() ==
          doctest::Approx(0.01201).epsilon(1e-9));
    // What shall be heard at a time starts that much earlier.
    CHECK(rig.ask({{"do", "start"}, {"voice", "a"}, {"at", 0.5}}).at("sample") == 24000 - 480 - 96);
  }
}
