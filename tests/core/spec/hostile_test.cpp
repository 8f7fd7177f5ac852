// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "properties.hpp"
#include <avrig/spec/parameter.hpp>

#include <chrono>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig::spec;
using avrig::spec::test::broken_property;

namespace {

constexpr const char* kSeed = R"(avrig: 1
pipeline: "seed"
memory_budget: 64MiB
jack: {server: lab, start: auto, rate: 48kHz}
defaults: {wait: block, restart: {max: 3, window: 1min}}
groups: {lips: {mode: live, max_delay: 500ms}}
stages:
  - id: clip
    read: media
    with: &w {url: talk.mp4, "k": [1, 2.5, true, ~, 'x']}
    out: {depth: 64, video: {window: 8MiB}}
  - {id: clean, process: ./x.so, in: clip/audio, with: *w, cpu: [0, 1]}
  - {id: gate, sync: lips, in: {from: clean, loss: must}}
  - {id: out, write: media, in: [gate, clip/video], trigger: paired(20ms)}
)";

std::string repeated(const std::string& text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) {
    out += text;
  }
  return out;
}

std::string stages(std::size_t count, bool chained) {
  std::string text = "avrig: 1\nstages:\n";
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id = "s" + std::to_string(i);
    const std::string in = "s" + std::to_string(chained ? (i + 1) % count : i / 2);
    text += "  - {id: " + id + ", process: gain, in: " + in + (chained ? "" : "x") + "}\n";
  }
  return text;
}

/// Nine levels of lists, each of nine aliases of the one before.
std::string laughs() {
  std::string text = "avrig: 1\nx0: &x0 [a, b, c]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*x" + std::to_string(i - 1);
    text += "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [" +
            repeated(before + ", ", 8) + before + "]\n";
  }
  return text + "stages: []\n";
}

struct Nasty {
  const char* name;
  std::string text;
  const char* says;  ///< part of what the user is told; may be empty
};

