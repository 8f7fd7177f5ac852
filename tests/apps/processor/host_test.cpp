// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "host.hpp"

#include "rig.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <sys/wait.h>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::processor::testing;

namespace {

std::vector<Item> pictures(int count) {
  std::vector<Item> items;
  for (int i = 0; i < count; ++i) {
    items.push_back(
        {.capture_ns = i * 40'000'000LL, .index = i, .samples = {static_cast<float>(i % 100)}});
  }
  items.push_back({.kind = shm::Kind::End, .samples = {}});
  return items;
}

std::vector<Item> blocks(std::size_t count) {
  return ramp(std::vector<std::uint32_t>(count, 16));
}

/// Every frame edited exactly once, inside its rectangle alone; every tenth dropped.
void check_increments(const std::vector<Seen>& stream, int count, int without) {
  std::size_t at = 0;
  for (int i = 0; i < count; ++i) {
    if (i % 10 == 9 || i == without) {
      continue;
    }
    REQUIRE(at < stream.size());
    const Seen& seen = stream[at++];
    REQUIRE(seen.index == i);
    const auto plain = static_cast<std::uint8_t>(i % 100);
    REQUIRE(seen.bytes[0] == plain);
    REQUIRE(seen.bytes[2 * 64 + 3] == plain + 1);
    REQUIRE(seen.bytes[21 * 64 + 42] == plain + 1);
    REQUIRE(seen.bytes[22 * 64 + 3] == plain);
    REQUIRE(std::count(seen.bytes.begin(), seen.bytes.end(), plain + 1) == 40 * 20);
  }
  CHECK(stream.back().kind == shm::Kind::End);
}

}  // namespace

TEST_CASE("an undo editor that is killed edits each frame once and nothing but its region") {
  for (const std::uint32_t kills : {0U, 25U}) {
    const Result result =
        run({.component = "increment", .kills = kills}, {gray(64, 48)}, {pictures(300)});
    CHECK(result.kills >= kills / 5);
    CHECK(WEXITSTATUS(result.status) == 0);
    check_increments(result.outputs[0], 300, -1);
    CHECK(result.edges[0].delivered == 300);
    CHECK(result.edges[0].in_flight == 0);
  }
}

TEST_CASE("an editor's quarantined frame is whole again, and passed flagged or dropped") {
  Options options{.component = "increment", .parameters = R"({"on":42})"};
  // It dies in mid-edit.
  const Result died = run(options, {gray(64, 48)}, {pictures(60)});
  CHECK(WIFSIGNALED(died.status));
  CHECK(died.outputs[0].size() == 42 - 4);
  // A successor that was told of the frame: the test runs the two lives as one.
  options.quarantined = {42};
  const Result dropped = run(options, {gray(64, 48)}, {pictures(60)});
  check_increments(dropped.outputs[0], 60, 42);
  CHECK(dropped.edges[0].quarantined == 1);
  options.unprocessed_pass = true;
  const Result passed = run(options, {gray(64, 48)}, {pictures(60)});
  const Seen& frame = passed.outputs[0].at(38);
  CHECK(frame.index == 42);
  CHECK(frame.flags == (AVRIG_FRAME_QUARANTINED | AVRIG_FRAME_UNPROCESSED));
  CHECK(std::count(frame.bytes.begin(), frame.bytes.end(), 42) == 64 * 48);
}

TEST_CASE("a maker's quarantined frame is copied and flagged, or left out, and counted") {
  Options options{.component = "touchy", .parameters = R"({"on":320})"};
  const Result died = run(options, {audio(16)}, {blocks(50)});
  CHECK(WIFSIGNALED(died.status));
  options.quarantined = {20};
  const Result dropped = run(options, {audio(16)}, {blocks(50)});
  CHECK(dropped.outputs[0].size() == 50);
  CHECK(dropped.outputs[0][20].index == 21 * 16);
  CHECK(dropped.edges[0].quarantined == 1);
  CHECK(dropped.edges[0].delivered == 49);
  options.unprocessed_pass = true;
  const Result passed = run(options, {audio(16)}, {blocks(50)});
  REQUIRE(passed.outputs[0].size() == 51);
  CHECK(passed.outputs[0][20].flags == (AVRIG_FRAME_QUARANTINED | AVRIG_FRAME_UNPROCESSED));
  CHECK(passed.outputs[0][20].values[3] == 323.0F);
}

TEST_CASE("SP-03: a callback that fails or gives nothing drops its frame, and only that") {
  std::vector<Item> items = blocks(40);
  items[7].samples[0] = -5.0F;
  const Result result = run({.component = "touchy"}, {audio(16)}, {items});
  CHECK(WEXITSTATUS(result.status) == 0);
  CHECK(result.outputs[0].size() == 40);
  CHECK(result.outputs[0][7].index == 8 * 16);
}

