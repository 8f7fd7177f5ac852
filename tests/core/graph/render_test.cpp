// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "support.hpp"
#include <avrig/graph/render.hpp>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::graph;
using namespace avrig::graph::test;
using spec::Role;

TEST_SUITE("core/graph/render") {
  TEST_CASE("before formats are known the tables have what is known") {
    const Built built = talking_head().build();
    REQUIRE(built.graph.has_value());
    const std::string sut = to_text(*built.graph);
    INFO(sut);
    CHECK(contains(sut, "clip        read: media"));
    CHECK(contains(sut, "clip/video      video"));
    CHECK(contains(sut, "lips-video/out -> screen"));
    CHECK(contains(to_dot(*built.graph), "\"clip\" -> \"clean\" [label=\"audio: audio\"]"));
  }

  TEST_CASE("with a plan they have formats, sizes, losses and the budget") {
    const Graph graph = talking_head().configured();
    const Planned planned = graph.plan();
    const std::string sut = to_text(graph, &planned.plan);
    INFO(sut);
    CHECK(contains(sut, "1920x1080 yuv420p 30 fps"));
    CHECK(contains(sut, "48000 Hz 2 ch, blocks of 1024"));
    CHECK(contains(sut, "of blur/out"));
    CHECK(contains(sut, "may_skip"));
    CHECK(contains(sut, "MiB of shared memory, budget 2048.0 MiB"));
    CHECK_FALSE(contains(sut, " \n"));
  }

  TEST_CASE("the order of editors is shown") {
    Rig rig;
    rig.add("cam", Role::Reader, source(video()));
    rig.add("stamp", Role::Processor, editor(AVRIG_MEDIA_VIDEO), {"cam"});
    rig.add("raw", Role::Writer, recorder(), {"cam"});
    rig.add("take", Role::Writer, recorder(), {"stamp"});
    const Graph graph = rig.configured();
    const std::string sut = to_text(graph);
    INFO(sut);
    CHECK(contains(sut, "cam/out -> stamp   in    editor    must  after raw"));
    CHECK(contains(sut, "stamp/out -> take  in    looker    must  after stamp"));
    CHECK(contains(to_dot(graph), "style=bold"));
    CHECK(contains(to_mermaid(graph), "s0 ==>|\"out: 1920x1080 yuv420p 30 fps\"| s1"));
  }

  TEST_CASE("what users name cannot break out of a drawing") {
    Rig rig;
    rig.spec.name = "a\"b\\c\n";
    rig.add("cam", Role::Reader, source(video()), {}, "x\"]; evil <b>");
    const Graph graph = rig.configured();
    CHECK(contains(to_dot(graph), "digraph \"a\\\"b\\\\c \" {"));
    CHECK(contains(to_dot(graph), "read: x\\\"]; evil <b>"));
    CHECK(contains(to_mermaid(graph), "read: x#quot;]; evil #60;b#62;"));
  }
}
