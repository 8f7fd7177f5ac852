// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "support.hpp"

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::graph;
using namespace avrig::graph::test;
using spec::Role;

TEST_SUITE("core/graph/connect") {
  TEST_CASE("the talking head connects without a problem, producers first") {
    const Rig rig = talking_head();
    const Built sut = rig.build();
    REQUIRE_MESSAGE(sut.graph.has_value(), text(sut.problems));
    CHECK(sut.problems.empty());
    const Model& model = sut.graph->model();
    CHECK(model.rings.size() == 6);  // two of the reader, two makers, two gates
    CHECK(model.edges.size() == 8);
    CHECK(model.order == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7});
    CHECK(edge(*sut.graph, "lips-audio/out", "take").port.name == "in");
    CHECK(edge(*sut.graph, "lips-video/out", "take").port.name == "in2");
  }

  TEST_CASE("the order in the file does not matter") {
    Rig rig;
    rig.add("take", Role::Writer, recorder(), {"blur"});
    rig.add("blur", Role::Processor, maker(AVRIG_MEDIA_VIDEO), {"cam"});
    rig.add("cam", Role::Reader, source(video()));
    const Graph sut = rig.configured();
    CHECK(std::vector<std::size_t>(sut.order().begin(), sut.order().end()) ==
          std::vector<std::size_t>{2, 1, 0});
  }

  TEST_CASE("a bare stage means the output that the input can take") {
    Rig rig;
    rig.add("clip", Role::Reader, media_reader());
    rig.add("blur", Role::Processor, maker(AVRIG_MEDIA_VIDEO), {"clip"});
    const Built sut = rig.build();
    REQUIRE_MESSAGE(sut.graph.has_value(), text(sut.problems));
    CHECK(edge(*sut.graph, "clip/video", "blur").from_output == 1);
  }

  TEST_CASE("a bare stage that could mean two outputs is asked which") {
    Rig rig;
    rig.add("clip", Role::Reader, media_reader());
    rig.add("take", Role::Writer, recorder(), {"clip"});
    const std::string problems = text(rig.problems());
    CHECK(contains(problems, "rig.yaml:2:10 'clip' has several outputs"));
    CHECK(contains(problems, "'clip/audio' or 'clip/video'"));
  }

  TEST_CASE("inputs find their ports by media, and come in the order of the ports") {
    Fake probe;
    probe.description.inputs = {input(AVRIG_MEDIA_AUDIO, "audio"),
                                input(AVRIG_MEDIA_VIDEO, "video")};
    probe.configure = [](auto, auto) {
      return stage::Configured{};
    };
    Rig rig;
    rig.add("clip", Role::Reader, media_reader());
    rig.add("probe", Role::Processor, probe, {"clip/video", "clip/audio"});
    const Planned sut = rig.plan();
    const auto& inputs = sut.plan.assignments[1].inputs;
    REQUIRE(inputs.size() == 2);
    CHECK(inputs[0].port == "audio");
    CHECK(inputs[0].from == "clip/audio");
    CHECK(inputs[1].port == "video");
  }

  TEST_CASE("every wrong connection is found at once, each at its place with a way out") {
    Rig rig;
    rig.add("clip", Role::Reader, media_reader());
    rig.add("a", Role::Processor, maker(AVRIG_MEDIA_VIDEO), {"clip/vido"});
    rig.add("b", Role::Processor, maker(AVRIG_MEDIA_VIDEO), {"clip/audio"});
    rig.add("c", Role::Processor, maker(AVRIG_MEDIA_VIDEO), {"clip/video", "clip/audio"});
    rig.add("d", Role::Processor, maker(AVRIG_MEDIA_VIDEO));
    rig.add("e", Role::Writer, recorder(), {"clp"});
    const std::string problems = text(rig.problems());
    INFO(problems);
    CHECK(contains(problems,
                   "rig.yaml:2:10 stage 'clip' has no output 'vido'; there is 'clip/audio', "
                   "'clip/video' (did you mean 'clip/video'?)"));
    CHECK(contains(problems,
                   "rig.yaml:3:10 stage 'b' takes video ('in'), but 'clip/audio' is audio (take "
                   "'clip/video')"));
    CHECK(contains(problems, "rig.yaml:4:20 stage 'c' takes 1 input, got 2"));
    CHECK(contains(problems, "rig.yaml:5:3 stage 'd' needs an input for its port 'in' (video)"));
    CHECK(contains(problems, "rig.yaml:6:10 stage 'e' takes its input from 'clp'"));
  }

  TEST_CASE("what hangs on a broken editor or gate is left unjudged") {
    Rig rig;
    rig.add("clip", Role::Reader, media_reader());
    rig.add("stamp", Role::Processor, editor(AVRIG_MEDIA_VIDEO), {"clip/vido"});
    rig.add("lips", Role::Sync, gate(), {"stamp"}, "lips");
    rig.add("take", Role::Writer, recorder(), {"lips"});
    CHECK(rig.problems().size() == 1);
  }

  TEST_CASE("an optional port may stay open") {
    Fake sut = maker(AVRIG_MEDIA_VIDEO);
    sut.description.inputs.push_back(input(AVRIG_MEDIA_FEATURES, "where"));
    Rig rig;
    rig.add("cam", Role::Reader, source(video()));
    SUBCASE("if it says so") {
      sut.description.inputs.back().optional = true;
      rig.add("blur", Role::Processor, sut, {"cam"});
      CHECK(rig.problems().empty());
    }
    SUBCASE("and not otherwise") {
      rig.add("blur", Role::Processor, sut, {"cam"});
      CHECK(contains(text(rig.problems()), "needs an input for its port 'where' (features)"));
    }
  }

  TEST_CASE("a cycle ends the building") {
    Rig rig;
    rig.add("a", Role::Processor, maker(AVRIG_MEDIA_VIDEO), {"b"});
    rig.add("b", Role::Processor, maker(AVRIG_MEDIA_VIDEO), {"a"});
    CHECK(contains(text(rig.problems()), "cycle"));
  }

  TEST_CASE("a stage that was not described is a problem of its own") {
    Rig rig;
    rig.add("cam", Role::Reader, source(video()));
    rig.add("take", Role::Writer, recorder(), {"cam"});
    const Built sut = Graph::build(rig.spec, {});
    CHECK_FALSE(sut.graph.has_value());
    CHECK(sut.problems.size() == 2);
  }
}
