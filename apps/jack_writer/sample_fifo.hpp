// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

namespace avrig::jack_writer {

/// Planar samples with a place on the timeline, from the stage's thread to the device's callback.
///
/// Positions count output samples from the anchor. What was written at position p is what read()
/// gives at p: a hole is silence, what comes too late is passed over; nothing ever shifts.
///
/// Thread: write(), room() the stage's; read() the callback's      RT-safe: read() is wait-free
class SampleFifo {
 public:
  SampleFifo(std::uint32_t channels, std::uint32_t capacity);

  /// Samples that may be written before something must be read.
  [[nodiscard]] std::uint32_t room() const noexcept;
  /// Where the next write() goes.
  [[nodiscard]] std::int64_t write_position() const noexcept {
    return written_.load(std::memory_order_relaxed);
  }
  /// Where the next read() is expected; what lies before has been heard.
  [[nodiscard]] std::int64_t read_position() const noexcept {
    return read_.load(std::memory_order_acquire);
  }
  /// Append `count` samples a channel; rows of `samples` are `stride` floats apart. Null = silence.
  /// count <= room().
  void write(const float* samples, std::size_t stride, std::uint32_t count) noexcept;
  /// Go on at `position`: backwards never; the gap is silence. Only what fits is skipped at a time;
  /// returns how many samples are still missing.
  std::int64_t skip_to(std::int64_t position) noexcept;

  /// Copy [position, position + count) to `out` (one span a channel); holes are silence.
  /// Returns how many samples were missing.
  std::uint32_t read(std::int64_t position,
                     std::uint32_t count,
                     std::span<float* const> out) noexcept;

  /// Nothing more will be written: silence from here on is no want of sound.
  void end() noexcept { ended_.store(true, std::memory_order_release); }
  /// Start anew at `position`, before the callback runs.
  void reset(std::int64_t position) noexcept;

 private:
  std::uint32_t channels_;
  std::uint32_t capacity_;
  std::vector<float> samples_;  // channel after channel
  std::atomic<std::int64_t> written_{0};
  std::atomic<std::int64_t> read_{0};
  std::atomic<bool> ended_{false};
};

}  // namespace avrig::jack_writer
