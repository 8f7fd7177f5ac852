// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "hand_blocked.hpp"
#include <avrig/mixer/engine.hpp>
#include <avrig/shm/segment.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace avrig::bench {

inline constexpr std::int64_t kLength = 48000;  // samples of each voice's own data

/// CPU time of this thread: others' work on the core is not counted.
[[nodiscard]] double cpu_ns();
[[nodiscard]] double median(std::vector<double> values);

/// Two rows of output, each on a cache line's beginning, as JACK's ports have them.
class Rows {
 public:
  explicit Rows(std::size_t samples);
  float* const* get() { return rows_; }

 private:
  std::vector<float> memory_;
  float* rows_[2];
};

/// Data for so many voices, as float and as the 16 bits it came from.
struct Memory {
  explicit Memory(std::size_t voices);
  std::vector<float> floats;
  std::vector<std::int16_t> shorts;
  /// The floats again in shared memory of large pages, as sounds of 2 MiB and more have it.
  [[nodiscard]] const float* large() const noexcept {
    return reinterpret_cast<const float*>(mapped_.bytes().data());
  }

 private:
  shm::Segment segment_;
  shm::Mapping mapped_;
};

struct Setup {
  std::uint32_t voices = 64;
  double pitch = 1.0;
  mixer::Quality quality = mixer::Quality::Linear;
  mixer::SampleFormat format = mixer::SampleFormat::F32;
  mixer::Simd simd = mixer::Simd::Auto;
  float gain_db = -40.0F;
  std::int64_t length = kLength;  // of the loops
  bool large = false;             // in large pages (float)
};

/// Looping mono voices on two outputs, each with gain and pan of its own, begun at staggered
/// places.
[[nodiscard]] std::unique_ptr<mixer::Engine> make_engine(const Memory& memory, const Setup& setup);
/// The same for the hand-written loop.
[[nodiscard]] std::vector<Plain> make_plain(const Memory& memory, std::uint32_t voices);

/// Blocks enough to time: `samples` voice-samples, but not less than eight.
[[nodiscard]] int blocks_for(std::uint32_t voices, std::size_t block, std::size_t samples);

/// CPU time of some blocks, ns per voice and sample.
[[nodiscard]] double time_engine(mixer::Engine& engine,
                                 std::uint32_t voices,
                                 std::size_t block,
                                 int blocks);
[[nodiscard]] double time_plain(std::vector<Plain>& voices,
                                std::size_t block,
                                int blocks,
                                bool only_read);

/// One figure as a line of JSON on standard output.
void tell(const std::string& question, const std::string& label, const char* unit, double value);

}  // namespace avrig::bench
