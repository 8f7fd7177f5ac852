// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "support.hpp"

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::graph;
using namespace avrig::graph::test;
using spec::Role;
using Formats = std::vector<std::string>;

namespace {

constexpr auto kVideo = static_cast<std::uint32_t>(AVRIG_MEDIA_VIDEO);
constexpr auto kAudio = static_cast<std::uint32_t>(AVRIG_MEDIA_AUDIO);

Fake offering(Formats formats) {
  Fake fake = source(video(formats.empty() ? "nv12" : formats.front().c_str()));
  fake.description.outputs.front().offers.pixel_formats = std::move(formats);
  return fake;
}

Fake taking(Formats formats) {
  Fake fake = recorder();
  fake.description.inputs.front().accepts.pixel_formats = std::move(formats);
  return fake;
}

Formats wish(const Graph& graph, std::size_t stage = 0) {
  return graph.wishes_for(stage).front().pixel_formats;
}

std::string conversion(const Graph& graph) {
  return graph.model().rings.front().conversion;
}

}  // namespace

TEST_SUITE("core/graph/negotiate") {
  TEST_CASE("the maker's own format stays where all take it") {
    Rig rig;
    rig.add("clip", Role::Reader, offering({"yuv420p", "rgb24"}));
    rig.add("a", Role::Writer, taking({"rgb24", "yuv420p"}), {"clip"});
    rig.add("b", Role::Writer, taking({}), {"clip"});
    const Graph sut = rig.configured();
    CHECK(wish(sut) == Formats{"yuv420p"});
    CHECK(conversion(sut).empty());
  }

  TEST_CASE("with nobody asking, the maker does as it likes") {
    Rig rig;
    rig.add("clip", Role::Reader, offering({}));
    rig.add("a", Role::Writer, taking({}), {"clip"});
    CHECK(wish(rig.configured()).empty());
  }

  TEST_CASE("else the maker converts to the first that all take, where it writes anyway") {
    Rig rig;
    rig.add("clip", Role::Reader, offering({"yuv420p10le", "yuv420p", "rgb24"}));
    rig.add("a", Role::Writer, taking({"rgb24", "yuv420p"}), {"clip"});
    rig.add("b", Role::Writer, taking({"yuv420p", "nv12"}), {"clip"});
    const Graph sut = rig.configured();
    CHECK(wish(sut) == Formats{"yuv420p"});
    CHECK(conversion(sut) == "yuv420p10le -> yuv420p");
    CHECK(std::string(sut.model().format(0)->pixel_format) == "yuv420p");
  }

  TEST_CASE("a maker that does not say what it offers gets the list of what all take") {
    Rig rig;
    rig.add("clip", Role::Reader, offering({}));
    rig.add("a", Role::Writer, taking({"rgb24", "yuv420p", "gray"}), {"clip"});
    rig.add("b", Role::Writer, taking({"gray", "yuv420p"}), {"clip"});
    CHECK(wish(rig.configured()) == Formats{"yuv420p", "gray"});
  }

  TEST_CASE("what stands behind editors and gates is asked too") {
    Rig rig;
    rig.add("clip", Role::Reader, offering({"nv12", "yuv420p", "bgr24"}));
    rig.add("stamp", Role::Processor, editor(kVideo), {"clip"});
    rig.add("lips", Role::Sync, gate(), {"stamp"}, "lips");
    rig.add("screen", Role::Writer, taking({"bgr24"}), {"lips"});
    const Graph sut = rig.configured();
    CHECK(wish(sut) == Formats{"bgr24"});
    CHECK(sut.wishes_for(1).front().pixel_formats.empty());
    CHECK(sut.wishes_for(2).front().pixel_formats.empty());
  }

  TEST_CASE(
      "what stands behind a maker that passes its format on is pleased where it costs nothing") {
    Rig rig;
    rig.add("clip", Role::Reader, offering({"nv12", "bgr24"}));
    rig.add("blur", Role::Processor, maker(kVideo), {"clip"});
    rig.add("screen", Role::Writer, taking({"bgr24"}), {"blur"});
    SUBCASE("one conversion, in the reader") {
      const Graph sut = rig.configured();
      CHECK(wish(sut, 0) == Formats{"bgr24"});
      CHECK(wish(sut, 1) == Formats{"bgr24"});
    }
    SUBCASE("but not against one who takes the frame itself") {
      rig.add("raw", Role::Writer, taking({"nv12"}), {"clip"});
      const Built sut = rig.build();
      REQUIRE(sut.graph.has_value());
      CHECK(wish(*sut.graph, 0) == Formats{"nv12"});
    }
  }

  TEST_CASE("nothing in common is an error with both ends and what would convert") {
    Rig rig;
    rig.add("clip", Role::Reader, offering({"yuv420p", "nv12"}));
    SUBCASE("between maker and follower") {
      rig.add("screen", Role::Writer, taking({"bgr24", "rgb24"}), {"clip"});
      const std::string sut = text(rig.problems());
      INFO(sut);
      CHECK(contains(sut,
                     "rig.yaml:2:10 stage 'screen' takes pixel format bgr24, rgb24; 'clip/out' "
                     "(rig.yaml:1:3) can give yuv420p, nv12"));
      CHECK(contains(sut, "'process: avfilter' with 'chain: format=bgr24'"));
    }
    SUBCASE("between two followers") {
      rig.add("a", Role::Writer, taking({"yuv420p"}), {"clip"});
      rig.add("b", Role::Writer, taking({"nv12"}), {"clip"});
      const std::string sut = text(rig.problems());
      INFO(sut);
      CHECK(contains(sut, "rig.yaml:3:10 no pixel format of 'clip/out' suits all"));
      CHECK(contains(sut, "stage 'a' (rig.yaml:2:10) takes yuv420p, stage 'b' takes nv12"));
      CHECK(contains(sut, "put a conversion in front of one of them"));
    }
  }

  TEST_CASE("sample rates and channels are chosen apart; who takes any rate asks for none") {
    Fake mic = source(audio(44100, 2));
    mic.description.outputs.front().offers.sample_rates_hz = {44100, 48000};
    mic.description.outputs.front().offers.channels = {2, 1};
    Fake mono = recorder();
    mono.description.inputs.front().accepts.channels = {1};
    Rig rig;
    rig.add("mic", Role::Reader, mic);
    rig.add("ears", Role::Writer, presenter(kAudio), {"mic"});
    rig.add("model", Role::Writer, mono, {"mic"});
    const Graph sut = rig.configured();
    const stage::Wish wish = sut.wishes_for(0).front();
    CHECK(wish.sample_rates_hz == std::vector<std::uint32_t>{44100});
    CHECK(wish.channels == std::vector<std::uint32_t>{1});
    CHECK(conversion(sut) == "2 -> 1");
  }

  TEST_CASE("a maker that gives something else than was asked for is found out") {
    Fake stubborn = offering({"bgr24"});
    stubborn.description.outputs.front().offers.pixel_formats = {};
    stubborn.configure = [](auto, auto) {
      stage::Configured configured;
      configured.outputs = {video("pal8")};
      configured.frame_bytes = {100};
      return configured;
    };
    Rig rig;
    rig.add("clip", Role::Reader, stubborn);
    rig.add("screen", Role::Writer, taking({"bgr24"}), {"clip"});
    const std::string sut = text(rig.problems());
    INFO(sut);
    CHECK(contains(sut, "stage 'screen' takes pixel format bgr24, but 'clip/out' gives pal8"));
  }

  TEST_CASE("an editor or gate that changes the format is found out") {
    Fake sut = editor(kVideo);
    SUBCASE("editor") {}
    SUBCASE("gate") {
      sut = gate();
    }
    sut.configure = [](auto, auto) {
      stage::Configured configured;
      configured.outputs = {video("gray")};
      configured.frame_bytes = {100};
      return configured;
    };
    Rig rig;
    rig.add("clip", Role::Reader, source(video()));
    rig.add("x",
            sut.description.work == stage::Work::Gate ? Role::Sync : Role::Processor,
            sut,
            {"clip"});
    CHECK(contains(text(rig.problems()), "'x/out' must have the format of its input"));
  }

  TEST_CASE("an answer that does not fit the description is found out") {
    Fake sut = source(video());
    sut.configure = [](auto, auto) {
      stage::Configured configured;
      configured.outputs = {video(), video()};
      configured.frame_bytes = {100};
      configured.history = {1};
      return configured;
    };
    Rig rig;
    rig.add("clip", Role::Reader, sut);
    const std::string problems = text(rig.problems());
    INFO(problems);
    CHECK(contains(problems, "answered with 2 output formats, it has 1"));
    CHECK(contains(problems, "answered with 1 input histories, it has 0"));
  }

  TEST_CASE("configuring before a producer is a mistake of the caller") {
    const Built sut = talking_head().build();
    REQUIRE(sut.graph.has_value());
    CHECK_THROWS((void)sut.graph->input_formats(1));
    CHECK_THROWS((void)sut.graph->plan());
    CHECK_FALSE(sut.graph->configured());
  }
}
