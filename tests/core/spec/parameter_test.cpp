// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/spec/parameter.hpp>
#include <avrig/spec/parse.hpp>

#include <doctest/doctest.h>

using namespace avrig::spec;
using nlohmann::json;

namespace {

using T = ParameterType;

std::vector<Parameter> published() {
  return {
      {.name = "kernel", .type = T::Int, .default_value = 15, .min = 1, .max = 99, .unit = "px"},
      {.name = "sigma", .type = T::Float, .default_value = 1.5, .live = true},
      {.name = "gain", .type = T::Level, .default_value = "0dB", .min = -80, .max = 24},
      {.name = "tail", .type = T::Duration, .default_value = "20ms", .max = 1e9},
      {.name = "rate", .type = T::Frequency},
      {.name = "fps", .type = T::Rate},
      {.name = "buffer", .type = T::Size},
      {.name = "mix", .type = T::Ratio, .min = 0, .max = 1},
      {.name = "mode", .type = T::Enum, .default_value = "fast", .choices = {"fast", "fine"}},
      {.name = "model", .type = T::Path, .required = true, .doc = "The weights."},
      {.name = "label", .type = T::String},
      {.name = "mirror", .type = T::Bool, .default_value = false},
      {.name = "channels", .type = T::List, .min = 1, .element = T::Int},
      {.name = "extra", .type = T::Any},
  };
}

/// A pipeline whose stage `p` has this `with:`, in line 4.
ParseResult with(const std::string& params) {
  return parse_text("avrig: 1\nstages:\n  - {id: p, read: ./x.so,\n     with: " + params +
                        "}\n  - {id: out, write: media, in: p}\n",
                    "rig.yaml",
                    "/rig");
}

std::string rendered(const std::string& params) {
  const ParseResult result = with(params);
  REQUIRE_MESSAGE(result.ok(), result.rendered());
  return render(check_parameters(result.spec.stages[0], published()).problems, result.source);
}

json resolved(const std::string& params) {
  const ParseResult result = with(params);
  REQUIRE_MESSAGE(result.ok(), result.rendered());
  const CheckedParameters sut = check_parameters(result.spec.stages[0], published());
  CHECK_MESSAGE(sut.problems.empty(), render(sut.problems, result.source));
  return sut.resolved;
}

}  // namespace

TEST_SUITE("core/spec/parameter") {
  TEST_CASE("parameters: values become canonical units, and defaults are filled in") {
    CHECK(resolved("{model: m.onnx}") == json{{"kernel", 15},
                                              {"sigma", 1.5},
                                              {"gain", 0.0},
                                              {"tail", 20'000'000},
                                              {"mode", "fast"},
                                              {"model", "/rig/m.onnx"},
                                              {"mirror", false}});
    const json sut = resolved(
        "{model: \"{run}/m\", kernel: 3, sigma: 2, gain: -6dB, tail: 1.5ms, rate: 44.1kHz, fps: "
        "30000/1001fps, buffer: 8KiB, mix: 50%, mode: fine, label: 007, mirror: true, channels: "
        "[1, 5], extra: {a: [1]}}");
    CHECK(sut["model"] == "{run}/m");
    CHECK(sut["kernel"] == 3);
    CHECK(sut["sigma"] == 2);
    CHECK(sut["gain"] == -6.0);
    CHECK(sut["tail"] == 1'500'000);
    CHECK(sut["rate"] == 44100);
    CHECK(sut["rate"].is_number_integer());
    CHECK(sut["fps"] == "30000/1001");
    CHECK(sut["buffer"] == 8192);
    CHECK(sut["mix"] == 0.5);
    CHECK(sut["mode"] == "fine");
    CHECK(sut["label"] == "007");
    CHECK(sut["mirror"] == true);
    CHECK(sut["channels"] == json{1, 5});
    CHECK(sut["extra"] == json{{"a", {1}}});
    CHECK(resolved("{model: x, channels: 2}")["channels"] == json::array({2}));
    CHECK(resolved("{model: 'rtsp://cam/1'}")["model"] == "rtsp://cam/1");
    CHECK(resolved("{model: /abs/x}")["model"] == "/abs/x");
    CHECK(resolved("{model: ../up/x}")["model"] == "/up/x");
  }

  TEST_CASE("parameters: a misspelt one is shown at its key with the right spelling") {
    CHECK(rendered("{model: x, kernl: 15}") ==
          "rig.yaml:4:23: error: './x.so' has no parameter 'kernl' (stage 'p')\n"
          "   4 |      with: {model: x, kernl: 15}}\n"
          "     |                       ^\n"
          "     = did you mean 'kernel'?\n");
  }

  TEST_CASE("parameters: a wrong value is shown at the value with what is expected") {
    CHECK(
        rendered("{model: x, tail: 48kHz}") ==
        "rig.yaml:4:29: error: parameter 'tail' of stage 'p' expects a duration such as 20ms, got "
        "'48kHz', which is a frequency\n"
        "   4 |      with: {model: x, tail: 48kHz}}\n"
        "     |                             ^\n");
    const auto says = [](const std::string& params, const std::string& text) {
      const std::string seen = rendered(params);
      CHECK_MESSAGE(seen.find(text) != std::string::npos, seen);
    };
    says("{model: x, kernel: 100}", "must be from 1 px to 99 px, got '100'");
    says("{model: x, kernel: 1.5}", "expects a whole number (px), got '1.5'");
    says("{model: x, tail: 2s}", "must be at most 1s, got '2s'");
    says("{model: x, gain: -6}", "without a unit\n");
    says("{model: x, gain: -6}", "= write -6dB if that is meant");
    says("{model: x, mode: fsat}", "expects one of fast, fine, got 'fsat'");
    says("{model: x, mode: fsat}", "= did you mean 'fast'?");
    says("{model: x, mirror: yes}", "= write true");
    says("{model: x, kernel: }",
         "rig.yaml:4:23: error: parameter 'kernel' of stage 'p' expects a "
         "whole number, got nothing");
    says("{model: x, label: [a]}", "expects a word or text, got a list");
    says("{model: x, channels: [1, 0]}", "rig.yaml:4:37: error: parameter 'channels'");
    says("{}", "stage 'p' needs the parameter 'model': The weights.");
  }

  TEST_CASE("parameters: all that is wrong with them is reported at once") {
    const ParseResult result = with("{kernl: 1, gain: 3kHz, mode: x, mirror: 2}");
    CHECK(check_parameters(result.spec.stages[0], published()).problems.size() == 5);
  }

  TEST_CASE("parameters: a description travels as JSON") {
    for (const Parameter& parameter : published()) {
      const json there = parameter;
      const json back = there.get<Parameter>();
      CHECK(back == there);
    }
    CHECK_THROWS_AS((json{{"name", "x"}, {"type", "colour"}}.get<Parameter>()), avrig::Error);
    CHECK_THROWS_AS((json{{"type", "int"}}.get<Parameter>()), avrig::Error);
    CHECK_THROWS_AS((json{1, 2}.get<Parameter>()), avrig::Error);
  }
}
