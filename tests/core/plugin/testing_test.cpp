// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/testing.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

namespace {

using namespace avrig::testing;

const std::string kFixtures = FIXTURES;
const std::string kExamples = EXAMPLES;
const std::string kShapes = kFixtures + "/shapes.so:";

/// Frame `k` of a stream of ramps: sample i of the stream has the value i.
Frame ramp(std::uint32_t samples, std::int64_t first) {
  Frame frame(audio_format(48000, 2, samples));
  for (std::uint32_t c = 0; c < 2; ++c) {
    std::iota(frame.channel(c).begin(), frame.channel(c).end(), static_cast<float>(first));
  }
  frame.raw().capture_ns = first * 1'000'000'000 / 48000;
  frame.raw().quality = AVRIG_QUALITY_FILE_PTS;
  return frame;
}

Frame picture(std::uint8_t value) {
  Frame frame(video_format("gray", 30, 4));
  frame.fill(std::byte{value});
  return frame;
}

}  // namespace

TEST_SUITE("core/plugin/testing") {
  TEST_CASE("rig: a maker gets its frame once and passes the stamps on") {
    Rig sut(kFixtures + "/good.so");
    Frame in = ramp(64, 4800);
    in.raw().sigma_ns = 17;
    in.raw().quality = AVRIG_QUALITY_DEVICE;
    const Outcome outcome = sut.run({{in}});
    REQUIRE(outcome.outputs[0].size() == 1);
    const Frame& out = outcome.outputs[0][0];
    CHECK(out.same_bytes(in));
    CHECK(out.raw().capture_ns == 100'000'000);
    CHECK(out.raw().sigma_ns == 17);
    CHECK(out.raw().quality == AVRIG_QUALITY_DEVICE);
    CHECK(outcome.calls == 1);
  }

  TEST_CASE("rig: a reader runs to its end and is stamped from its count") {
    Rig sut(kShapes + "ramp", {}, AVRIG_READER);
    const Outcome outcome = sut.read(100);
    REQUIRE(outcome.outputs[0].size() == 3);
    CHECK(outcome.ended);
    CHECK(outcome.outputs[0][2].channel(1)[63] == 191.0F);
    CHECK(outcome.outputs[0][2].raw().index == 128);
    CHECK(outcome.outputs[0][2].raw().capture_ns == 128 * 1'000'000'000LL / 48000);
    CHECK(outcome.counters.at("blocks") == 3);
  }

  TEST_CASE("rig: a writer sees every frame") {
    Rig sut(kShapes + "sum", {}, AVRIG_WRITER);
    const Outcome outcome = sut.run({{ramp(64, 0), ramp(10, 64)}});
    CHECK(outcome.counters.at("samples") == 74);
  }

  TEST_CASE("rig: an editor changes its frame where it lies and nothing beside it") {
    Rig sut(kShapes + "mark");
    const Outcome outcome = sut.run({{picture(7)}});
    const Frame& out = outcome.outputs[0][0];
    CHECK(out.row(0, 1)[7] == 255);
    CHECK(out.row(0, 1)[8] == 7);
    CHECK(out.row(0, 2)[0] == 7);
    CHECK(sut.configuration().undo_width == 8);
  }

  TEST_CASE("rig: exact blocks carry the rest over and end in a partial one") {
    Rig sut(kShapes + "compare");
    const Outcome outcome = sut.run({{ramp(300, 0), ramp(300, 300), ramp(300, 600)}, {}});
    REQUIRE(outcome.outputs[0].size() == 2);  // 480 and 420
    CHECK(outcome.outputs[0][0].features(0)[0] == 0.0F);
    CHECK(outcome.outputs[0][1].features(0)[0] == 480.0F);
    CHECK(outcome.outputs[0][1].features(0)[1] == -1.0F);
    CHECK(outcome.outputs[0][1].raw().capture_ns == 10'000'000);
  }

  TEST_CASE("rig: `trigger: any` calls in the order of time, ties by input") {
    Rig sut(kShapes + "compare");
    const Outcome outcome = sut.run({{ramp(480, 0), ramp(480, 480)}, {ramp(480, 0)}});
    REQUIRE(outcome.outputs[0].size() == 3);
    CHECK(outcome.outputs[0][0].features(0)[1] == -1.0F);
    CHECK(outcome.outputs[0][1].features(0)[0] == -1.0F);
    CHECK(outcome.outputs[0][2].features(0)[0] == 480.0F);
  }

  TEST_CASE("rig: pictures come in batches, the last one partial, and the tail after them") {
    Rig sut(kShapes + "batch");
    const Outcome outcome = sut.run({{picture(1), picture(2), picture(3), picture(4), picture(5)}});
    CHECK(outcome.calls == 2);
    REQUIRE(outcome.outputs[0].size() == 6);
    CHECK(outcome.outputs[0][4].row(0, 3)[29] == 5);
    CHECK(outcome.outputs[0][5].row(0, 0)[0] == 9);
  }

  TEST_CASE("rig: a write into a read-only input is found") {
    Rig sut(kFixtures + "/writes_to_input.so");
    CHECK_THROWS_WITH_AS(static_cast<void>(sut.run({{ramp(64, 1)}})),
                         "the plug-in wrote into its input, which is read-only",
                         std::logic_error);
  }

  TEST_CASE("rig: a wrong number of inputs is said so") {
    Rig sut(kShapes + "compare");
    CHECK_THROWS_WITH_AS(static_cast<void>(sut.run({{ramp(64, 1)}})),
                         "the plug-in has 2 inputs, not 1",
                         std::logic_error);
  }

  TEST_CASE("accepted frame: a plug-in changes stamps and length, and nothing else") {
    using avrig::plugin::accept_frame;
    const avrig_frame preset = ramp(64, 0).raw();
    avrig_frame answered = preset;
    answered.samples = 1000;
    answered.capture_ns = 5;
    answered.sigma_ns = -1;
    answered.quality = 77;
    answered.flags = ~0U;
    answered.sequence = 9;
    answered.plane[0].data = nullptr;
    answered.planes = 4;
    const avrig_frame sut = accept_frame(preset, answered, 64);
    CHECK(sut.samples == 64);
    CHECK(sut.capture_ns == 5);
    CHECK(sut.sigma_ns == 0);
    CHECK(sut.quality == AVRIG_QUALITY_FILE_PTS);
    CHECK(sut.flags == (AVRIG_FRAME_DISCONTINUITY | AVRIG_FRAME_KEY));
    CHECK(sut.sequence == 0);
    CHECK(sut.plane[0].data == preset.plane[0].data);
    CHECK(sut.planes == 1);
  }

  TEST_CASE("example reader: the last block is as short as what is left") {
    Rig sut(kExamples + "/tone.so", {{"length", "21000000"}}, AVRIG_READER);
    const Outcome outcome = sut.read(100);
    CHECK(outcome.ended);
    REQUIRE(outcome.outputs[0].size() == 3);  // 480, 480 and 48 samples
    CHECK(outcome.outputs[0][2].raw().samples == 48);
    CHECK(outcome.outputs[0][2].raw().capture_ns == 20'000'000);
    CHECK(outcome.outputs[0][2].raw().quality == AVRIG_QUALITY_FILE_PTS);
  }

  TEST_CASE("example writer: a line a block, and no file is overwritten") {
    std::string folder = "/tmp/avrig-levels-XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::string path = folder + "/levels.csv";
    Rig sut(kExamples + "/levels.so", {{"path", path}}, AVRIG_WRITER);
    const std::string refusal = "'levels' cannot start: cannot make " + path + ": File exists";
    const auto run = [&] {
      return sut.run({{ramp(2, 0), ramp(2, 48)}});
    };
    CHECK(run().calls == 2);
    std::ifstream file(path);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    CHECK(text == "capture_ns,sigma_ns,quality,peak\n0,0,3,1.000000\n1000000,0,3,49.000000\n");
    CHECK_THROWS_WITH(static_cast<void>(run()), doctest::Contains(refusal.c_str()));
    std::filesystem::remove_all(folder);
  }

  TEST_CASE("frame: a copy has memory of its own") {
    Frame one = picture(1);
    Frame two = one;
    two.fill(std::byte{2});
    CHECK(one.row(0, 0)[0] == 1);
    one = two;
    CHECK(one.same_bytes(two));
    CHECK(one.guards_intact());
    one.row(0, 0).data()[-1] = 0;
    CHECK_FALSE(one.guards_intact());
  }

  TEST_CASE("gain: every sample of every channel is scaled, live too") {
    Rig sut("gain", {{"gain", "-20"}});
    CHECK(sut.run({{ramp(64, 0)}}).outputs[0][0].channel(1)[50] == doctest::Approx(5.0));
    sut.instance().set_parameter("gain", "20");
    CHECK(sut.run({{ramp(64, 0)}}).outputs[0][0].channel(1)[5] == doctest::Approx(50.0));
  }
}
