// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_rig.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;

namespace {

const std::vector<float> kClick(100, 0.5F);

UniqueFd memfd(const std::vector<float>& samples, int seals) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const std::size_t size = samples.size() * sizeof(float);
  REQUIRE(::write(fd.get(), samples.data(), size) == static_cast<ssize_t>(size));
  REQUIRE(::fcntl(fd.get(), F_ADD_SEALS, seals) == 0);
  return fd;
}

std::string error_of(const json& reply) {
  CHECK_FALSE(reply.at("ok").get<bool>());
  return reply.value("error", "");
}

}  // namespace

TEST_SUITE("core/dipstream desk") {
  TEST_CASE("a voice is added, starts at its sample, and its times are those samples") {
    DeskRig rig;
    rig.desk.set_latency(128);
    CHECK(rig.ask({{"do", "subscribe"}}).at("ok") == true);
    const json added = rig.add(kClick, {{"channels", {2}}, {"name", "click"}});
    CHECK(added.at("length") == 100);
    const json started = rig.ask({{"do", "start"}, {"voice", "click"}, {"at_sample", 1000}});
    CHECK(started.at("sample") == 1000);
    CHECK(started.at("time").get<double>() == doctest::Approx(1128.0 / 48000).epsilon(1e-12));
    rig.run(20);
    CHECK(rig.device.row(1)[999] == 0.0F);
    CHECK(rig.device.row(1)[1000] == 0.5F);
    CHECK(rig.device.row(1)[1100] == 0.0F);
    CHECK(rig.device.row(0)[1000] == 0.0F);
    CHECK(rig.event("started").at("sample") == 1000);
    CHECK(rig.event("ended").at("sample") == 1100);
    const json status = rig.ask({{"do", "voice"}, {"voice", added.at("voice")}});
    CHECK(status.at("playback_duration").get<double>() == 100.0 / 48000);
    CHECK(status.at("is_playing") == false);
  }

  TEST_CASE("DS-06 a natural end is exact for any length around a period") {
    for (const std::size_t length : {1UL, 63UL, 64UL, 65UL, 647UL}) {
      DeskRig rig;
      (void)rig.add(std::vector<float>(length, 0.1F), {{"name", "a"}});
      (void)rig.ask({{"do", "start"}, {"voice", "a"}});
      rig.run(15);
      const json status = rig.ask({{"do", "voice"}, {"voice", "a"}});
      CHECK(status.at("end_sample").get<std::int64_t>() -
                status.at("start_sample").get<std::int64_t>() ==
            static_cast<std::int64_t>(length));
    }
  }

  TEST_CASE("DS-07 mono is repeated, channels are mapped as given, the rest is exact silence") {
    DeskRig rig(8);
    (void)rig.add({0.25F, 0.5F}, {{"channels", {1, 5}}, {"name", "mono"}});
    (void)rig.add({0.125F, -0.125F, 0.25F, -0.25F},
                  {{"channels", {7, 6}}, {"data_channels", 2}, {"name", "stereo"}});
    (void)rig.ask({{"do", "start"}, {"voice", "mono"}, {"at_sample", 700}});
    (void)rig.ask({{"do", "start"}, {"voice", "stereo"}, {"at_sample", 700}});
    rig.run(12);
    const std::vector<float> first{0.25F, 0, 0, 0, 0.25F, -0.125F, 0.125F, 0};
    const std::vector<float> second{0.5F, 0, 0, 0, 0.5F, -0.25F, 0.25F, 0};
    for (std::size_t output = 0; output < 8; ++output) {
      CHECK(rig.device.row(output)[699] == 0.0F);
      CHECK(rig.device.row(output)[700] == first[output]);
      CHECK(rig.device.row(output)[701] == second[output]);
      CHECK(rig.device.row(output)[702] == 0.0F);
    }
  }

  TEST_CASE("DS-11 every wrong call is an error reply, and the stream runs on") {
    DeskRig rig;
    (void)rig.add(kClick, {{"name", "a"}});
    (void)rig.add(kClick, {{"name", "b"}});
    const std::vector<std::pair<json, const char*>> wrong{
        {{{"do", "add"}, {"data", "AAAA"}}, "whole number of samples"},
        {{{"do", "add"}, {"data", "!"}}, "base64"},
        {{{"do", "add"}}, "comes from one of"},
        {{{"do", "add"}, {"data", base64({0.0F, INFINITY})}}, "sample 1 of channel 1 is infinite"},
        {{{"do", "add"}, {"data", base64({NAN})}}, "NaN"},
        {{{"do", "add"}, {"data", base64(kClick)}, {"rate", 44100}}, "44100 Hz"},
        {{{"do", "add"}, {"data", base64(kClick)}, {"channels", {3}}}, "channel 3 does not exist"},
        {{{"do", "add"}, {"data", base64(kClick)}, {"channels", {0}}}, "channel 0 does not exist"},
        {{{"do", "add"}, {"data", base64(kClick)}, {"channels", {1, 1}}}, "named twice"},
        {{{"do", "add"}, {"data", base64(kClick)}, {"data_channels", 2}, {"channels", {1}}},
         "2 channels cannot go to 1"},
        {{{"do", "add"}, {"data", base64(kClick)}, {"bus", "sfx"}}, "there are Master, Music, SFX"},
        {{{"do", "add"}, {"data", base64(kClick)}, {"name", "a"}}, "exists already"},
        {{{"do", "add"}, {"path", "/nowhere/x.wav"}}, "/nowhere/x.wav"},
        {{{"do", "add"}, {"memfd", true}}, "no descriptor"},
        {{{"do", "start"}, {"voice", "nobody"}}, "there is no voice 'nobody'"},
        {{{"do", "start"}, {"voice", 12345}}, "there is no voice 12345"},
        {{{"do", "start"}}, "'voice' must be"},
        {{{"do", "start"}, {"voice", "a"}, {"starting_idx", 100}}, "outside the data"},
        {{{"do", "start"}, {"voice", "a"}, {"starting_idx", -1}}, "outside the data"},
        {{{"do", "start"}, {"voice", "a"}, {"with_start", "a"}}, "against itself"},
        {{{"do", "start"}, {"voice", "a"}, {"at", 1}, {"with_start", "b"}}, "cannot both"},
        {{{"do", "start"}, {"voice", "a"}, {"at", 1}, {"offset", 1}}, "an offset needs"},
        {{{"do", "start"}, {"voice", "a"}, {"at", "soon"}}, "'at' must be a number"},
        {{{"do", "start"}, {"voice", "a"}, {"late", "maybe"}}, "one of play, skip, drop"},
        {{{"do", "start"}, {"voice", "a"}, {"loop", {{"begin", 50}, {"end", 20}}}}, "loop region"},
        {{{"do", "start"}, {"voice", "a"}, {"statring_idx", 3}}, "unknown field 'statring_idx'"},
        {{{"do", "start"}, {"voice", "a"}, {"mark", {{"channel", 9}}}}, "no such channel"},
        {{{"do", "cancel"}, {"request", 999}}, "no request 999"},
        {{{"do", "batch"}, {"commands", json::array()}}, "a list of requests"},
        {{{"do", "batch"}, {"commands", {{{"do", "add"}}}}}, "cannot be part of a batch"},
        {{{"do", "bus"}, {"name", "Tape"}, {"mute", true}}, "unknown bus 'Tape'"},
        {{{"do", "bus"}, {"name", "Master"}, {"send_to", "SFX"}}, ""},
        {{{"do", "feed"}, {"voice", "a"}, {"data", "AAAA"}}, "is no stream"},
        {{{"do", "dance"}}, "unknown request 'dance'"},
        {{{"no", 1}}, "unknown request"},
    };
    for (const auto& [request, text] : wrong) {
      INFO(request.dump());
      CHECK(error_of(rig.ask(request)).find(text) != std::string::npos);
    }
    std::vector<UniqueFd> none;
    for (const char* line :
         {"", "{", "[1]", "7", "\"x\"", "\xff\xfe", "{\"id\": [1], \"do\": 1}"}) {
      const std::size_t before = rig.heard.size();
      rig.desk.hear(rig.client, line, none);
      CHECK(rig.heard.size() == before + 1);
    }
    CHECK(rig.ask({{"do", "start"}, {"voice", "a"}}).at("ok") == true);
  }

  TEST_CASE("a cycle of voices is refused as a whole, and so is a batch with one wrong member") {
    DeskRig rig;
    (void)rig.add(kClick, {{"name", "a"}});
    (void)rig.add(kClick, {{"name", "b"}});
    const json cycle = rig.ask({{"do", "batch"},
                                {"commands",
                                 {{{"do", "start"}, {"voice", "a"}, {"with_start", "b"}},
                                  {{"do", "start"}, {"voice", "b"}, {"with_start", "a"}}}}});
    CHECK(error_of(cycle) == "these voices would wait for each other");
    const json half = rig.ask({{"do", "batch"},
                               {"commands",
                                {{{"do", "start"}, {"voice", "a"}},
                                 {{"do", "start"}, {"voice", "b"}, {"starting_idx", 5000}}}}});
    CHECK(error_of(half).find("index") != std::string::npos);
    rig.run(3);
    CHECK(rig.ask({{"do", "voice"}, {"voice", "a"}}).at("state") == "idle");
    const json good = rig.ask(
        {{"do", "batch"},
         {"commands",
          {{{"do", "start"}, {"voice", "a"}, {"at_sample", 3000}},
           {{"do", "start"}, {"voice", "b"}, {"with_start", "a"}, {"offset_samples", -200}}}}});
    CHECK(good.at("results")[1].at("sample") == 2800);
  }

  TEST_CASE("DS-13 before a start there are no times; a voice that never plays never ends") {
    DeskRig rig;
    (void)rig.add(kClick, {{"name", "a"}});
    rig.run(100);
    const json status = rig.ask({{"do", "voice"}, {"voice", "a"}});
    CHECK(status.at("start_time").is_null());
    CHECK(status.at("end_time").is_null());
    CHECK(status.at("playback_duration").is_null());
    CHECK(status.at("is_playing") == false);
    CHECK(status.at("is_looping") == false);
  }

  TEST_CASE("DS-14 a voice that plays is not removed; after its end it is, and clearing silences") {
    DeskRig rig;
    (void)rig.add(kClick, {{"name", "a"}});
    (void)rig.ask({{"do", "start"}, {"voice", "a"}, {"loop", true}});
    CHECK(rig.ask({{"do", "voice"}, {"voice", "a"}}).at("is_looping") == true);
    CHECK(error_of(rig.ask({{"do", "remove"}, {"voice", "a"}})).find("playing") !=
          std::string::npos);
    CHECK(rig.ask({{"do", "clear_sources"}}).at("removed") == 1);
    rig.run(2);
    CHECK(rig.device.row(0).back() == 0.0F);
    CHECK(rig.desk.voices() == 0);
    (void)rig.add(kClick, {{"name", "a"}});
    CHECK(rig.ask({{"do", "remove"}, {"voice", "a"}}).at("ok") == true);
    rig.run(2);
    CHECK(rig.desk.voices() == 0);
  }

  TEST_CASE("a pending start is cancelled by the id of its request") {
    DeskRig rig;
    (void)rig.ask({{"do", "subscribe"}});
    (void)rig.add(kClick, {{"name", "a"}});
    (void)rig.ask({{"do", "start"}, {"voice", "a"}, {"at_sample", 2000}});
    const int request = rig.id;
    CHECK(rig.ask({{"do", "cancel"}, {"request", request}}).at("ok") == true);
    rig.run(40);
    CHECK(rig.event("cancelled").at("request") == request);
    CHECK(rig.event("started").is_null());
  }

  TEST_CASE("samples come as a memfd only when nobody can change them any more") {
    DeskRig rig;
    const json request = {{"do", "add"}, {"memfd", true}, {"name", "m"}, {"id", 1000}};
    std::vector<UniqueFd> fds;
    fds.push_back(memfd(kClick, F_SEAL_SHRINK | F_SEAL_GROW));
    rig.desk.hear(rig.client, request.dump(), fds);
    CHECK(error_of(rig.reply_to(1000)).find("sealed against write") != std::string::npos);
    fds.clear();
    fds.push_back(memfd(kClick, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW));
    json again = request;
    again["id"] = 1001;
    rig.desk.hear(rig.client, again.dump(), fds);
    CHECK(rig.reply_to(1001).at("length") == 100);
    CHECK(fds.empty());
    (void)rig.ask({{"do", "start"}, {"voice", "m"}, {"at_sample", 1500}});
    rig.run(25);
    CHECK(rig.device.row(0)[1500] == 0.5F);
  }

  TEST_CASE("SX-10 a stream takes what fits, says what does not, and counts want of sound") {
    DeskRig rig;
    const json opened = rig.ask({{"do", "open_stream"},
                                 {"data_channels", 2},
                                 {"format", "s16"},
                                 {"buffer_seconds", 0.01},
                                 {"name", "s"}});
    REQUIRE(opened.at("ok") == true);
    const std::vector<std::int16_t> chunk(2 * 400, 8192);
    const auto feed = [&] {
      return rig.ask({{"do", "feed"},
                      {"voice", "s"},
                      {"data", base64(chunk.data(), chunk.size() * sizeof(std::int16_t))}});
    };
    CHECK(feed().at("would_block") == false);
    CHECK(feed().at("would_block") == true);
    (void)rig.ask({{"do", "start"}, {"voice", "s"}, {"at_sample", 640}});
    rig.run(8);
    CHECK(rig.device.row(0)[640] == 0.25F);
    CHECK(rig.device.row(1)[641] == 0.25F);
    rig.run(20);
    CHECK(rig.device.row(0).back() == 0.0F);
    CHECK(feed().at("underrun").get<int>() > 0);
    rig.run(2);
    CHECK(rig.device.row(0).back() == 0.25F);
  }

  TEST_CASE("SX-11 buses add up, and a change is heard on a running voice") {
    DeskRig rig(1);
    (void)rig.add(kClick, {{"name", "a"}, {"bus", "SFX"}});
    (void)rig.ask({{"do", "start"}, {"voice", "a"}, {"loop", true}});
    CHECK(rig.ask({{"do", "bus"}, {"name", "SFX"}, {"gain_db", -6}}).at("effective_db") == -6.0);
    CHECK(rig.ask({{"do", "bus"}, {"name", "Master"}, {"gain_db", -6}}).at("ok") == true);
    rig.run(3);
    CHECK(rig.device.row(0).back() == doctest::Approx(0.5 * 0.2512).epsilon(0.001));
    (void)rig.ask({{"do", "bus"}, {"name", "Music"}, {"solo", true}});
    rig.run(3);
    CHECK(rig.device.row(0).back() == 0.0F);
    CHECK(rig.ask({{"do", "buses"}}).at("buses").size() == 5);
  }

  TEST_CASE("who leaves takes his voices along, but for those that he left to stay") {
    DeskRig rig(1);
    (void)rig.add(kClick, {{"name", "mine"}});
    (void)rig.add(kClick, {{"name", "ours"}, {"on_owner_exit", "keep"}});
    (void)rig.ask({{"do", "start"}, {"voice", "mine"}, {"loop", true}});
    rig.desk.leave(rig.client);
    rig.run(10);
    CHECK(rig.desk.voices() == 1);
    CHECK(rig.desk.has_voice("ours"));
    CHECK(rig.device.row(0).back() == 0.0F);
  }

  TEST_CASE("the pipeline's voice can be turned down and muted, not moved") {
    DeskRig rig(2, 2);
    CHECK(rig.ask({{"do", "set"}, {"voice", "pipeline"}, {"gain_db", -20}}).at("ok") == true);
    for (const char* what : {"start", "stop", "pause", "seek"}) {
      CHECK(error_of(rig.ask({{"do", what}, {"voice", "pipeline"}})).find("timeline") !=
            std::string::npos);
    }
    CHECK(error_of(rig.ask({{"do", "set"}, {"voice", "pipeline"}, {"pitch", 2}})) != "");
    CHECK(error_of(rig.ask({{"do", "remove"}, {"voice", "pipeline"}})) != "");
  }
}
