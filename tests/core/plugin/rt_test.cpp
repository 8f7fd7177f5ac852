// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// What the skin and the host's side add to a frame call allocates nothing.
#include "allocation_watch.hpp"
#include <avrig/plugin/instance.hpp>
#include <avrig/plugin/loader.hpp>
#include <avrig/testing.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace avrig::plugin;
using namespace avrig::testing;

const avrig_component& find(const std::string& reference, std::uint32_t role) {
  const Reference parsed = parse_reference(reference);
  return PluginLibrary::load(find_library(parsed)).component(role, parsed.component);
}

/// A configured instance with one frame for each port.
class Bench {
 public:
  Bench(const std::string& reference, std::uint32_t role, const std::vector<avrig_format>& inputs)
      : component_(find(reference, role)),
        sut_(component_, services_, {}, complete_settings(component_, {})),
        outputs_(sut_.describe().output_count) {
    std::vector<const avrig_format*> formats;
    for (const avrig_format& format : inputs) {
      formats.push_back(&format);
      input_frames_.emplace_back(format);
    }
    sut_.configure(formats, outputs_);
    for (const avrig_format& format : outputs_) {
      output_frames_.emplace_back(format);
    }
    sut_.start();
  }

  /// Allocations of a hundred calls.
  long measure() {
    std::vector<const avrig_frame*> inputs;
    std::vector<avrig_frame*> outputs;
    for (const Frame& frame : input_frames_) {
      inputs.push_back(&frame.raw());
    }
    for (Frame& frame : output_frames_) {
      outputs.push_back(&frame.raw());
    }
    avrig_call call{};
    call.struct_size = sizeof call;
    call.input_count = static_cast<std::uint32_t>(inputs.size());
    call.output_count = static_cast<std::uint32_t>(outputs.size());
    call.inputs = inputs.data();
    call.outputs = outputs.data();
    int failures = 0;
    long made = 0;
    {
      const avrig::test::AllocationWatch watch;
      for (int i = 0; i < 100; ++i) {
        failures += sut_.process(call) == AVRIG_ERROR ? 1 : 0;
      }
      made = watch.count();
    }
    CHECK(failures == 0);
    return made;
  }

 private:
  HostServices services_;
  const avrig_component& component_;
  PluginInstance sut_;
  std::vector<avrig_format> outputs_;
  std::vector<Frame> input_frames_;
  std::vector<Frame> output_frames_;
};

}  // namespace

TEST_SUITE("core/plugin/rt") {
  TEST_CASE("frame call: the way through host and skin allocates nothing") {
    const std::string shapes = std::string(FIXTURES) + "/shapes.so:";
    const avrig_format audio = audio_format(48000, 2, 480);
    const avrig_format picture = video_format("yuv420p", 64, 48);
    CHECK(Bench("gain", AVRIG_PROCESSOR, {audio}).measure() == 0);
    CHECK(Bench(shapes + "compare", AVRIG_PROCESSOR, {audio, audio}).measure() == 0);
    CHECK(Bench(shapes + "mark", AVRIG_PROCESSOR, {picture}).measure() == 0);
    CHECK(Bench(shapes + "ramp", AVRIG_READER, {}).measure() == 0);
    CHECK(Bench(shapes + "sum", AVRIG_WRITER, {audio}).measure() == 0);
  }

  TEST_CASE("frame call: the counter counts what a plug-in allocates") {
    const avrig::test::AllocationWatch watch;
    CHECK_THROWS(Bench(std::string(FIXTURES) + "/none.so", AVRIG_READER, {}));
    CHECK(watch.count() > 0);
  }
}
