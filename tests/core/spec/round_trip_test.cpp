// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/spec/check.hpp>
#include <avrig/spec/json.hpp>
#include <avrig/spec/override.hpp>
#include <avrig/spec/parse.hpp>
#include <avrig/spec/yaml.hpp>

#include <doctest/doctest.h>

using namespace avrig::spec;
using nlohmann::json;

namespace {

constexpr const char* kFull = R"(avrig: 1
pipeline: "a: strange # name"
run_dir: runs
memory_budget: 1500MB
offline: true
jack: {server: lab, start: private, rate: 44.1kHz, period: 128}
defaults: {wait: spin, nice: 3, out: {window: 1MiB}}
groups:
  lips: {mode: asap, delay: 120ms, max_delay: 1s, max_unsynced: 1500us, end: any}
  plain: {}
stages:
  - id: "1"
    read: "./a b.so"
    class: x
    with: {text: "null", yes: "true", number: "1e3", real: 1e300, none: ~, nested: {a: [1, -2.5, {b: "c: d"}]},
           quote: "\"\\\n\t", unicode: "äö😀", dash: "-", minus: "-6dB", run: "{run}/x", empty: ""}
    out: {depth: 64, "out-1": {slack: 250ms}}
    cpu: [1, 2]
  - {id: gate, sync: lips, in: {from: 1/out-1, loss: must, slack: 3s}, restart: {max: 0}}
  - {id: two, process: avfilter, in: [gate, {from: "1", loss: may_skip}], trigger: paired(5ms),
     unprocessed: pass, hang_timeout: 0}
  - {id: w, write: csv, in: two, wait: block, realtime: 20}
)";

PipelineSpec full() {
  ParseResult result = parse_text(kFull, "full.yaml", "/rig");
  REQUIRE_MESSAGE(result.ok(), result.rendered());
  return std::move(result.spec);
}

