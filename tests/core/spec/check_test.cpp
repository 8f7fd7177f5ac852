// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/spec/check.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig::spec;

namespace {

StageSpec stage(std::string id,
                Role role,
                std::string target,
                std::vector<std::string> inputs = {}) {
  StageSpec out;
  out.id = std::move(id);
  out.role = role;
  out.target = std::move(target);
  for (std::string& input : inputs) {
    out.inputs.push_back({std::move(input), "", {}, {}, {}});
  }
  return out;
}

PipelineSpec pipeline(std::vector<StageSpec> stages) {
  PipelineSpec spec;
  spec.name = "test";
  spec.stages = std::move(stages);
  return spec;
}

std::vector<std::string> texts(const PipelineSpec& spec) {
  std::vector<std::string> out;
  for (const Problem& problem : check(spec)) {
    out.push_back((problem.severity == Severity::Warning ? "warning: " : "") + problem.text);
  }
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_SUITE("core/spec/check") {
  TEST_CASE("checks: a pipeline built in code passes when it is sound") {
    CHECK(texts(pipeline({stage("a", Role::Reader, "media"),
                          stage("b", Role::Processor, "gain", {"a"}),
                          stage("c", Role::Writer, "media", {"b", "a"})}))
              .empty());
  }

  TEST_CASE("checks: a cycle is printed the way the frames would go") {
    const PipelineSpec sut = pipeline({stage("src", Role::Reader, "media"),
                                       stage("a", Role::Processor, "x", {"src", "c"}),
                                       stage("b", Role::Processor, "x", {"a"}),
                                       stage("c", Role::Processor, "x", {"b"}),
                                       stage("out", Role::Writer, "media", {"c"})});
    CHECK(texts(sut) == Texts{"the stages form a cycle: a -> b -> c -> a"});
  }

  TEST_CASE("checks: each of several cycles is reported once, and what follows them is not") {
    const PipelineSpec sut = pipeline({stage("out", Role::Writer, "media", {"self", "p"}),
                                       stage("self", Role::Processor, "x", {"self"}),
                                       stage("p", Role::Processor, "x", {"q"}),
                                       stage("q", Role::Processor, "x", {"p"})});
    const Texts seen = texts(sut);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] == "the stages form a cycle: self -> self");
    CHECK(seen[1] == "the stages form a cycle: p -> q -> p");
  }

  TEST_CASE("checks: roles and inputs must fit") {
    CHECK(texts(pipeline({stage("a", Role::Reader, "media", {"a2"}),
                          stage("a2", Role::Reader, "media"),
                          stage("out", Role::Writer, "media", {"a"})})) ==
          Texts{"stage 'a' is a reader and cannot have inputs"});
    CHECK(texts(pipeline({stage("p", Role::Processor, "gain"),
                          stage("s", Role::Sync, "lips"),
                          stage("w", Role::Writer, "jack", {"p", "s"}),
                          stage("v", Role::Writer, "jack")})) ==
          Texts{"stage 'p' is a processor and has no input",
                "stage 's' is a gate and has no input",
                "stage 'v' is a writer and has no input"});
    CHECK(
        texts(pipeline({stage("a", Role::Reader, "media"),
                        stage("g", Role::Sync, "lips", {"a", "a"}),
                        stage("w", Role::Writer, "jack", {"g"})})) ==
        Texts{"stage 'g' is a gate and has one input, got 2", "stage 'g' has the input 'a' twice"});
    CHECK(texts(pipeline({stage("a", Role::Reader, "media"),
                          stage("w", Role::Writer, "jack", {"a"}),
                          stage("x", Role::Writer, "jack", {"w"})})) ==
          Texts{"stage 'x' takes its input from 'w', which is a writer and has no output"});
  }

  TEST_CASE("checks: ids are unique and well made") {
    CHECK(texts(pipeline({stage("a", Role::Reader, "media"),
                          stage("a", Role::Reader, "media"),
                          stage("a/b", Role::Reader, "media"),
                          stage("w", Role::Writer, "jack", {"a"})})) ==
          Texts{"two stages have the id 'a'",
                "'a/b' cannot be a stage's id",
                "warning: stage 'a/b' feeds nobody: what it puts out is thrown away"});
  }

  TEST_CASE("checks: an empty pipeline and another version are errors") {
    PipelineSpec sut = pipeline({});
    sut.version = 2;
    CHECK(texts(sut) == Texts{"the pipeline is of version 2, this build reads version 1",
                              "the pipeline is empty: it has no stage"});
  }

  TEST_CASE("checks: what has no effect is a warning") {
    PipelineSpec sut = pipeline({stage("a", Role::Reader, "media"),
                                 stage("b", Role::Reader, "media"),
                                 stage("g", Role::Sync, "lips", {"b"}),
                                 stage("w", Role::Writer, "jack", {"g"})});
    sut.groups["lisp"] = {};
    const auto problems = check(sut);
    CHECK(texts(sut) == Texts{"warning: stage 'a' feeds nobody: what it puts out is thrown away",
                              "warning: no stage has 'sync: lisp': these options have no effect"});
    CHECK(problems[1].suggestion == "did you mean 'lips'?");
    CHECK_FALSE(has_errors(problems));
  }
}
