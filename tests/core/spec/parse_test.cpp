// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/spec/parse.hpp>

#include <doctest/doctest.h>

using namespace avrig::spec;

namespace {

constexpr const char* kTalkingHead = R"(avrig: 1
pipeline: talking-head

stages:
  - id: clip
    read: media                 # FFmpeg: any file or URL; one demuxer for both streams
    with: {url: talk.mp4}
  - id: clean
    process: spectral-subtraction
    in: clip/audio
  - id: blur
    process: ./libface_blur.so  # your own
    in: clip/video
    with: {kernel: 15}
  - id: lips-audio
    sync: lips                  # both gates share the block of the group "lips"
    in: clean
  - id: lips-video
    sync: lips
    in: blur
  - id: speakers
    write: jack                 # the DipStream mixer
    in: lips-audio
  - id: screen
    write: display
    in: lips-video
  - id: take
    write: media
    in: [lips-audio, lips-video]
    with: {url: "{run}/take.mkv"}
)";

/// The rendered problems of a file called rig.yaml in /rig.
std::string problems_of(const std::string& text) {
  return parse_text(text, "rig.yaml", "/rig").rendered();
}

/// The same of a list of stages, which begins in line 3.
std::string problems_in(const std::string& stages) {
  return problems_of("avrig: 1\nstages:\n" + stages);
}

}  // namespace

