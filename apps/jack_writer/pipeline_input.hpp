// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "sample_fifo.hpp"
#include <avrig/dipstream/mixer_host.hpp>

#include <atomic>
#include <cstdint>

namespace avrig::jack_writer {

/// The pipeline's sound as the mixer's live voice: position p of the FIFO is heard at device frame
/// anchor + p.
class PipelineInput final : public dipstream::LiveInput {
 public:
  PipelineInput(SampleFifo& fifo, std::uint32_t channels) noexcept
      : fifo_(&fifo), channels_(channels) {}

  /// Where position 0 is heard.      Thread: control, any time
  void set_anchor(std::int64_t frame) noexcept { anchor_.store(frame, std::memory_order_release); }

  void read(std::int64_t frame, std::uint32_t samples, float* const* rows) noexcept override {
    const std::int64_t position = frame - anchor_.load(std::memory_order_acquire);
    const std::uint32_t missing = fifo_->read(position, samples, {rows, channels_});
    missing_.fetch_add(missing, std::memory_order_relaxed);
  }

  /// Samples of silence for want of sound.      Thread: any
  [[nodiscard]] std::uint64_t missing() const noexcept {
    return missing_.load(std::memory_order_relaxed);
  }

 private:
  SampleFifo* fifo_;
  std::uint32_t channels_;
  std::atomic<std::int64_t> anchor_{0};
  std::atomic<std::uint64_t> missing_{0};
};

}  // namespace avrig::jack_writer
