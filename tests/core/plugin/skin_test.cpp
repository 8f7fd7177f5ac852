// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/plugin.hpp>
#include <avrig/testing.hpp>

#include <chrono>
#include <string>

#include <doctest/doctest.h>

namespace {

using namespace avrig::plugin;
using namespace avrig::testing;

const std::string kShapes = std::string(FIXTURES) + "/shapes.so:";

const avrig_port& input(const Rig& rig, std::uint32_t i) {
  return rig.traits().inputs[i];
}

}  // namespace

TEST_SUITE("core/plugin/skin") {
  TEST_CASE("value: canonical text becomes what is asked for, or throws naming the parameter") {
    CHECK(Value("x", "true").as<bool>());
    CHECK_FALSE(Value("x", "false").as<bool>());
    CHECK(Value("x", "-12").as<int>() == -12);
    CHECK(Value("x", "0.5").as<float>() == 0.5F);
    CHECK(Value("x", "20000000").as<std::chrono::nanoseconds>() == std::chrono::milliseconds(20));
    CHECK(Value("x", "a,b").as<std::vector<std::string>>() == std::vector<std::string>{"a", "b"});
    CHECK(Value("x", "").as<std::vector<std::string>>().empty());
    CHECK_THROWS_WITH(static_cast<void>(Value("x", "1 ").as<int>()),
                      "parameter 'x': cannot read '1 '");
    CHECK_THROWS(static_cast<void>(Value("x", "yes").as<bool>()));
    CHECK_THROWS(static_cast<void>(Value("x", "300").as<std::uint8_t>()));
  }

  TEST_CASE("skin: role, class and ports follow from the frame call") {
    const Rig reader(kShapes + "ramp", {}, AVRIG_READER);
    CHECK(reader.traits().input_count == 0);
    CHECK(std::string(reader.traits().outputs[0].name) == "audio");

    const Rig writer(kShapes + "sum", {}, AVRIG_WRITER);
    CHECK(writer.traits().flags == AVRIG_TRAIT_PRESENTS);
    CHECK(writer.traits().output_count == 0);

    const Rig editor(kShapes + "mark");
    CHECK(editor.traits().work == AVRIG_EDITOR);
    CHECK(editor.traits().heal == AVRIG_HEAL_UNDO);
    CHECK(std::string(input(editor, 0).pixel_formats) == "gray,yuv420p");

    const Rig looker(kShapes + "thrower");
    CHECK(looker.traits().work == AVRIG_LOOKER);
  }

  TEST_CASE("skin: two inputs of one medium have two names, which describe may change") {
    const Rig sut(kShapes + "compare");
    CHECK(sut.traits().trigger == AVRIG_TRIGGER_ANY);
    CHECK(std::string(input(sut, 0).name) == "audio");
    CHECK(std::string(input(sut, 1).name) == "reference");
    CHECK(input(sut, 1).block == 480);
    CHECK(std::string(sut.traits().outputs[0].name) == "features");
  }

  TEST_CASE("skin: what a constructor throws is what the user reads") {
    CHECK_THROWS_WITH(Rig(kShapes + "thrower", {{"where", "create"}}),
                      "plug-in 'thrower' cannot be created: cannot open the moon");
  }

  TEST_CASE("skin: even what is no exception class is caught in a hook") {
    Rig sut(kShapes + "thrower", {{"where", "start"}});
    const Frame block(audio_format(48000, 1, 8));
    CHECK_THROWS_WITH(static_cast<void>(sut.run({{block}})),
                      doctest::Contains("'thrower' cannot start: an exception that is not"));
  }

  TEST_CASE("skin: settings are checked against the published parameters, all at once") {
    CHECK_THROWS_WITH(Rig(kShapes + "thrower", {{"where", "always"}, {"wear", "1"}}),
                      "parameter 'where': 'always' is none of never,create,start; "
                      "parameter 'wear': thrower has none of this name");
  }

  TEST_CASE("skin: a live parameter changes between frames, another one does not") {
    Rig sut(kShapes + "thrower");
    const Frame block(audio_format(48000, 1, 8));
    CHECK(sut.run({{block}}).dropped == 0);
    sut.instance().set_parameter("level", "2");
    CHECK(sut.run({{block}}).dropped == 1);
    CHECK_THROWS_WITH(sut.instance().set_parameter("where", "start"),
                      "parameter 'where' cannot change while running");
    CHECK_THROWS_WITH(sut.instance().set_parameter("level", "loud"),
                      "parameter 'level': 'loud' is no int");
    CHECK_THROWS(sut.instance().set_parameter("none", "1"));
  }
}
