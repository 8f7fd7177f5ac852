// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mortal_rig.hpp"

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;

TEST_SUITE("core/dipstream desk survival") {
  TEST_CASE("voices, names and schedules of an experiment outlive the writer") {
    MortalRig rig;
    rig.client = rig.join();
    const json session = rig.ask({{"do", "session"}});
    CHECK(session.at("survives") == true);
    (void)rig.ask({{"do", "subscribe"}, {"events", "mine"}});
    const json one = rig.add(ramp(6400), {{"name", "one"}, {"channels", {1}}});
    const json two = rig.add(ramp(640), {{"channels", {2}}});
    (void)rig.ask({{"do", "bus"}, {"name", "Tape"}, {"add", true}, {"gain_db", -6}});
    const json start = rig.ask({{"do", "start"}, {"voice", "one"}, {"at_sample", 3200}});
    (void)rig.ask({{"do", "start"}, {"voice", two.at("voice")}, {"with_end", "one"}});
    while (rig.host->engine().position() < 3200 + 1280) {
      rig.run(1);
    }
    const std::int64_t reached = rig.host->engine().position();
    const std::size_t before = rig.heard.size();
    rig.die(10);
    CHECK(rig.desk->voices() == 2);
    rig.run(1);
    CHECK(rig.heard.size() == before);  // nobody has come back yet
    const json back = rig.come_back(session.at("session"), rig.heard.back().value("seq", 0U));
    CHECK(back.at("resumed") == true);
    CHECK(back.at("lost") == 0);
    // On along the timeline, bit for bit.
    rig.run(160);
    const std::vector<float>& left = rig.device->row(0);
    const std::vector<float>& right = rig.device->row(1);
    const std::int64_t begin = reached + 640;
    for (std::int64_t at = 0; at < static_cast<std::int64_t>(left.size()); ++at) {
      const std::int64_t sample = begin + at;
      const std::int64_t first = sample - 3200;
      const std::int64_t second = first - 6400;
      const auto index = static_cast<std::size_t>(at);
      const bool in_one = first >= 0 && first < 6400;
      const bool in_two = second >= 0 && second < 640;
      REQUIRE(left[index] == (in_one ? static_cast<float>(first + 1) / 65536.0F : 0.0F));
      REQUIRE(right[index] == (in_two ? static_cast<float>(second + 1) / 65536.0F : 0.0F));
    }
    // One gap of the true length; each event once; the numbers of the events without a hole.
    int gaps = 0;
    std::uint64_t last = 0;
    for (const json& line : rig.heard) {
      if (line.contains("event")) {
        CHECK(line.at("seq") == last + 1);
        last = line.at("seq");
      }
      if (line.value("event", "") == "gap" && line.value("state", "") == "predicted" &&
          !line.contains("voice")) {
        ++gaps;
        CHECK(line.at("from") == reached);
        CHECK(line.at("to") == reached + 640);
        CHECK(line.at("samples") == 640);
      }
    }
    CHECK(gaps == 1);
    CHECK(rig.count("started", "predicted") == 2);
    CHECK(rig.count("ended", "predicted") == 2);
    // Handles and names mean what they meant.
    CHECK(rig.ask({{"do", "start"}, {"voice", one.at("voice")}}).at("play") == 2);
    CHECK(rig.ask({{"do", "voice"}, {"voice", "one"}}).at("start_sample") != nullptr);
    const json buses = rig.ask({{"do", "buses"}}).at("buses");
    CHECK(buses.back().at("name") == "Tape");
    const json three = rig.add(ramp(10), {{"bus", "Tape"}});
    CHECK(three.at("ok") == true);
    CHECK(three.at("voice") != one.at("voice"));
    CHECK(three.at("voice") != two.at("voice"));
    CHECK(start.at("play") == 1);
  }

  TEST_CASE("what was asked and not answered when the writer died happens once") {
    MortalRig rig;
    rig.client = rig.join();
    const std::string session = rig.ask({{"do", "session"}}).at("session");
    const json voice = rig.add(ramp(64000)).at("voice");
    json request = {{"do", "start"}, {"voice", voice}, {"id", 500}, {"again", true}};
    SUBCASE("it had not come to the engine") {
      rig.hear(request);
      rig.die(3);
      (void)rig.come_back(session, 0);
    }
    SUBCASE("the engine had done it, nobody knew") {
      rig.hear(request);
      rig.device->cycle();
      rig.die(3);
      (void)rig.come_back(session, 0);
    }
    SUBCASE("it was answered, and the answer was lost") {
      rig.hear(request);
      rig.run(2);
      rig.die(3);
      (void)rig.come_back(session, 0);
      rig.heard.clear();
    }
    rig.hear(request);
    rig.run(3);
    const json reply = rig.reply_to(500);
    REQUIRE(!reply.is_null());
    CHECK(reply.at("ok") == true);
    CHECK(reply.at("play") == 1);
    CHECK(reply.contains("sample"));
    CHECK(rig.ask({{"do", "voice"}, {"voice", voice}}).at("is_playing") == true);
    // Said again without that word it is another one.
    request.erase("again");
    request["id"] = 501;
    rig.hear(request);
    rig.run(2);
    CHECK(rig.reply_to(501).at("play") == 2);
  }

  TEST_CASE("the writer's death is not the owner's; an owner who stays away has gone") {
    MortalRig rig;
    rig.client = rig.join();
    const std::string session = rig.ask({{"do", "session"}}).at("session");
    (void)rig.add(ramp(64000), {{"name", "long"}});
    (void)rig.ask({{"do", "start"}, {"voice", "long"}});
    rig.die(2);
    (void)rig.come_back(session, 0);
    rig.run(200);
    CHECK(rig.ask({{"do", "voice"}, {"voice", "long"}}).at("is_playing") == true);
    rig.die(2);
    rig.client = rig.join();
    CHECK(rig.ask({{"do", "list"}}).at("voices").size() == 1);
    CHECK(rig.ask({{"do", "resume_session"}, {"session", "none"}}).contains("error"));
    (void)rig.come_back(session, 0);
    rig.desk->leave(rig.client);
    rig.run(20);
    CHECK(rig.desk->voices() == 0);
  }

  TEST_CASE("that the device went away is an event with a number, also for a successor") {
    std::uint64_t condense_after = 0;
    SUBCASE("that goes through the logs") {}
    SUBCASE("that begins with a state") {
      condense_after = 1;
    }
    MortalRig rig(condense_after);
    rig.client = rig.join();
    const std::string session = rig.ask({{"do", "session"}}).at("session");
    (void)rig.ask({{"do", "subscribe"}, {"events", "mine"}});
    (void)rig.add(ramp(64), {{"name", "one"}});
    (void)rig.ask({{"do", "start"}, {"voice", "one"}});
    std::uint64_t seen = 0;
    for (const json& line : rig.heard) {
      seen = std::max(seen, line.contains("event") ? line.at("seq").get<std::uint64_t>() : 0U);
    }
    rig.desk->set_device(false);
    rig.desk->set_device(false);  // known already
    REQUIRE(rig.count("device", "lost") == 1);
    CHECK(rig.heard.back().at("seq") == seen + 1);
    rig.run(2);
    CHECK((rig.shelf.times("mixer-state") > 0) == (condense_after > 0));
    rig.die(3);
    CHECK(rig.desk->voices() == 1);
    rig.heard.clear();
    (void)rig.come_back(session, seen);
    REQUIRE(rig.count("device", "lost") == 1);
    CHECK(rig.ask({{"do", "info"}}).at("runs") == false);
    rig.desk->set_device(true);
    CHECK(rig.count("device", "back") == 1);
    std::uint64_t last = seen;
    for (const json& line : rig.heard) {
      if (line.contains("event")) {
        CHECK(line.at("seq") == ++last);
      }
    }
    CHECK(rig.ask({{"do", "info"}}).at("runs") == true);
  }

  TEST_CASE("removed voices leave no memory behind; their slots are used again after a death") {
    MortalRig rig;
    rig.client = rig.join();
    const std::string session = rig.ask({{"do", "session"}}).at("session");
    const std::size_t before = rig.shelf.kept().size();
    for (int turn = 0; turn < 50; ++turn) {
      const json voice = rig.add(ramp(64 + turn)).at("voice");
      (void)rig.ask({{"do", "start"}, {"voice", voice}});
      (void)rig.ask({{"do", "remove"}, {"voice", voice}, {"force", true}, {"fade", 0}});
      rig.run(2);
    }
    CHECK(rig.shelf.kept().size() == before);
    const json kept = rig.add(ramp(9000), {{"channels", {1}}}).at("voice");
    const json start = rig.ask({{"do", "start"}, {"voice", kept}});
    rig.run(4);
    rig.die(5);
    (void)rig.come_back(session, 0);
    CHECK(rig.desk->voices() == 1);
    const std::int64_t position = rig.host->engine().position();
    rig.device->cycle();
    const std::int64_t index = position - start.at("sample").get<std::int64_t>();
    CHECK(rig.device->row(0)[rig.device->row(0).size() - 64] ==
          static_cast<float>(index + 1) / 65536.0F);
  }

  TEST_CASE("a stream goes on with what it was fed, and a feed asked for again is taken once") {
    MortalRig rig;
    rig.client = rig.join();
    const std::string session = rig.ask({{"do", "session"}}).at("session");
    const json voice = rig.ask({{"do", "open_stream"},
                                {"data_channels", 1},
                                {"channels", {1}},
                                {"on_gap", "keep_content"},
                                {"buffer_seconds", 1}})
                           .at("voice");
    const std::vector<float> sound = ramp(6400);
    json feed = {{"do", "feed"}, {"voice", voice}, {"data", base64(sound)}};
    CHECK(rig.ask(feed).at("taken") == 25600);
    (void)rig.ask({{"do", "start"}, {"voice", voice}});
    rig.run(10);
    const float last = rig.device->row(0).back();
    rig.die(4);
    (void)rig.come_back(session, 0);
    CHECK(rig.device->row(0)[0] == last + 1.0F / 65536.0F);
    CHECK(rig.ask(feed).at("taken") == 25600);
  }

  TEST_CASE("a queue in shared memory goes on: no command is lost or comes twice") {
    MortalRig rig;
    int fd = -1;
    rig.client = rig.desk->join([&](const std::string& line, int with) {
      rig.heard.push_back(json::parse(line));
      fd = with >= 0 ? ::fcntl(with, F_DUPFD_CLOEXEC, 0) : fd;
    });
    const std::string session = rig.ask({{"do", "session"}}).at("session");
    const auto voice = rig.add(ramp(9000), {{"channels", {1}}}).at("voice").get<mixer::VoiceId>();
    (void)rig.ask({{"do", "queue"}});
    REQUIRE(fd >= 0);
    const shm::Segment segment = shm::Segment::adopt(UniqueFd(fd));
    shm::CommandQueue mine(segment, sizeof(mixer::Command));
    const auto push = [&](mixer::Command command) {
      command.request = 9;
      REQUIRE(mine.push(std::as_bytes(std::span(&command, 1))));
    };
    push(mixer::start(voice));
    rig.run(2);
    push(mixer::start(voice));  // not taken when the writer dies
    rig.die(2);
    (void)rig.come_back(session, 0);
    rig.run(3);
    CHECK(rig.host->engine().status(voice).play == 2);
  }
}
