// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sys/wait.h>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::processor::testing;

namespace {

constexpr std::uint32_t kKills = 25;

std::vector<std::uint32_t> equal_lengths(std::size_t count, std::uint32_t length) {
  return std::vector<std::uint32_t>(count, length);
}

std::vector<std::uint32_t> random_lengths(std::size_t count, std::uint32_t most, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint32_t> lengths(count);
  std::generate(lengths.begin(), lengths.end(), [&] {
    return 1 + static_cast<std::uint32_t>(random()) % most;
  });
  return lengths;
}

std::vector<float> joined(const std::vector<Seen>& stream) {
  std::vector<float> all;
  for (const Seen& frame : stream) {
    all.insert(all.end(), frame.values.begin(), frame.values.end());
  }
  return all;
}

std::size_t frames_in(const std::vector<Seen>& stream) {
  return static_cast<std::size_t>(std::count_if(stream.begin(), stream.end(), [](const Seen& seen) {
    return seen.kind == shm::Kind::Frame;
  }));
}

void check_clean(const Result& result) {
  CHECK(WIFEXITED(result.status));
  CHECK(WEXITSTATUS(result.status) == 0);
  CHECK(result.error == "");
  for (const auto& stream : result.outputs) {
    REQUIRE(!stream.empty());
    CHECK(stream.back().kind == shm::Kind::End);
  }
  for (const shm::EdgeCount& edge : result.edges) {
    CHECK(edge.produced == edge.delivered + edge.dropped + edge.quarantined);
    CHECK(edge.in_flight == 0);
  }
}

/// The same frames in the same order with the same stamps, however often it is killed.
Result check_survives(Options options,
                      const std::vector<avrig_format>& formats,
                      const std::vector<std::vector<Item>>& inputs) {
  Result calm = run(options, formats, inputs);
  check_clean(calm);
  options.kills = kKills;
  for (const std::uint32_t seed : {1U, 2U}) {
    options.seed = seed;
    const Result killed = run(options, formats, inputs);
    CAPTURE(seed);
    CHECK(killed.kills >= 5);
    check_clean(killed);
    for (std::size_t port = 0; port < calm.outputs.size(); ++port) {
      const auto& a = calm.outputs[port];
      const auto& b = killed.outputs[port];
      REQUIRE(a.size() == b.size());
      const auto differ = std::mismatch(a.begin(), a.end(), b.begin());
      CAPTURE(port);
      CAPTURE(differ.first - a.begin());
      CHECK(differ.first == a.end());
    }
  }
  return calm;
}

}  // namespace

