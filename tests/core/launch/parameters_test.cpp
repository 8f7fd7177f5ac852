// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/parameters.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace avrig;
using nlohmann::json;

namespace {

stage::ParameterDescription published(const char* name, const char* type, const char* usual) {
  stage::ParameterDescription result;
  result.name = name;
  result.type = type;
  result.default_text = usual;
  return result;
}

spec::StageSpec stage_with(json params) {
  spec::StageSpec stage;
  stage.id = "blur";
  stage.role = spec::Role::Processor;
  stage.target = "gaussian-blur";
  stage.params = std::move(params);
  stage.folder = "/rig";
  return stage;
}

}  // namespace

TEST_SUITE("launch/parameters") {
  TEST_CASE("parameters: units become canonical, paths absolute, defaults are filled in") {
    const std::vector<stage::ParameterDescription> list{published("hold", "duration", "5000000"),
                                                        published("rate", "frequency", "48000"),
                                                        published("gain", "level", "-6"),
                                                        published("url", "path", ""),
                                                        published("kernel", "int", "15"),
                                                        published("mode", "string", "fast"),
                                                        published("sounds", "path", "wav"),
                                                        published("to", "path", "{run}/x")};
    const auto sut = launch::resolve_parameters(
        stage_with({{"hold", "20ms"}, {"url", "talk.mp4"}, {"kernel", 21}}), list);
    CHECK(sut.problems.empty());
    CHECK(sut.values.at("hold") == 20'000'000);
    CHECK(sut.values.at("rate") == 48000);
    CHECK(sut.values.at("gain") == -6);
    CHECK(sut.values.at("url") == "/rig/talk.mp4");
    CHECK(sut.values.at("kernel") == 21);
    CHECK(sut.values.at("mode") == "fast");
    CHECK(sut.values.at("sounds") == "/rig/wav");
    CHECK(sut.values.at("to") == "{run}/x");
  }

  TEST_CASE("parameters: every wrong one is reported") {
    const std::vector<stage::ParameterDescription> list{published("hold", "duration", "0"),
                                                        published("kernel", "int", "15")};
    const auto sut =
        launch::resolve_parameters(stage_with({{"hold", "20kHz"}, {"kernal", 21}}), list);
    CHECK(sut.problems.size() == 2);
  }

  TEST_CASE("parameters: a duration may be negative where its range says so") {
    std::vector<stage::ParameterDescription> list{published("bias", "duration", "0ms")};
    list[0].minimum = "-10s";
    list[0].maximum = "10s";
    list[0].live = true;
    const auto sut = launch::resolve_parameters(stage_with({{"bias", "-2.5ms"}}), list);
    CHECK(sut.problems.empty());
    CHECK(sut.values.at("bias") == -2'500'000);
    const spec::StageSpec stage = stage_with(json::object());
    CHECK(launch::resolve_live(stage, list, "bias", "-10s", "-10s") == -10'000'000'000);
    CHECK_THROWS_WITH_AS((void)launch::resolve_live(stage, list, "bias", "-11s", "-11s"),
                         doctest::Contains("must be from -10s to 10s, got"),
                         Error);
  }

  TEST_CASE("parameters: only what is live changes while running, within its range") {
    std::vector<stage::ParameterDescription> list{published("kernel", "int", "15"),
                                                  published("mode", "string", "fast")};
    list[0].live = true;
    list[0].maximum = "99";
    const spec::StageSpec stage = stage_with(json::object());
    CHECK(launch::resolve_live(stage, list, "kernel", 31, "31") == 31);
    CHECK_THROWS_AS((void)launch::resolve_live(stage, list, "kernel", 101, "101"), Error);
    CHECK_THROWS_WITH_AS((void)launch::resolve_live(stage, list, "mode", "slow", "slow"),
                         doctest::Contains("cannot change while running"),
                         Error);
    CHECK_THROWS_WITH_AS((void)launch::resolve_live(stage, list, "kernl", 3, "3"),
                         doctest::Contains("kernel"),
                         Error);
  }
}
