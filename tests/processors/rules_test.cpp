// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// What every built-in processor owes its host: it loads by its bare name, keeps inside its frames,
/// loses nothing, and allocates nothing from frame to frame where it says so.
#include "allocation_watch.hpp"
#include <avrig/plugin/instance.hpp>
#include <avrig/plugin/loader.hpp>
#include <avrig/testing.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace avrig::testing;
using avrig::plugin::Setting;

struct Case {
  std::string name;
  std::vector<Setting> settings = {};
};

const std::vector<Case> kSound = {{"gain"},
                                  {"spectral-subtraction"},
                                  {"spectral-subtraction", {{"learn", "100000000"}}},
                                  {"avfilter", {{"chain", "volume=0.5"}}}};
const std::vector<Case> kPictures = {{"gaussian-blur"},
                                     {"gaussian-blur", {{"sigma", "7"}}},
                                     {"timecode"},
                                     {"timecode", {{"corner", "bottom-right"}, {"x", "0"}}},
                                     {"avfilter", {{"chain", "vflip"}}}};

std::vector<Frame> sound(std::uint32_t channels, std::uint32_t block, std::uint32_t count) {
  const avrig_format format = audio_format(48000, channels, block);
  std::vector<Frame> frames;
  std::int64_t at = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    Frame frame(format);
    // The last block of a stream is short.
    frame.raw().samples = i + 1 == count ? block / 2 + 1 : block;
    frame.raw().index = at;
    frame.raw().capture_ns = at * 1'000'000'000 / 48000;
    frame.raw().quality = AVRIG_QUALITY_FILE_PTS;
    at += frame.raw().samples;
    frames.push_back(std::move(frame));
  }
  return frames;
}

std::vector<Frame> pictures(const std::string& pixels,
                            std::uint32_t width,
                            std::uint32_t height,
                            std::int64_t count) {
  std::vector<Frame> frames;
  for (std::int64_t i = 0; i < count; ++i) {
    Frame frame(video_format(pixels, width, height));
    frame.fill(static_cast<std::byte>(i * 40));
    frame.raw().index = i;
    frame.raw().capture_ns = i * 40'000'000;
    frame.raw().duration_ns = 40'000'000;
    frame.raw().quality = AVRIG_QUALITY_FILE_PTS;
    frames.push_back(std::move(frame));
  }
  return frames;
}

/// Allocations of process() over these frames, one call each.
long allocations_of(const Case& which, const std::vector<Frame>& frames) {
  namespace plugin = avrig::plugin;
  const plugin::Reference reference = plugin::parse_reference(which.name);
  const avrig_component& component =
      plugin::PluginLibrary::load(plugin::find_library(reference)).component(AVRIG_PROCESSOR, "");
  plugin::HostServices services;
  plugin::PluginInstance sut(
      component, services, {}, plugin::complete_settings(component, which.settings));
  std::vector<avrig_format> formats(sut.describe().output_count);
  const avrig_format* const input = &frames.front().format();
  sut.configure(std::vector{input}, formats);
  sut.start();
  Frame output(formats.front());
  long made = 0;
  for (const Frame& frame : frames) {
    const avrig_frame* in = &frame.raw();
    avrig_frame* out = &output.raw();
    out->samples = in->samples;
    out->capture_ns = in->capture_ns;
    avrig_call call{};
    call.struct_size = sizeof call;
    call.input_count = 1;
    call.output_count = 1;
    call.inputs = &in;
    call.outputs = &out;
    std::int32_t status = 0;
    {
      const avrig::test::AllocationWatch watch;
      status = sut.process(call);
      made += watch.count();
    }
    CHECK(status >= 0);
  }
  return made;
}

}  // namespace

TEST_CASE("sound processors give as many samples as they get, in frames that fit") {
  for (const Case& which : kSound) {
    for (const std::uint32_t block : {64U, 480U, 1024U, 4608U}) {
      CAPTURE(which.name);
      CAPTURE(block);
      Rig sut(which.name, which.settings);
      const auto frames = sound(2, block, 30);
      const Outcome outcome = sut.run({frames});
      CHECK(outcome.failed == 0);
      CHECK(outcome.dropped == 0);
      std::int64_t total = 0;
      std::int64_t wrong_stamps = 0;
      for (const Frame& frame : outcome.outputs.at(0)) {
        const std::int64_t wanted = total * 1'000'000'000 / 48000;
        wrong_stamps += std::abs(frame.raw().capture_ns - wanted) > 2 ? 1 : 0;
        total += frame.raw().samples;
      }
      CHECK(wrong_stamps == 0);
      CHECK(total == 29 * block + block / 2 + 1);
    }
  }
}

TEST_CASE("picture processors give each picture once, with its stamps") {
  for (const Case& which : kPictures) {
    for (const std::string pixels : {"yuv420p", "nv12", "bgr24"}) {
      CAPTURE(which.name);
      CAPTURE(pixels);
      Rig sut(which.name, which.settings);
      const auto frames = pictures(pixels, 321, 181, 4);
      const Outcome outcome = sut.run({frames});
      CHECK(outcome.failed == 0);
      REQUIRE(outcome.outputs.at(0).size() == 4);
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(outcome.outputs[0][i].raw().capture_ns == frames[i].raw().capture_ns);
      }
    }
  }
}

TEST_CASE("level gives a row for each block, and for exact blocks when asked") {
  Rig sut("level", {{"block", "480"}});
  const Outcome outcome = sut.run({sound(2, 1024, 30)});
  CHECK(outcome.failed == 0);
  const std::size_t samples = 29 * 1024 + 513;
  CHECK(outcome.outputs.at(0).size() == (samples + 479) / 480);
}

TEST_CASE("probe runs on two streams and on one") {
  Rig sut("probe");
  const Outcome both = sut.run({sound(2, 1024, 30), pictures("yuv420p", 320, 180, 20)});
  CHECK(both.failed == 0);
  CHECK(both.counters.at("pictures-unreadable") == 20);
}

TEST_CASE("from frame to frame nothing is allocated") {
  for (const Case& which : kSound) {
    if (which.name != "avfilter") {
      CAPTURE(which.name);
      CHECK(allocations_of(which, sound(2, 480, 300)) == 0);
    }
  }
  CHECK(allocations_of({"level"}, sound(2, 480, 300)) == 0);
  for (const Case& which : kPictures) {
    if (which.name != "avfilter") {
      CAPTURE(which.name);
      CHECK(allocations_of(which, pictures("yuv420p", 320, 180, 3)) == 0);
    }
  }
}