TEST_CASE("SP-03: a user's processor is set up once and sees each frame once, in order") {
  const Result result = run({.component = "touchy"}, {audio(64)}, {ramp(equal_lengths(200, 64))});
  check_clean(result);
  CHECK(frames_in(result.outputs[0]) == 200);
  const std::vector<float> samples = joined(result.outputs[0]);
  REQUIRE(samples.size() == 200 * 64);
  for (std::size_t s = 0; s < samples.size(); ++s) {
    REQUIRE(samples[s] == static_cast<float>(s));
  }
  CHECK(result.outputs[0][10].capture_ns == 10 * 64 * 1'000'000'000LL / 48000);
  CHECK(result.outputs[0][10].index == 640);
}

TEST_CASE("a maker with a state of one frame is killed 25 times and nobody can tell") {
  const Result calm =
      check_survives({.component = "chain"}, {audio(64)}, {ramp(equal_lengths(300, 64))});
  CHECK(calm.outputs[0][2].values[0] == 128.0F + 127.0F);
}

TEST_CASE("a maker that gives none to three frames for one is exact through kills") {
  const Result calm =
      check_survives({.component = "many"}, {audio(7)}, {ramp(equal_lengths(300, 7))});
  CHECK(frames_in(calm.outputs[0]) == 75 * (1 + 2 + 3));
}

TEST_CASE("a maker with two outputs and a tail is exact on both through kills") {
  const Result calm =
      check_survives({.component = "split"}, {audio(16)}, {ramp(equal_lengths(200, 16))});
  CHECK(frames_in(calm.outputs[0]) == 202);
  CHECK(frames_in(calm.outputs[1]) == 67 + 2);
}

TEST_CASE("inputs that were taken but gave nothing yet are taken again after a kill") {
  const Result calm =
      check_survives({.component = "gather"}, {audio(8)}, {ramp(equal_lengths(301, 8))});
  CHECK(frames_in(calm.outputs[0]) == 101);
  CHECK(calm.outputs[0][0].values[0] == 0.0F + 8.0F + 16.0F);
}

TEST_CASE("exact blocks cover the same samples through kills, from frames of any length") {
  const Result calm = check_survives({.component = "blocks", .parameters = R"({"block":100})"},
                                     {audio(350, 2)},
                                     {ramp(random_lengths(200, 350, 3))});
  const std::vector<float> samples = joined(calm.outputs[0]);
  for (std::size_t s = 0; s < samples.size(); ++s) {
    REQUIRE(samples[s] == static_cast<float>(s));
  }
  // A block longer than the frames.
  (void)check_survives({.component = "blocks", .parameters = R"({"block":500})"},
                       {audio(200, 2)},
                       {ramp(random_lengths(400, 200, 4))});
}

TEST_CASE("marks are passed on in their places, through kills") {
  std::vector<Item> items = ramp(equal_lengths(120, 50));
  items.insert(items.begin() + 60, Item{.kind = shm::Kind::Format, .samples = {}});
  items.insert(items.begin() + 31, Item{.kind = shm::Kind::Break, .samples = {}});
  const Result calm = check_survives({.component = "chain"}, {audio(50)}, {items});
  CHECK(calm.outputs[0][31].kind == shm::Kind::Break);
  CHECK(calm.outputs[0][61].kind == shm::Kind::Format);
  CHECK(calm.outputs[0][32].values[0] == 31 * 50 - 1);  // told of the break
  // The block in front of a break is delivered short, and the next begins behind it.
  const Result blocks = check_survives(
      {.component = "blocks", .parameters = R"({"block":80})"}, {audio(50, 2)}, {items});
  CHECK(frames_in(blocks.outputs[0]) == 20 + 19 + 38);
}

TEST_CASE("spectral subtraction gives the same samples when it is killed") {
  std::vector<Item> items = ramp(random_lengths(900, 1024, 9));
  for (Item& item : items) {
    for (float& sample : item.samples) {
      sample = static_cast<float>(static_cast<int>(sample) * 7919 % 2048 - 1024) / 2048.0F;
    }
  }
  Options options{.component = "spectral-subtraction"};
  options.library = BUILT_IN "/spectral-subtraction.so";
  options.window = 96;
  options.kill_every = 5;
  (void)check_survives(options, {audio(1024)}, {items});
}

TEST_CASE("pictures four at a time keep their batches through kills, the last one is short") {
  std::vector<Item> items;
  for (int i = 0; i < 203; ++i) {
    items.push_back(
        {.capture_ns = i * 40'000'000LL, .index = i, .samples = {static_cast<float>(i)}});
  }
  items.push_back({.kind = shm::Kind::End, .samples = {}});
  const Result calm = check_survives({.component = "reverse"}, {gray(16, 1)}, {items});
  REQUIRE(frames_in(calm.outputs[0]) == 203);
  CHECK(calm.outputs[0][0].bytes[0] == 3);
  CHECK(calm.outputs[0][4].bytes[0] == 7);
  CHECK(calm.outputs[0][200].bytes[0] == 202);
  CHECK(calm.outputs[0][6].index == 6);
  CHECK(calm.outputs[0][6].capture_ns == 6 * 40'000'000LL);
}

TEST_CASE("two inputs are taken by time, ties by port, the same through kills") {
  std::vector<Item> slow = ramp(equal_lengths(100, 30));
  std::vector<Item> fast = ramp(equal_lengths(300, 10));
  const Result calm = check_survives({.component = "merge"}, {audio(30), audio(10)}, {slow, fast});
  REQUIRE(frames_in(calm.outputs[0]) == 400);
  std::int64_t before = -1;
  for (const Seen& seen : calm.outputs[0]) {
    if (seen.kind == shm::Kind::Frame) {
      CHECK(seen.capture_ns >= before);
      before = seen.capture_ns;
    }
  }
  CHECK(calm.outputs[0][0].values[0] == 0.0F);
  CHECK(calm.outputs[0][1].values[0] == 1.0F);
}

TEST_CASE("trigger all: one frame of each input a call, the longer input's rest is let go") {
  const Result calm = check_survives({.component = "together"},
                                     {audio(30), audio(10)},
                                     {ramp(equal_lengths(120, 30)), ramp(equal_lengths(150, 10))});
  REQUIRE(frames_in(calm.outputs[0]) == 120);
  for (std::size_t i = 0; i < 120; ++i) {
    CHECK(calm.outputs[0][i].values ==
          std::vector<float>{static_cast<float>(30 * i), static_cast<float>(10 * i)});
  }
}

namespace {

/// One frame a time; its value is its number.
std::vector<Item> at_times(const std::vector<std::int64_t>& times_ns) {
  std::vector<Item> items;
  for (const std::int64_t time_ns : times_ns) {
    const auto number = static_cast<std::int64_t>(items.size());
    items.push_back({.capture_ns = time_ns,
                     .index = number,
                     .samples = std::vector<float>(4, static_cast<float>(number))});
  }
  items.push_back({.kind = shm::Kind::End, .samples = {}});
  return items;
}

}  // namespace

TEST_CASE("trigger paired: frames of about the same time meet, others are passed over") {
  constexpr std::int64_t kMs = 1'000'000;
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> second;
  std::vector<std::vector<float>> pairs;
  for (std::int64_t i = 0; i < 200; ++i) {
    const bool in_first = i % 5 != 4;
    const bool in_second = i % 7 != 3;
    if (in_first && in_second) {
      pairs.push_back({static_cast<float>(first.size()), static_cast<float>(second.size())});
    }
    if (in_first) {
      first.push_back(i * 10 * kMs);
    }
    if (in_second) {
      second.push_back(i * 10 * kMs + (i % 3 - 1) * 2 * kMs);  // up to 2 ms beside it
    }
  }
  const auto check = [&](const Options& options) {
    const Result calm =
        check_survives(options, {audio(4), audio(4)}, {at_times(first), at_times(second)});
    std::vector<std::vector<float>> met;
    for (const Seen& seen : calm.outputs[0]) {
      if (seen.kind == shm::Kind::Frame) {
        met.push_back(seen.values);
      }
    }
    CHECK(met == pairs);
  };
  check({.component = "paired"});  // its own 2 ms
  check({.component = "together", .trigger = "paired", .tolerance_ns = 2 * kMs});
}

TEST_CASE("a plug-in reads what it gave out two calls ago where it put it, through kills") {
  const Result calm =
      check_survives({.component = "echo"}, {audio(64, 2)}, {ramp(equal_lengths(300, 64))});
  REQUIRE(frames_in(calm.outputs[0]) == 300);
  CHECK(calm.outputs[0][1].second[63] == -1.0F);
  for (std::size_t i = 2; i < 300; ++i) {
    REQUIRE(calm.outputs[0][i].second == calm.outputs[0][i - 2].values);
  }
}

TEST_CASE("a writer that presents is called when each frame is due, never before") {
  char folder[] = "/tmp/avrig-screen-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string file = std::string(folder) + "/calls.txt";
  std::vector<Item> items = ramp(equal_lengths(20, 16));
  const std::int64_t begin_ns = monotonic_ns() + 300'000'000;
  for (std::size_t i = 0; i + 1 < items.size(); ++i) {
    items[i].due_ns = begin_ns + static_cast<std::int64_t>(i) * 20'000'000;
  }
  const Result result = run({.component = "screen",
                             .role = "write",
                             .parameters = R"({"file":")" + file + R"("})",
                             .live = true},
                            {audio(16)},
                            {items});
  check_clean(result);
  std::ifstream lines(file);
  std::int64_t index = 0;
  std::int64_t called_ns = 0;
  std::size_t calls = 0;
  for (; lines >> index >> called_ns; ++calls) {
    REQUIRE(calls < 20);
    CHECK(index == items[calls].index);
    CHECK(called_ns >= items[calls].due_ns);
  }
  CHECK(calls == 20);
  // On time, as far as the machine lets it: not a whole frame late throughout.
  CHECK(called_ns - items[19].due_ns < 1'000'000'000);
  std::filesystem::remove_all(folder);
}

TEST_CASE(
    "SP-10: chunks of 1 to 5000 come as blocks of exactly 1 to 9600, in order, the last short") {
  struct Case {
    std::uint32_t chunk, block;
  };
  for (const Case each : {Case{1, 1},
                          Case{1, 9600},
                          Case{5000, 1},
                          Case{5000, 9600},
                          Case{5000, 960},
                          Case{480, 1024},
                          Case{1024, 480},
                          Case{4999, 5000},
                          Case{5000, 4999},
                          Case{37, 4001},
                          Case{4001, 37},
                          Case{512, 512}}) {
    CAPTURE(each.chunk);
    CAPTURE(each.block);
    const std::uint32_t total =
        std::max<std::uint32_t>({each.block * 2 + each.block / 3 + 1, each.chunk * 2 + 1});
    const std::uint32_t wanted = each.block == 1 ? 5001 : total;
    std::vector<std::uint32_t> lengths;
    for (std::uint32_t left = wanted; left > 0; left -= lengths.back()) {
      lengths.push_back(std::min(each.chunk, left));
    }
    const Result result =
        run({.component = "blocks", .parameters = "{\"block\":" + std::to_string(each.block) + "}"},
            {audio(each.chunk, 2)},
            {ramp(lengths)});
    check_clean(result);
    const auto& out = result.outputs[0];
    const std::vector<float> samples = joined(out);
    REQUIRE(samples.size() == wanted);
    bool in_order = true;
    for (std::size_t s = 0; s < samples.size(); ++s) {
      in_order = in_order && samples[s] == static_cast<float>(s);
    }
    CHECK(in_order);
    for (std::size_t f = 0; f + 2 < out.size(); ++f) {
      REQUIRE(out[f].values.size() == each.block);
      REQUIRE((f == 0 || out[f].capture_ns > out[f - 1].capture_ns));
    }
    CHECK(out[out.size() - 2].values.size() == (wanted - 1) % each.block + 1);
  }
}
