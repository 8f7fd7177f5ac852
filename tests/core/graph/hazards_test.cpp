// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "support.hpp"

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::graph;
using namespace avrig::graph::test;
using spec::Role;

namespace {

constexpr auto kVideo = static_cast<std::uint32_t>(AVRIG_MEDIA_VIDEO);

Rig camera() {
  Rig rig;
  rig.add("cam", Role::Reader, source(video()));
  return rig;
}

std::uint64_t bit(const Graph& graph, const std::string& from, const std::string& stage) {
  return std::uint64_t{1} << edge(graph, from, stage).participant;
}

shm::ParticipantEntry entry(const Planned& planned, const Edge& edge) {
  return planned.plan.rings[edge.ring].spec.participants[edge.participant];
}

}  // namespace

TEST_SUITE("core/graph/hazards") {
  TEST_CASE("an editor waits for all who look at the unedited frame, who follows it for it") {
    Rig rig = camera();
    rig.add("stamp", Role::Processor, editor(kVideo), {"cam"});
    rig.add("logo", Role::Processor, editor(kVideo), {"stamp"});
    rig.add("faces", Role::Processor, maker(kVideo), {"cam"});
    rig.add("raw", Role::Writer, recorder(), {"cam"});
    rig.add("stamped", Role::Writer, recorder(), {"stamp"});
    rig.add("final", Role::Writer, recorder(), {"logo"});
    const Graph graph = rig.configured();
    const Planned sut = graph.plan();
    REQUIRE_MESSAGE(sut.ok(), text(sut.problems));
    const std::uint64_t stamp = bit(graph, "cam/out", "stamp");
    const std::uint64_t logo = bit(graph, "stamp/out", "logo");
    const std::uint64_t faces = bit(graph, "cam/out", "faces");
    const std::uint64_t raw = bit(graph, "cam/out", "raw");
    const std::uint64_t stamped = bit(graph, "stamp/out", "stamped");
    const auto at = [&](const char* from, const char* stage) {
      return entry(sut, edge(graph, from, stage));
    };

    CHECK(edge(graph, "logo/out", "final").ring == edge(graph, "cam/out", "raw").ring);
    CHECK(at("cam/out", "raw").after == 0);
    CHECK(at("cam/out", "raw").behind == 0);
    CHECK(at("cam/out", "stamp").after == 0);
    CHECK(at("cam/out", "stamp").behind == (faces | raw));
    CHECK(at("stamp/out", "stamped").after == stamp);
    CHECK(at("stamp/out", "logo").after == stamp);
    CHECK(at("stamp/out", "logo").behind == (faces | raw | stamp | stamped));
    CHECK(at("logo/out", "final").after == (stamp | logo));
    CHECK(at("cam/out", "stamp").editor_line == 0);
    CHECK(at("stamp/out", "logo").editor_line == 1);
    CHECK(sut.plan.assignments[1].outputs[0].edited);
    CHECK(sut.plan.assignments[1].outputs[0].ring == sut.plan.assignments[1].inputs[0].ring);
  }

  TEST_CASE("no editor follows a maker that still reads what it published") {
    Rig rig;
    Fake decoder = source(video());
    bool converts = false;
    decoder.configure = [&converts, before = decoder.configure](auto inputs, auto wishes) {
      stage::Configured answer = before(inputs, wishes);
      answer.keeps_reading = {!converts};
      return answer;
    };
    rig.add("clip", Role::Reader, decoder);
    rig.add("stamp", Role::Processor, editor(kVideo), {"clip"});
    SUBCASE("directly") {
      const std::string sut = text(rig.problems());
      INFO(sut);
      CHECK(
          contains(sut, "rig.yaml:2:10 'stamp' edits frames in place, but 'clip' (rig.yaml:1:3)"));
      CHECK(contains(sut, "put a maker before it"));
    }
    SUBCASE("but one that turns out to convert its frames does not read them again") {
      converts = true;
      CHECK(rig.problems().empty());
    }
    SUBCASE("but behind a maker it may") {
      rig.spec.stages[1].inputs[0].stage = "copy";
      rig.add("copy", Role::Processor, maker(kVideo), {"clip"});
      CHECK(rig.problems().empty());
    }
  }

  TEST_CASE("no editor follows a gate") {
    Rig rig = camera();
    rig.add("lips", Role::Sync, gate(), {"cam"}, "lips");
    rig.add("stamp", Role::Processor, editor(kVideo), {"lips"});
    const std::string sut = text(rig.problems());
    INFO(sut);
    CHECK(contains(sut, "rig.yaml:3:10 'stamp' edits frames in place, but those of 'lips/out'"));
    CHECK(contains(sut, "edit before the gate"));
  }

  TEST_CASE("no gate follows the unedited frame beside an editor") {
    Rig rig = camera();
    rig.add("stamp", Role::Processor, editor(kVideo), {"cam"});
    rig.add("lips", Role::Sync, gate(), {"cam"}, "lips");
    const std::string sut = text(rig.problems());
    INFO(sut);
    CHECK(contains(sut, "rig.yaml:3:10 the gate 'lips'"));
    CHECK(contains(sut, "'stamp' (rig.yaml:2:10)"));
    CHECK(contains(sut, "let the gate follow 'stamp'"));
  }

  TEST_CASE("no gate stands behind its own group") {
    Rig rig = camera();
    rig.add("one", Role::Sync, gate(), {"cam"}, "g");
    rig.add("blur", Role::Processor, maker(kVideo), {"one"});
    SUBCASE("directly") {
      rig.add("two", Role::Sync, gate(), {"blur"}, "g");
      CHECK(contains(text(rig.problems()), "rig.yaml:4:3 the gate 'two' gets its first frame"));
    }
    SUBCASE("by way of another group") {
      rig.add("other", Role::Sync, gate(), {"blur"}, "h");
      rig.add("again", Role::Sync, gate(), {"cam"}, "h");
      rig.add("two", Role::Sync, gate(), {"again"}, "g");
      const std::string sut = text(rig.problems());
      CHECK(contains(sut, "the gate 'two' gets its first frame"));
    }
    SUBCASE("but behind another it may") {
      rig.add("two", Role::Sync, gate(), {"blur"}, "h");
      CHECK(rig.problems().empty());
    }
  }

  TEST_CASE("no stage waits for the unedited and the edited frame") {
    Rig rig = camera();
    rig.add("stamp", Role::Processor, editor(kVideo), {"cam"});
    SUBCASE("of the same ring") {
      rig.add("both", Role::Writer, recorder(), {"cam", "stamp"});
    }
    SUBCASE("through makers behind the editor") {
      rig.add("blur", Role::Processor, maker(kVideo), {"stamp"});
      rig.add("both", Role::Writer, recorder(), {"cam", "blur"});
    }
    const std::string sut = text(rig.problems());
    INFO(sut);
    CHECK(contains(sut, "'both' waits for 'cam/out'"));
    CHECK(contains(sut, "'stamp' (rig.yaml:2:10) makes of the same frame"));
    CHECK(contains(sut, "put a maker before 'stamp'"));
  }

  TEST_CASE("a raw recording beside a processed one is fine behind makers") {
    Rig rig = camera();
    rig.add("blur", Role::Processor, maker(kVideo), {"cam"});
    rig.add("both", Role::Writer, recorder(), {"cam", "blur"});
    CHECK(rig.problems().empty());
  }

  TEST_CASE("a raw recording of its own stage is fine beside an editor") {
    Rig rig = camera();
    rig.add("stamp", Role::Processor, editor(kVideo), {"cam"});
    rig.add("raw", Role::Writer, recorder(), {"cam"});
    rig.add("done", Role::Writer, recorder(), {"stamp"});
    CHECK(rig.problems().empty());
  }

  TEST_CASE("what looks at the unedited frame may feed its editor") {
    Fake blur = editor(kVideo);
    blur.description.inputs.push_back(input(AVRIG_MEDIA_FEATURES, "faces"));
    Fake detector = maker(kVideo);
    detector.description.outputs = {output(AVRIG_MEDIA_FEATURES)};
    detector.configure = [](auto, auto) {
      avrig_format format{};
      format.media = AVRIG_MEDIA_FEATURES;
      format.columns = 4;
      format.max_rows = 16;
      stage::Configured configured;
      configured.outputs = {format};
      configured.frame_bytes = {256};
      return configured;
    };
    Rig rig = camera();
    rig.add("find", Role::Processor, detector, {"cam"});
    rig.add("blur", Role::Processor, blur, {"cam", "find"});
    rig.add("take", Role::Writer, recorder(), {"blur"});
    const Graph graph = rig.configured();
    CHECK(entry(graph.plan(), edge(graph, "cam/out", "blur")).behind ==
          bit(graph, "cam/out", "find"));
    CHECK(edge(graph, "find/out", "blur").part == shm::Part::Looker);
  }

  TEST_CASE("two editors of the same frame are refused with both places") {
    Rig rig = camera();
    rig.add("stamp", Role::Processor, editor(kVideo), {"cam"});
    rig.add("logo", Role::Processor, editor(kVideo), {"cam"});
    const std::string sut = text(rig.problems());
    INFO(sut);
    CHECK(contains(sut, "'stamp' (rig.yaml:2:10) and 'logo' (rig.yaml:3:10) both edit"));
    CHECK(contains(sut, "'in: stamp' in stage 'logo'"));
  }

  TEST_CASE("a ring has at most four editors") {
    Rig rig = camera();
    std::string last = "cam";
    for (const char* id : {"e1", "e2", "e3", "e4"}) {
      rig.add(id, Role::Processor, editor(kVideo), {last});
      last = id;
    }
    CHECK(rig.problems().empty());
    rig.add("e5", Role::Processor, editor(kVideo), {last});
    CHECK(contains(text(rig.problems()), "rig.yaml:6:10 'e5' is editor 5 of 'cam/out'"));
  }

  TEST_CASE("a ring has at most 32 followers") {
    Rig rig = camera();
    for (int index = 0; index < 32; ++index) {
      rig.add("w" + std::to_string(index), Role::Writer, recorder(), {"cam"});
    }
    CHECK(rig.problems().empty());
    rig.add("w32", Role::Writer, recorder(), {"cam"});
    CHECK(contains(text(rig.problems()), "33 stages follow 'cam/out'"));
  }

  TEST_CASE("an editor cannot skip") {
    Rig rig = camera();
    rig.add("stamp", Role::Processor, editor(kVideo), {"cam may_skip"});
    CHECK(contains(text(rig.problems()), "cannot skip any"));
  }

  TEST_CASE("a maker has at most four inputs, a looker more") {
    Rig rig;
    Fake mix = maker(kVideo);
    mix.description.many_inputs = true;
    std::vector<std::string> five;
    for (const char* id : {"a", "b", "c", "d", "e"}) {
      rig.add(id, Role::Reader, source(video()));
      five.emplace_back(id);
    }
    rig.add("take", Role::Writer, recorder(), five);
    CHECK(rig.problems().empty());
    rig.add("mix", Role::Processor, mix, five);
    CHECK(contains(text(rig.problems()), "rig.yaml:7:50 stage 'mix' has 5 inputs"));
  }

  TEST_CASE("a reader with one thread for two streams that meet again is warned of") {
    Rig rig;
    Fake reader = media_reader();
    SUBCASE("but not one with a thread for each") {
      rig.add("clip", Role::Reader, reader);
      rig.add("take", Role::Writer, recorder(), {"clip/audio", "clip/video"});
      CHECK(rig.problems().empty());
    }
    reader.description.outputs[1].own_bell = false;
    SUBCASE("in a recorder") {
      rig.add("clip", Role::Reader, reader);
      rig.add("take", Role::Writer, recorder(), {"clip/audio", "clip/video"});
      const auto sut = rig.problems();
      CHECK(contains(text(sut), "serves its outputs from one thread, and 'take' needs them"));
      CHECK_FALSE(spec::has_errors(sut));
    }
    SUBCASE("in gates, which start together") {
      rig.add("clip", Role::Reader, reader);
      rig.add("lips-a", Role::Sync, gate(), {"clip/audio"}, "lips");
      rig.add("lips-v", Role::Sync, gate(), {"clip/video"}, "lips");
      CHECK(contains(text(rig.problems()), "serves its outputs from one thread"));
    }
  }
}
