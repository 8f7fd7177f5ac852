// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "command_rig.hpp"

#include <csignal>

using namespace avrig;
using namespace avrig::test;
using nlohmann::json;

namespace {

constexpr std::int64_t kTwoSecondsNs = 2'000'000'000;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("apps/avrig") {
  TEST_CASE("avrig: every command explains itself on one screen, with an example") {
    const Desk desk;
    for (const char* command : {"run",
                                "validate",
                                "graph",
                                "inspect",
                                "schema",
                                "ps",
                                "top",
                                "set",
                                "mark",
                                "stop",
                                "doctor"}) {
      const Finished help = desk.call({command, "--help"});
      INFO(command);
      CHECK(help.code == 0);
      CHECK(has(help.output, "Example:"));
      CHECK(std::count(help.output.begin(), help.output.end(), '\n') <= 24);
    }
    CHECK(has(desk.call({"--version"}).output, "plug-in ABI"));
    CHECK(desk.call({"rum"}).code == 1);
    CHECK(desk.call({"run"}).code == 1);
  }

  TEST_CASE("avrig run: exits with 0 and a report when all is written") {
    const Desk desk;
    const Finished run = desk.call({"run",
                                    desk.write("rig.yaml", three("frames: 50")),
                                    "--offline",
                                    "--report",
                                    desk.path("report.json")});
    INFO(run.output);
    CHECK(run.code == 0);
    const json report = json::parse(std::ifstream(desk.path("report.json")));
    CHECK(report.at("exit_code") == 0);
    CHECK(report.at("stages").size() == 3);
    CHECK(report.at("edges").at(1).at("delivered") == 50);
    CHECK(report.at("edges").at(1).at("in_flight") == 0);
  }

  TEST_CASE("avrig run and validate: a wrong file ends in 2, with the place and a suggestion") {
    const Desk desk;
    const std::string file = desk.write("rig.yaml", three("frames: 50", "factr: 2"));
    for (const char* command : {"run", "validate"}) {
      const Finished sut = desk.call({command, file});
      INFO(sut.output);
      CHECK(sut.code == 2);
      CHECK(has(sut.output, "rig.yaml:6:"));
      CHECK(has(sut.output, "did you mean 'factor'?"));
    }
    const json told = json::parse(desk.call({"validate", "--json", file}).output);
    CHECK(told.at("ok") == false);
    CHECK(told.at("problems").at(0).at("line") == 6);
    CHECK(desk.call({"run", desk.path("nowhere.yaml")}).code == 2);
  }

  TEST_CASE("avrig run: what cannot be opened ends in 3, a stage beyond its restarts in 5") {
    const Desk desk;
    const Finished refused =
        desk.call({"run", desk.write("a.yaml", three("refuse: no such camera"))});
    CHECK(refused.code == 3);
    CHECK(has(refused.output, "no such camera"));
    const Finished crashing = desk.call(
        {"run",
         desk.write("b.yaml",
                    three("frames: 50", "crash-every: 1", ", restart: {max: 2, backoff: 1ms}"))});
    CHECK(crashing.code == 5);
    CHECK(has(crashing.output, "SIGSEGV"));
  }

  TEST_CASE("avrig run --set changes a parameter over the file") {
    const Desk desk;
    const std::string file = desk.write("rig.yaml", three("frames: 50"));
    const Finished run =
        desk.call({"run", file, "--set", "source.frames=7", "--report", desk.path("report.json")});
    CHECK(run.code == 0);
    CHECK(json::parse(std::ifstream(desk.path("report.json"))).at("edges").at(0).at("delivered") ==
          7);
    CHECK(desk.call({"run", file, "--set", "sauce.frames=7"}).code == 2);
  }

  TEST_CASE("avrig ps, top, set, mark, stop: a running rig is seen, changed, marked and ended") {
    const Desk desk;
    auto rig = desk.start({"run", desk.write("rig.yaml", three("frames: 0, period: 2ms"))});
    const json seen = desk.wait_for_frames(5);
    CHECK(seen.at("edges").size() == 2);
    CHECK(has(desk.call({"ps"}).output, "three-"));
    CHECK(has(desk.call({"top", "--once", "three"}).output, "source/out"));
    CHECK(has(desk.call({"set", "three", "work.factor=2"}).output, "from frame"));
    CHECK(desk.call({"set", "three", "work.factor=20"}).code == 2);
    CHECK(desk.call({"set", "other", "work.factor=2"}).code == 3);
    CHECK(has(desk.call({"mark", "three", "subject blinked"}).output, "marked at"));
    CHECK(has(desk.call({"stop", "three"}).output, "is ending"));
    CHECK(desk.finish(rig).code == 0);
    CHECK(has(desk.call({"ps"}).output, "no rig runs"));
  }

  TEST_CASE("avrig run: Ctrl-C drains and ends with 130") {
    const Desk desk;
    auto rig = desk.start({"run",
                           desk.write("rig.yaml", three("frames: 0, period: 2ms")),
                           "--report",
                           desk.path("report.json")});
    const Watched stages(desk.wait_for_frames(5));
    rig.signal(SIGINT);
    CHECK(desk.finish(rig).code == 130);
    CHECK(stages.gone_by(monotonic_ns()));
    for (const json& edge : json::parse(std::ifstream(desk.path("report.json"))).at("edges")) {
      CHECK(edge.at("in_flight") == 0);
      CHECK(edge.at("produced") == edge.at("delivered"));
    }
  }

  TEST_CASE("avrig run: Ctrl-C twice means now, even to a stage that does not listen") {
    const Desk desk;
    auto rig =
        desk.start({"run", desk.write("rig.yaml", three("frames: 0, period: 2ms", "deaf: true"))});
    const Watched stages(desk.wait_for_frames(5));
    const std::int64_t began_ns = monotonic_ns();
    rig.signal(SIGINT);
    // Two signals that are pending together are one: wait until the first has been seen.
    for (json state = json::object();
         state.value("phase", "") != "ended" && monotonic_ns() < began_ns + kLongNs;) {
      const json rigs = json::parse(desk.call({"ps", "--json"}).output);
      if (rigs.empty()) {
        break;
      }
      state = rigs.at(0).at("stages").at(0);
    }
    rig.signal(SIGINT);
    CHECK(desk.finish(rig).code == 130);
    CHECK(stages.gone_by(monotonic_ns()));
    CHECK(monotonic_ns() - began_ns < kTwoSecondsNs);
  }

  TEST_CASE("avrig run killed: within two seconds no process of the run is left") {
    const Desk desk;
    auto rig =
        desk.start({"run", desk.write("rig.yaml", three("frames: 0, period: 2ms", "deaf: true"))});
    const Watched stages(desk.wait_for_frames(5));
    rig.signal(SIGKILL);
    CHECK(stages.gone_by(monotonic_ns() + kTwoSecondsNs));
    CHECK(has(desk.call({"ps"}).output, "no rig runs"));  // and its socket is taken away
  }

  TEST_CASE("avrig graph and schema: print what they are asked for") {
    const Desk desk;
    const std::string file = desk.write("rig.yaml", three("frames: 50"));
    CHECK(has(desk.call({"graph", file, "--format", "dot"}).output, "digraph"));
    CHECK(desk.call({"graph", file, "--format", "svg"}).code == 1);
    CHECK(json::parse(desk.call({"schema"}).output).contains("properties"));
    CHECK(desk.call({"doctor"}).code == 0);
  }
}