std::string error_of(PipelineSpec& spec, const char* text) {
  try {
    apply_override(spec, text);
  } catch (const avrig::Error& error) {
    CHECK(error.code() == avrig::ErrorCode::Spec);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_SUITE("core/spec/round_trip") {
  TEST_CASE("spec: written as YAML and read back, it means the same") {
    const PipelineSpec sut = full();
    const std::string yaml = to_yaml(sut);
    const ParseResult back = parse_text(yaml, "other.yaml", "/elsewhere");
    REQUIRE_MESSAGE(back.ok(), back.rendered());
    CHECK_MESSAGE(same_meaning(sut, back.spec), yaml);
    CHECK(to_yaml(back.spec) == yaml);
  }

  TEST_CASE("spec: a difference in meaning is seen, one in position is not") {
    const PipelineSpec sut = full();
    PipelineSpec other = sut;
    other.stages[0].position.line = 77;
    other.stages[1].inputs[0].position.file = "x";
    CHECK(same_meaning(sut, other));
    other.stages[0].params["text"] = nullptr;
    CHECK_FALSE(same_meaning(sut, other));
  }

  TEST_CASE("spec: one built in code is written and read back") {
    PipelineSpec sut;
    sut.name = "built";
    StageSpec reader;
    reader.id = "clip";
    reader.role = Role::Reader;
    reader.target = "./reader.so";
    reader.params = {{"url", "talk.mp4"}};
    StageSpec writer;
    writer.id = "out";
    writer.role = Role::Writer;
    writer.target = "media";
    writer.inputs = {input("clip/audio", Loss::Must)};
    sut.stages = {reader, writer};
    sut.folder = "/data";
    complete(sut);
    CHECK(sut.stages[0].target_path == "/data/reader.so");
    CHECK(check(sut).empty());
    CHECK(to_yaml(sut) ==
          "avrig: 1\n"
          "pipeline: built\n"
          "folder: /data\n"
          "stages:\n"
          "  - id: clip\n"
          "    read: ./reader.so\n"
          "    with:\n"
          "      url: talk.mp4\n"
          "  - id: out\n"
          "    write: media\n"
          "    in: {from: clip/audio, loss: must}\n");
    const ParseResult back = parse_text(to_yaml(sut), "built.yaml");
    REQUIRE_MESSAGE(back.ok(), back.rendered());
    CHECK(same_meaning(sut, back.spec));
  }

  TEST_CASE("spec: as JSON it keeps everything, positions too") {
    const PipelineSpec sut = full();
    const json there = sut;
    const PipelineSpec back = json::parse(there.dump()).get<PipelineSpec>();
    CHECK(json(back) == there);
    CHECK(to_string(back.stages[0].value_position("/nested/a/1")) ==
          to_string(sut.stages[0].value_position("/nested/a/1")));
    CHECK(back.stages[0].value_position("/nested/a/1").line == 15);
  }

  TEST_CASE("spec: JSON of another shape is refused with an error, whatever it is") {
    const json good = full();
    for (const auto& [key, value] : good.items()) {
      json sut = good;
      sut.erase(key);
      CHECK_THROWS_AS(static_cast<void>(sut.get<PipelineSpec>()), avrig::Error);
      sut = good;
      sut[key] = json::array({json::array()});
      CHECK_THROWS_AS(static_cast<void>(sut.get<PipelineSpec>()), avrig::Error);
    }
    json sut = good;
    sut["stages"][0]["wait"] = "sleep";
    CHECK_THROWS_AS(static_cast<void>(sut.get<PipelineSpec>()), avrig::Error);
    CHECK_THROWS_AS(static_cast<void>(json(7).get<PipelineSpec>()), avrig::Error);
  }

  TEST_CASE("spec: {run} is replaced wherever a parameter holds it") {
    PipelineSpec sut = full();
    sut.stages[0].params["more"] = {{"list", {"{run}/a", "b{run}{run}", 3}}};
    expand_run_dir(sut, "/runs/{run}/7");
    CHECK(sut.stages[0].params["run"] == "/runs/{run}/7/x");
    CHECK(sut.stages[0].params["more"]["list"] ==
          json{"/runs/{run}/7/a", "b/runs/{run}/7/runs/{run}/7", 3});
  }

  TEST_CASE("--set: a parameter is put over what the file says") {
    PipelineSpec sut = full();
    apply_override(sut, "1.text=21");
    CHECK(sut.stages[0].params["text"] == 21);
    apply_override(sut, "1.gain=-6dB");
    CHECK(sut.stages[0].params["gain"] == "-6dB");
    apply_override(sut, "1.nested=[1, {a: b}]");
    CHECK(sut.stages[0].params["nested"] == json{1, {{"a", "b"}}});
    apply_override(sut, "1.url=http://x/?a=b: c # d");
    CHECK(sut.stages[0].params["url"] == "http://x/?a=b: c # d");
    apply_override(sut, "1.text='21'");
    CHECK(sut.stages[0].params["text"] == "21");
    apply_override(sut, "1.text=");
    CHECK(sut.stages[0].params["text"] == "");
    CHECK(to_string(sut.stages[0].value_position("/nested")) == "--set 1.nested=[1, {a: b}]");
  }

  TEST_CASE("--set: what is wrong with it is said, with the option") {
    PipelineSpec sut = full();
    CHECK(error_of(sut, "gatee.x=1") ==
          "--set gatee.x=1: error: the pipeline has no stage 'gatee'\n"
          "     = did you mean 'gate'?\n");
    CHECK(error_of(sut, "kernel=1") ==
          "--set kernel=1: error: this is not of the form STAGE.PARAM=VALUE\n"
          "     = for example: --set blur.kernel=21\n");
    CHECK_FALSE(error_of(sut, "").empty());
    CHECK_FALSE(error_of(sut, "=").empty());
    CHECK_FALSE(error_of(sut, ".=").empty());
    CHECK_FALSE(error_of(sut, "gate.=1").empty());
    CHECK_FALSE(error_of(sut, "gate.x").empty());
    CHECK_FALSE(error_of(sut, "gate.x=[1, 2").empty());
    CHECK_FALSE(error_of(sut, "gate.x=[*a]").empty());
  }
}
