// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "support.hpp"

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::graph;
using namespace avrig::graph::test;
using shm::Loss;
using spec::Role;

namespace {

constexpr auto kVideo = static_cast<std::uint32_t>(AVRIG_MEDIA_VIDEO);

Loss loss(const Graph& graph, const std::string& from, const std::string& stage) {
  return edge(graph, from, stage).loss;
}

}  // namespace

TEST_SUITE("core/graph/loss") {
  TEST_CASE("the talking head: only the screen may skip") {
    const Graph sut = talking_head().configured();
    for (const Edge& edge : sut.model().edges) {
      const bool screen = sut.model().stages[edge.stage].id == "screen";
      CHECK(edge.loss == (screen ? Loss::MaySkip : Loss::Must));
      CHECK_FALSE(sut.model().rings[edge.ring].live);
    }
  }

  TEST_CASE("offline nothing may skip and nothing is live") {
    Rig rig;
    rig.spec.offline = true;
    rig.add("cam", Role::Reader, source(video(), true));
    rig.add("screen", Role::Writer, presenter(kVideo), {"cam may_skip"});
    const Graph sut = rig.configured();
    CHECK(loss(sut, "cam/out", "screen") == Loss::Must);
    CHECK_FALSE(sut.model().stages[1].live);
  }

  TEST_CASE("an edge into a processor is as strict as the strictest out of it") {
    Rig rig;
    rig.add("cam", Role::Reader, source(video(), true));
    rig.add("blur", Role::Processor, maker(kVideo), {"cam"});
    rig.add("screen", Role::Writer, presenter(kVideo), {"blur"});
    SUBCASE("a preview alone may skip all the way") {
      const Graph sut = rig.configured();
      CHECK(loss(sut, "blur/out", "screen") == Loss::MaySkip);
      CHECK(loss(sut, "cam/out", "blur") == Loss::MaySkip);
      CHECK(sut.model().stages[2].live);
    }
    SUBCASE("a recorder beside it makes the way strict") {
      rig.add("take", Role::Writer, recorder(), {"blur"});
      const Graph sut = rig.configured();
      CHECK(loss(sut, "blur/out", "screen") == Loss::MaySkip);
      CHECK(loss(sut, "blur/out", "take") == Loss::Must);
      CHECK(loss(sut, "cam/out", "blur") == Loss::Must);
    }
    SUBCASE("what the file says holds") {
      rig.spec.stages[1].inputs[0].loss = spec::Loss::Must;
      CHECK(loss(rig.configured(), "cam/out", "blur") == Loss::Must);
    }
  }

  TEST_CASE("a live recording beside a slow preview loses nothing") {
    Rig rig;
    rig.add("cam", Role::Reader, source(video(), true));
    rig.add("take", Role::Writer, recorder(), {"cam"});
    rig.add("preview", Role::Writer, presenter(kVideo), {"cam may_skip"});
    const Graph sut = rig.configured();
    CHECK(loss(sut, "cam/out", "take") == Loss::Must);
    CHECK(loss(sut, "cam/out", "preview") == Loss::MaySkip);
  }

  TEST_CASE("sound is never skipped unless the file says so") {
    Rig rig;
    rig.add("mic", Role::Reader, source(audio(), true));
    rig.add("ears", Role::Writer, presenter(AVRIG_MEDIA_AUDIO), {"mic"});
    CHECK(loss(rig.configured(), "mic/out", "ears") == Loss::Must);
  }

  TEST_CASE("somebody always holds a file back") {
    Rig rig;
    rig.add("clip", Role::Reader, source(video()));
    rig.add("lips", Role::Sync, gate(), {"clip"}, "lips");
    rig.add("screen", Role::Writer, presenter(kVideo), {"lips"});
    SUBCASE("a display, where nobody else does") {
      const Graph sut = rig.configured();
      CHECK(loss(sut, "lips/out", "screen") == Loss::Must);
      CHECK(loss(sut, "clip/out", "lips") == Loss::Must);
    }
    SUBCASE("and a file that says otherwise is warned of") {
      rig.spec.stages[1].inputs[0].loss = spec::Loss::MaySkip;
      const auto sut = rig.problems();
      CHECK(contains(text(sut), "nobody holds its source back"));
      CHECK_FALSE(spec::has_errors(sut));
    }
  }

  TEST_CASE("an editor must see every frame, and a skipping looker before it is warned of") {
    Rig rig;
    rig.add("cam", Role::Reader, source(video(), true));
    rig.add("stamp", Role::Processor, editor(kVideo), {"cam"});
    rig.add("screen", Role::Writer, presenter(kVideo), {"stamp"});
    rig.add("preview", Role::Writer, presenter(kVideo), {"cam"});
    const Built sut = rig.build();
    REQUIRE(sut.graph.has_value());
    CHECK(loss(*sut.graph, "cam/out", "stamp") == Loss::Must);
    CHECK(loss(*sut.graph, "stamp/out", "screen") == Loss::MaySkip);
    CHECK(contains(text(sut.problems), "rig.yaml:4:10 'preview' may skip frames"));
  }

  TEST_CASE("a group presents what devices make or what files hold, not both") {
    Rig rig;
    rig.add("cam", Role::Reader, source(video(), true));
    rig.add("clip", Role::Reader, source(video()));
    rig.add("one", Role::Sync, gate(), {"cam"}, "g");
    rig.add("two", Role::Sync, gate(), {"clip"}, "g");
    const std::string sut = text(rig.problems());
    CHECK(contains(sut, "the gates of 'g' have no time in common"));
    CHECK(contains(sut, "'one' (rig.yaml:3:3) presents what a device makes, 'two' a file"));
  }
}