std::vector<Nasty> nasty_inputs() {
  const std::string head = "avrig: 1\nstages:\n  - {id: a, read: media, with: ";
  const std::size_t much = 200'000;
  return {
      {"nothing", "", "the file is empty"},
      {"a comment", "# nothing\n", "the file is empty"},
      {"a scalar", "hello", "the pipeline must be a map"},
      {"a list", "[1, 2]", "the pipeline must be a map"},
      {"NUL bytes", std::string(100, '\0'), "NUL byte"},
      {"a NUL in a value", "avrig: \"\\0\"", "a NUL character"},
      {"end of transmission", "avrig: 1\x04\nstages: []", "control character"},
      {"Latin-1", "pipeline: caf\xE9\n", "not UTF-8"},
      {"UTF-16", std::string("\xFF\xFE\x61\x00", 4), "not UTF-8"},
      {"an overlong sequence", "pipeline: \xC0\xAF", "not UTF-8"},
      {"a surrogate", "pipeline: \xED\xA0\x80", "not UTF-8"},
      {"too large", repeated("# padding\n", 120'000), "larger than 1MiB"},
      {"deep lists", head + repeated("[", much), "deeper than 32"},
      {"deep maps", head + repeated("{a: ", much), "deeper than 32"},
      {"deep blocks", repeated("- ", much), "deeper than 32"},
      {"deep keys", repeated("? ", much), ""},
      {"deep indents",
       [] {
         std::string text;
         for (std::size_t i = 0; i < 1000; ++i) {
           text += std::string(i, ' ') + "a:\n";
         }
         return text;
       }(),
       "deeper than 32"},
      {"many closers", repeated("]", much), "not valid YAML"},
      {"many colons", repeated(": ", much), ""},
      {"many anchors", repeated("&a ", much), ""},
      {"many tags", repeated("!a ", much), ""},
      {"many commas", "[" + repeated("a,", much) + "]", ""},
      {"marks that jump", "[" + repeated(", ? ", much), "more than 200000 values"},
      {"many quotes", repeated("'", much), ""},
      {"an open quote", "a: \"" + repeated("x ", much), "not valid YAML"},
      {"an open block", "a: |\n" + repeated("  x\n", much / 4), ""},
      {"many documents", repeated("---\n", much), "second YAML document"},
      {"many directives", repeated("%YAML 1.2\n", much / 10), ""},
      {"many percents", repeated("%\n", much), ""},
      {"an alias of nothing", "avrig: *x", "not valid YAML"},
      {"an alias of itself", "avrig: 1\nstages: &x [*x]", "not complete"},
      {"aliases of aliases", laughs(), "values, aliases"},
      {"aliases of a long text",
       head + "{t: &t \"" + repeated("long ", 100'000) + "\", l: [" + repeated("*t, ", 100'000) +
           "]}}",
       "values, aliases"},
      {"aliases as keys", "avrig: 1\n? &a [1]\n: *a\n? *a\n: 2\n", "a key must be a word"},
      {"a merge", "avrig: 1\nx: &x {a: 1}\n<<: *x\n", "merge keys"},
      {"tags", "avrig: !!int 1\nstages: !x []", "tags"},
      {"a long key with many children",
       head + "{? " + repeated("k", 250'000) + " : [" + repeated("1,", 60'000) + "]}}",
       "is longer than 128 bytes"},
      {"a long id",
       "avrig: 1\nstages:\n  - {id: " + repeated("k", 100'000) + ", write: jack, in: [" +
           repeated("/,", 1000) + "]}",
       "cannot be a stage's id"},
      {"numbers beyond numbers",
       "avrig: 99999999999999999999\nmemory_budget: 1e999\nstages: []",
       "'memory_budget' expects a size"},
      {"null everywhere",
       "avrig:\nstages:\n  -\n  - id:\n    read:\n    in:\n    with:\n",
       "got nothing"},
      {"lists everywhere",
       "avrig: []\npipeline: []\njack: []\ngroups: []\ndefaults: []\nstages:\n  - []\n  - {id: [], "
       "read: [], in: [[]], with: [], out: [], restart: [], cpu: [[]], trigger: []}",
       "must be a map"},
      {"maps everywhere",
       "avrig: {}\njack: {rate: {}}\ngroups: {a: 1, b c: {}}\nstages: {}\nfolder: {}",
       "'stages' must be a list"},
  };
}

}  // namespace

TEST_SUITE("core/spec/hostile") {
  TEST_CASE("parser: each of a set of nasty files is refused quickly with a clear error") {
    for (const Nasty& nasty : nasty_inputs()) {
      const auto start = std::chrono::steady_clock::now();
      const ParseResult sut = parse_text(nasty.text, "nasty.yaml", "/rig");
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      INFO(std::string(nasty.name)
           << " in " << seconds.count() << " s: " << sut.rendered().substr(0, 2000));
      CHECK_FALSE(sut.problems.empty());
      CHECK(sut.rendered().find(nasty.says) != std::string::npos);
      CHECK(sut.rendered().size() < 100'000);
      CHECK(broken_property(nasty.text) == "");
    }
  }

  TEST_CASE("parser: random changes of a good file never break it") {
    std::mt19937 random(20260101);
    const auto below = [&random](std::size_t end) {
      return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
    };
    const std::string seed = kSeed;
    REQUIRE(broken_property(seed) == "");
    REQUIRE(parse_text(seed, "seed.yaml").ok());
    const std::string signs = "[]{}:,-?*&!|>'\"%@`#\n \t~<0aA.\\/";
    for (int round = 0; round < 2000; ++round) {
      std::string sut = seed;
      for (std::size_t change = 0; change <= below(8); ++change) {
        const std::size_t at = below(sut.size());
        switch (below(5)) {
          case 0:
            sut[at] = signs[below(signs.size())];
            break;
          case 1:
            sut.insert(at, 1, signs[below(signs.size())]);
            break;
          case 2:
            sut.erase(at, 1 + below(20));
            break;
          case 3:
            sut.insert(at, sut.substr(below(sut.size()), below(60)));
            break;
          default:
            sut[at] = static_cast<char>(below(256));
        }
        if (sut.empty()) {
          sut = " ";
        }
      }
      INFO("round " << round << ":\n" << sut);
      REQUIRE(broken_property(sut) == "");
    }
  }

  TEST_CASE("parser: random bytes are refused") {
    std::mt19937 random(7);
    for (std::size_t round = 0; round < 200; ++round) {
      std::string sut(round * 20, '\0');
      for (char& byte : sut) {
        byte = static_cast<char>(random() & 0xFFU);
      }
      CHECK(broken_property(sut) == "");
      CHECK_FALSE(parse_text(sut, "random.yaml").ok());
    }
  }

  TEST_CASE("parser: ten thousand stages are counted, checked and refused in seconds") {
    for (const bool chained : {true, false}) {
      const ParseResult sut = parse_text(stages(10'000, chained), "many.yaml", "/rig");
      const std::string shown = sut.rendered();
      CHECK_FALSE(sut.ok());
      CHECK(sut.spec.stages.size() == 10'000);
      CHECK(shown.find("the pipeline has 10000 stages; a run has at most 64") != std::string::npos);
      if (chained) {
        CHECK(shown.find("the stages form a cycle: ") != std::string::npos);
      } else {
        CHECK(shown.find("... and 9951 more\n") != std::string::npos);
      }
    }
  }

  TEST_CASE("parameters: sixty thousand unknown ones are refused in a moment") {
    std::string text = "avrig: 1\nstages:\n  - {id: a, read: media, with: {";
    for (int i = 0; i < 60'000; ++i) {
      text += "k" + std::to_string(i) + ": 1, ";
    }
    const ParseResult sut = parse_text(text + "}}\n", "many.yaml", "/rig");
    REQUIRE_MESSAGE(sut.ok(), sut.rendered());
    const std::vector<Parameter> published(200, Parameter{.name = "kernel"});
    CHECK(check_parameters(sut.spec.stages[0], published).problems.size() == 60'000);
  }
}
