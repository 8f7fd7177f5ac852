// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>

namespace avrig::clock {

/// What an output device knows about one of its cycles.
struct OutputCycle {
  std::int64_t frame = 0;    ///< unwrapped device frame (JACK's word: a sample) at which it begins
  std::int64_t time_ns = 0;  ///< CLOCK_MONOTONIC of that frame, by our own clock
  double ns_per_sample = 0;
  std::int64_t sigma_ns = 0;
  std::uint64_t epoch = 0;  ///< +1 wherever the counting broke
  /// Nothing paces the cycles (freewheel): nobody hears them, and the time is where the clock
  /// would be if it had gone on.
  bool freewheel = false;
};

/// What fills the cycles of an output device.
class OutputRenderer {
 public:
  virtual ~OutputRenderer() = default;

  /// Fill `samples` samples of every output.
  ///
  /// Thread: the device's      RT-safe: must be
  virtual void render(const OutputCycle& cycle,
                      std::uint32_t samples,
                      float* const* outputs) noexcept = 0;
};

}  // namespace avrig::clock
