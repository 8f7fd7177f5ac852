// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring_follower.hpp>
#include <avrig/shm/ring_maker.hpp>
#include <avrig/shm/run_block.hpp>
#include <avrig/stage/stage.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/// The plug-in host in a process of its own between rings that the test makes and reads, so that it
/// can be killed at any instruction and started again.
namespace avrig::processor::testing {

/// One frame or mark to put into an input.
struct Item {
  shm::Kind kind = shm::Kind::Frame;
  std::int64_t capture_ns = 0;
  std::int64_t index = 0;
  std::uint32_t flags = 0;
  std::int64_t due_ns = 0;  ///< as a gate would say
  std::vector<float> samples =
      {};  ///< audio: of each channel the same; video: the grey of all pixels
};

/// One frame or mark that came out.
struct Seen {
  shm::Kind kind = shm::Kind::None;
  std::int64_t capture_ns = 0;
  std::int64_t index = 0;
  std::uint32_t flags = 0;
  std::uint32_t quality = 0;
  std::uint64_t epoch = 0;
  std::vector<float> values =
      {};  ///< channel 0, or the feature row, or the first picture row's pixels
  std::vector<float> second = {};        ///< channel 1
  std::vector<std::uint8_t> bytes = {};  ///< video: all rows

  friend bool operator==(const Seen&, const Seen&) = default;
};

struct Options {
  std::string component = {};
  std::string role = "process";
  std::string library = {};  ///< empty: the fixture
  std::string parameters = "{}";
  std::string trigger = "any";
  std::int64_t tolerance_ns = 0;
  bool live = false;
  bool unprocessed_pass = false;
  std::vector<std::uint64_t> quarantined = {};
  std::uint32_t window = 16;     ///< of each ring, as the graph would give
  std::uint32_t kills = 0;       ///< kill it so often, each time after some outputs
  std::uint32_t kill_every = 7;  ///< at most so many outputs apart
  std::uint32_t slow_after = 0;  ///< the reader of the output stops for good after so many
  std::uint32_t seed = 1;
};

struct Result {
  std::vector<std::vector<Seen>> outputs;
  std::uint32_t kills = 0;
  std::vector<shm::EdgeCount> edges;  ///< per input
  std::uint64_t overruns = 0;
  std::string error;  ///< what the host said when it gave up
  int status = 0;     ///< of waitpid, the last
};

[[nodiscard]] avrig_format audio(std::uint32_t block, std::uint32_t channels = 1);
[[nodiscard]] avrig_format gray(std::uint32_t width, std::uint32_t height);
/// A ramp cut into frames of these lengths, then the end.
[[nodiscard]] std::vector<Item> ramp(const std::vector<std::uint32_t>& lengths);

/// Run the host over `inputs` (a stream each) until every output has ended or the host has gone.
[[nodiscard]] Result run(const Options& options,
                         const std::vector<avrig_format>& formats,
                         const std::vector<std::vector<Item>>& inputs);

}  // namespace avrig::processor::testing