TEST_SUITE("core/spec/parse") {
  TEST_CASE("parser: the design's own pipeline is read as it is meant") {
    const ParseResult sut = parse_text(kTalkingHead, "talking-head.yaml", "/rig");
    REQUIRE_MESSAGE(sut.problems.empty(), sut.rendered());
    CHECK(sut.spec.version == 1);
    CHECK(sut.spec.name == "talking-head");
    REQUIRE(sut.spec.stages.size() == 8);
    const StageSpec& blur = sut.spec.stages[2];
    CHECK(blur.id == "blur");
    CHECK(blur.role == Role::Processor);
    CHECK(blur.target == "./libface_blur.so");
    CHECK(blur.target_path == "/rig/libface_blur.so");
    REQUIRE(blur.inputs.size() == 1);
    CHECK(blur.inputs[0].stage == "clip");
    CHECK(blur.inputs[0].port == "video");
    CHECK(blur.inputs[0].position.line == 13);
    CHECK(blur.inputs[0].position.column == 9);
    CHECK(blur.params == nlohmann::json{{"kernel", 15}});
    CHECK(to_string(blur.key_position("/kernel")) == "talking-head.yaml:14:12");
    CHECK(to_string(blur.value_position("/kernel")) == "talking-head.yaml:14:20");
    CHECK(to_string(blur.position) == "talking-head.yaml:11:9");
    const StageSpec& gate = sut.spec.stages[3];
    CHECK(gate.role == Role::Sync);
    CHECK(gate.target == "lips");
    CHECK(gate.target_path.empty());
    const StageSpec& take = sut.spec.stages[7];
    CHECK(take.role == Role::Writer);
    CHECK(take.inputs.size() == 2);
    CHECK(take.params["url"] == "{run}/take.mkv");
  }

  TEST_CASE("parser: every key of the language is read") {
    const ParseResult sut = parse_text(R"(
avrig: 1
pipeline: all
run_dir: runs
memory_budget: 512MiB
offline: true
jack: {server: lab, start: never, rate: 44.1kHz, period: 128, driver: alsa}
defaults:
  wait: block
  hang_timeout: 2s
  restart: {max: 3, window: 10s, backoff: 50ms}
groups:
  lips: {mode: asap, delay: 120ms, max_delay: 1s, max_unsynced: 100ms, end: any}
stages:
  - id: cam
    read: ./cam.so
    class: fisheye
    out: {depth: 64, window: 8MiB, video: {slack: 500ms, depth: 128}}
    cpu: 2
  - id: mix
    process: mixer
    in:
      - {from: cam/video, loss: may_skip, slack: 1s}
      - cam/meta
    trigger: paired(20ms)
    unprocessed: drop
    wait: spin
    nice: -5
    realtime: 10
    cpu: [0, 1]
    restart: {max: 0}
  - id: gate
    sync: lips
    in: mix
  - id: out
    write: media
    in: gate
)",
                                       "all.yaml",
                                       "/rig");
    REQUIRE_MESSAGE(sut.problems.empty(), sut.rendered());
    const PipelineSpec& spec = sut.spec;
    CHECK(spec.run_dir == "/rig/runs");
    CHECK(spec.memory_budget_bytes == 512 << 20);
    CHECK(spec.offline);
    CHECK(spec.jack.server == "lab");
    CHECK(spec.jack.start == JackStart::Never);
    CHECK(spec.jack.rate_hz == 44100);
    CHECK(spec.jack.period_samples == 128);
    CHECK(spec.jack.driver == "alsa");
    const GroupSpec lips = spec.group("lips");
    CHECK(lips.mode == SyncMode::Asap);
    CHECK(lips.delay_ns == 120'000'000);
    CHECK(lips.max_delay_ns == 1'000'000'000);
    CHECK(lips.max_unsynced_ns == 100'000'000);
    CHECK(lips.end == GroupEnd::Any);
    const StageSpec& cam = spec.stages[0];
    CHECK(cam.plugin == "fisheye");
    CHECK(cam.wait == Wait::Block);
    CHECK(cam.hang_timeout_ns == 2'000'000'000);
    CHECK(cam.restart.max == 3);
    CHECK(cam.cpus == std::vector<int>{2});
    CHECK(cam.output("video").depth_frames == 128);
    CHECK(cam.output("video").window_bytes == 8 << 20);
    CHECK(cam.output("video").slack_ns == 500'000'000);
    CHECK(cam.output("audio").depth_frames == 64);
    const StageSpec& mix = spec.stages[1];
    CHECK(mix.wait == Wait::Spin);
    CHECK(mix.trigger.kind == TriggerKind::Paired);
    CHECK(mix.trigger.tolerance_ns == 20'000'000);
    CHECK(mix.unprocessed == Unprocessed::Drop);
    CHECK(mix.restart.max == 0);
    CHECK(mix.restart.window_ns == 10'000'000'000);
    CHECK(mix.nice == -5);
    CHECK(mix.realtime == 10);
    CHECK(mix.cpus == std::vector<int>{0, 1});
    CHECK(mix.inputs[0].loss == Loss::MaySkip);
    CHECK(mix.inputs[0].slack_ns == 1'000'000'000);
    CHECK(mix.inputs[1].reference() == "cam/meta");
  }

  TEST_CASE("parser: a misspelt key is shown with its line and the right spelling") {
    CHECK(problems_in("  - id: clip\n"
                      "    read: media\n"
                      "  - id: blur\n"
                      "    proces: gaussian-blur\n"
                      "    in: clip\n"
                      "  - {id: out, write: media, in: blur}\n") ==
          "rig.yaml:5:9: error: stage 'blur' has no role\n"
          "   5 |   - id: blur\n"
          "     |         ^\n"
          "     = add one of 'read', 'process', 'sync', 'write'\n"
          "rig.yaml:6:5: error: unknown key 'proces' in stage 'blur'\n"
          "   6 |     proces: gaussian-blur\n"
          "     |     ^\n"
          "     = did you mean 'process'?\n");
  }

  TEST_CASE("parser: a wrong unit is shown with the right one") {
    CHECK(problems_in("  - {id: clip, read: media}\n"
                      "  - id: out\n"
                      "    write: media\n"
                      "    in: {from: clip, slack: 48kHz}\n") ==
          "rig.yaml:6:29: error: 'slack' expects a duration such as 20ms, got '48kHz', which is a "
          "frequency\n"
          "   6 |     in: {from: clip, slack: 48kHz}\n"
          "     |                             ^\n");
    CHECK(problems_of("avrig: 1\nmemory_budget: 2000\nstages: [{id: a, read: media}]\n")
              .find("'memory_budget' expects a size such as 64MiB, got '2000' without a unit\n") !=
          std::string::npos);
  }

  TEST_CASE("parser: all problems of a file are reported at once, in its order") {
    const std::string sut = problems_of(
        "avrig: 2\n"
        "memory: 2GiB\n"
        "stages:\n"
        "  - id: a b\n"
        "    read: media\n"
        "    write: media\n"
        "  - id: x\n"
        "    process: gain\n"
        "    wait: sleep\n"
        "    in: nowhere\n"
        "  - write: jack\n");
    const auto at = [&sut](const char* text) {
      return sut.find(text);
    };
    INFO(sut);
    CHECK(at("rig.yaml:1:8: error: 'avrig' must be from 1 to 1, got '2'") != std::string::npos);
    CHECK(at("rig.yaml:2:1: error: unknown key 'memory' in the pipeline") != std::string::npos);
    CHECK(at("rig.yaml:4:9: error: 'a b' cannot be a stage's id") != std::string::npos);
    CHECK(at("rig.yaml:6:5: error: stage 'a b' has two roles: 'read' and 'write'") !=
          std::string::npos);
    CHECK(at("rig.yaml:9:11: error: 'wait' expects one of block, adaptive, spin, got 'sleep'") !=
          std::string::npos);
    CHECK(at("rig.yaml:10:9: error: stage 'x' takes its input from 'nowhere', which is no stage") !=
          std::string::npos);
    CHECK(at("rig.yaml:11:5: error: a stage has no 'id'") != std::string::npos);
    CHECK(at("avrig") < at("memory"));
    CHECK(at("memory") < at("two roles"));
  }

  TEST_CASE("parser: a key that is written twice is shown with both positions") {
    CHECK(problems_in("  - id: clip\n"
                      "    read: media\n"
                      "    with: {url: a.mkv, url: b.mkv}\n"
                      "  - {id: out, write: media, in: clip}\n") ==
          "rig.yaml:5:24: error: the key 'url' is written twice, first at rig.yaml:5:12\n"
          "   5 |     with: {url: a.mkv, url: b.mkv}\n"
          "     |                        ^\n"
          "     = remove one of them\n");
  }

  TEST_CASE("parser: aliases stand for what they name") {
    const ParseResult sut = parse_text(
        "avrig: 1\nstages:\n"
        "  - {id: a, read: media, with: &w {url: x.mkv, gain: [1, 2.5, true, ~, '7', 0x]}}\n"
        "  - {id: b, read: media, with: *w}\n"
        "  - {id: out, write: media, in: [a, b]}\n",
        "rig.yaml",
        "/rig");
    REQUIRE_MESSAGE(sut.problems.empty(), sut.rendered());
    CHECK(sut.spec.stages[0].params == sut.spec.stages[1].params);
    CHECK(sut.spec.stages[1].params["gain"].dump() == R"([1,2.5,true,null,"7","0x"])");
  }

  TEST_CASE("parser: `in:` that cannot be read does not also count as missing") {
    CHECK(problems_in("  - {id: a, read: media}\n"
                      "  - {id: b, write: media, in: a/b/c}\n") ==
          "rig.yaml:4:31: error: an input is written 'stage' or 'stage/port', got 'a/b/c'\n"
          "   4 |   - {id: b, write: media, in: a/b/c}\n"
          "     |                               ^\n");
  }

  TEST_CASE("parser: a file that cannot be read is a problem, and load() throws it") {
    const ParseResult sut = parse_file("/nowhere/rig.yaml");
    CHECK(sut.rendered() ==
          "/nowhere/rig.yaml: error: cannot read the pipeline file: No such file or directory\n");
    CHECK(parse_file("/").rendered() ==
          "/: error: cannot read the pipeline file: it is a folder\n");
    CHECK_THROWS_AS(static_cast<void>(load("/nowhere/rig.yaml")), avrig::Error);
  }

  TEST_CASE("parser: columns count characters, and the caret stands below them") {
    CHECK(problems_in("  - {id: a, read: \"\xC3\xA4\xC3\xB6\", wiht: {}}\n"
                      "  - {id: b, write: media, in: a}\n") ==
          "rig.yaml:3:25: error: unknown key 'wiht' in stage 'a'\n"
          "   3 |   - {id: a, read: \"\xC3\xA4\xC3\xB6\", wiht: {}}\n"
          "     |                         ^\n"
          "     = did you mean 'with'?\n");
  }
}

TEST_SUITE("core/spec/parse") {
  TEST_CASE("SP-02, the file's share: media on their own, the sync tolerance, no unknown field") {
    // use_audio, use_video: a medium is there when its stages are.
    const ParseResult audio_only = parse_text(
        "avrig: 1\nstages:\n"
        "  - {id: mic, read: jack}\n"
        "  - {id: voice, process: ./x.so, class: Voice, in: mic, with: {block: 1024}}\n"
        "  - {id: gate, sync: av, in: voice}\n"
        "  - {id: out, write: jack, in: gate}\n",
        "rig.yaml",
        "/rig");
    REQUIRE_MESSAGE(audio_only.problems.empty(), audio_only.rendered());
    // max_unsynced_time: 0.01 s, the first version's 0.1 s can be said.
    CHECK(audio_only.spec.group("av").max_unsynced_ns == 10'000'000);
    const std::string stages = "stages: [{id: a, read: media}, {id: b, write: media, in: a}]\n";
    const ParseResult first =
        parse_text("avrig: 1\ngroups: {av: {max_unsynced: 100ms}}\n" + stages, "rig.yaml", "/rig");
    CHECK(first.spec.group("av").max_unsynced_ns == 100'000'000);
    CHECK(problems_of("avrig: 1\ngroups: {av: {max_unsynced_time: 100ms}}\n" + stages)
              .find("error: unknown key 'max_unsynced_time' in group 'av'\n") != std::string::npos);
    CHECK(problems_of("avrig: 1\ngroups: {av: {delay: 2s, max_delay: 1s}}\n" + stages)
              .find("error: 'delay' of group 'av' is above its 'max_delay'\n") !=
          std::string::npos);
    CHECK(problems_of("avrig: 1\ngroups: {av: {delay: 2s}}\n" + stages).find("is above") ==
          std::string::npos);
    CHECK(problems_of("avrig: 1\nlog_queue: x\n" + stages)
              .find("error: unknown key 'log_queue' in the pipeline\n") != std::string::npos);
  }
}
