// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/spec/problem.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace avrig::spec;

TEST_SUITE("core/spec/problem") {
  TEST_CASE("problems: they are shown in the order of the file, each with its line and caret") {
    const SourceText source = make_source("rig.yaml", "one\r\n\ttwo\nthree");
    const std::vector<Problem> problems{
        {{"rig.yaml", 3, 4}, Severity::Warning, "later", "do this"},
        {{"rig.yaml", 2, 2}, Severity::Error, "earlier", ""},
        {{"--set a.b=1", 0, 0}, Severity::Error, "elsewhere", ""},
    };
    CHECK(render(problems, source) ==
          "--set a.b=1: error: elsewhere\n"
          "rig.yaml:2:2: error: earlier\n"
          "   2 |  two\n"
          "     |  ^\n"
          "rig.yaml:3:4: warning: later\n"
          "   3 | three\n"
          "     |    ^\n"
          "     = do this\n");
    CHECK(source.line(1) == "one");
    CHECK(source.line(0).empty());
    CHECK(source.line(4).empty());
    CHECK(has_errors(problems));
    CHECK_FALSE(has_errors(std::vector<Problem>{problems[0]}));
  }

  TEST_CASE("problems: beyond the limit they are counted") {
    const SourceText source = make_source("x", "");
    const std::vector<Problem> problems(7, Problem{{"x", 0, 0}, Severity::Error, "no", ""});
    CHECK(render(problems, source, 2) == "x: error: no\nx: error: no\n... and 5 more\n");
  }

  TEST_CASE("problems: a long line is cut around its caret") {
    const SourceText source = make_source("x", std::string(500, 'a') + "!" + std::string(500, 'b'));
    const std::string sut = render(Problem{{"x", 1, 501}, Severity::Error, "here", ""}, source);
    CHECK(sut == "x:1:501: error: here\n   1 | ..." + std::string(50, 'a') + "!" +
                     std::string(49, 'b') + "...\n     | " + std::string(53, ' ') + "^\n");
  }

  TEST_CASE("problems: what is no text is shown harmlessly") {
    const SourceText source = make_source("x", "a\x1B[31m\xFF\xC3\xA4");
    CHECK(render(Problem{{"x", 1, 7}, Severity::Error, "t", ""}, source) ==
          "x:1:7: error: t\n   1 | a [31m?\xC3\xA4\n     |       ^\n");
  }

  TEST_CASE("suggestions: the nearest candidate, or none") {
    const std::vector<std::string> words{"video", "audio", "process", "process2"};
    CHECK(closest("vidoe", words) == "video");
    CHECK(closest("VIDEO", words) == "video");
    CHECK(closest("proces", words) == "process");
    CHECK(closest("xyz", words) == "");
    CHECK(closest("", words) == "");
    CHECK(closest(std::string(1000, 'v'), words) == "");
    CHECK(closest("video", {}) == "");
    CHECK(did_you_mean("vidoe", words) == "did you mean 'video'?");
    CHECK(did_you_mean("xyz", words) == "known here: video, audio, process, process2");
    CHECK(did_you_mean("xyz", std::vector<std::string>(17, "abcdef")) == "");
  }

  TEST_CASE("problems: a quoted text is cut between characters") {
    CHECK(shortened("short") == "short");
    CHECK(shortened("abc", 2) == "ab...");
    CHECK(shortened("a\xC3\xA4", 2) == "a...");
    CHECK(shortened("\xC3\xA4", 1) == "...");
  }

  TEST_CASE("problems: as JSON they have a place, a severity and a text") {
    const nlohmann::json sut = Problem{{"f", 1, 2}, Severity::Warning, "t", "s"};
    CHECK(sut.dump() ==
          R"({"column":2,"file":"f","line":1,"severity":"warning","suggestion":"s","text":"t"})");
  }
}