TEST_CASE("a crash in process and a write into an input kill the host, nobody else") {
  for (const char* name : {"crashes_in_process", "writes_to_input"}) {
    CAPTURE(name);
    Options options;
    options.library = std::string(PLUGIN_FIXTURES "/") + name + ".so";
    const Result result = run(options, {audio(16)}, {blocks(10)});
    CHECK(WIFSIGNALED(result.status));
    CHECK(result.outputs[0].empty());
    // The frame that did it is known.
    CHECK(result.edges[0].in_flight >= 1);
  }
}

TEST_CASE("a maker that takes what it gives keeps its input's format, whatever is asked of it") {
  stage::Request request;
  request.id = "blur";
  request.role = "process";
  request.target = BUILT_IN "/gaussian-blur.so";
  request.parameters = "{}";
  processor::PluginHost host;
  const stage::Description description = host.describe(request);
  CHECK(description.inputs.at(0).accepts.pixel_formats.size() > 1);
  CHECK(description.outputs.at(0).offers.pixel_formats.empty());
  avrig_format colours = gray(64, 48);
  std::strcpy(colours.pixel_format, "bgr24");
  stage::Wish other;
  other.pixel_formats = {"yuv420p"};
  const stage::Configured configured = host.configure({&colours, 1}, {&other, 1});
  CHECK(std::string(configured.outputs.at(0).pixel_format) == "bgr24");
}

TEST_CASE("a plug-in that cannot be set up is refused in one line") {
  const auto refused = [](const Options& options) -> std::string {
    try {
      (void)run(options, {audio(16)}, {blocks(1)});
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  };
  Options options;
  for (const char* name : {"wrong_major", "null_entry", "missing_symbol", "undefined_symbol"}) {
    options.library = std::string(PLUGIN_FIXTURES "/") + name + ".so";
    const std::string text = refused(options);
    CAPTURE(text);
    CHECK(text.find(name) != std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
  }
  options.library = PLUGIN_FIXTURES "/shapes.so";
  options.component = "thrower";
  options.role = "process";
  options.parameters = R"({"where":"create"})";
  CHECK(refused(options).find("cannot open the moon") != std::string::npos);
  options.parameters = R"({"where":"never","what":3})";
  CHECK(refused(options).find("what") != std::string::npos);
}

TEST_CASE("a reader is read again from its start after a kill, and nothing comes twice") {
  for (const std::uint32_t kills : {0U, 20U}) {
    const Result result = run({.component = "ramp", .role = "read", .kills = kills}, {}, {});
    CHECK(WEXITSTATUS(result.status) == 0);
    REQUIRE(result.outputs[0].size() == 501);
    for (std::size_t f = 0; f < 500; ++f) {
      const Seen& seen = result.outputs[0][f];
      REQUIRE(seen.index == static_cast<std::int64_t>(f * 64));
      REQUIRE(seen.values[5] == static_cast<float>(f * 64 + 5));
      REQUIRE(seen.capture_ns == static_cast<std::int64_t>(f) * 64 * 1'000'000'000 / 48000);
      REQUIRE(seen.quality == AVRIG_QUALITY_FILE_PTS);
    }
  }
}

TEST_CASE("a live reader never waits for a slow follower, and says what was lost") {
  Options options{.component = "ticker", .role = "read", .parameters = R"({"frames":120})"};
  options.live = true;
  options.slow_after = 10;
  const Result result = run(options, {}, {});
  CHECK(WEXITSTATUS(result.status) == 0);
  REQUIRE(result.outputs[0].size() > 10);
  CHECK(result.outputs[0].size() < 60);
  CHECK(result.outputs[0].back().kind == shm::Kind::End);
  CHECK(result.outputs[0][result.outputs[0].size() - 2].values[0] == 119.0F);
  CHECK(result.outputs[0][0].quality == AVRIG_QUALITY_ARRIVAL);
}

TEST_CASE("a live reader that was killed opens an epoch behind a break") {
  Options options{.component = "ticker", .role = "read", .parameters = R"({"frames":60})"};
  options.live = true;
  options.kills = 1;
  options.kill_every = 1;
  const Result result = run(options, {}, {});
  const auto& out = result.outputs[0];
  const auto mark = std::find_if(
      out.begin(), out.end(), [](const Seen& seen) { return seen.kind == shm::Kind::Break; });
  REQUIRE(mark != out.end());
  CHECK((mark + 1)->epoch == 1);
  CHECK(((mark + 1)->flags & AVRIG_FRAME_DISCONTINUITY) != 0);
  CHECK(out.back().kind == shm::Kind::End);
}
