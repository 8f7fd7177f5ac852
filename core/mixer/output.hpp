// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "state.hpp"

#include <vector>

namespace avrig::mixer {

class Mix;

/// A peak limiter with look-ahead: exactly transparent while nothing within its window exceeds 1.
///
/// The gain is the mean, over a window, of the smallest gain that any sample within a window
/// needs; both in whole numbers, so that it does not depend on how samples are cut into blocks.
class Limiter {
 public:
  explicit Limiter(std::uint32_t lookahead);
  void process(float* x, std::size_t n, bool limit) noexcept;

 private:
  struct Low {
    std::int64_t at;
    std::uint32_t gain;
  };
  [[nodiscard]] std::uint32_t lowest(std::uint32_t gain) noexcept;

  std::uint32_t window_;
  std::int64_t now_ = 0;
  std::uint64_t sum_;
  std::vector<float> delayed_;
  std::vector<std::uint32_t> lows_;
  std::vector<Low> queue_;  // rising gains, a ring
  std::uint64_t queue_head_ = 0;
  std::uint64_t queue_tail_ = 0;
};

/// The last step of a block: peaks, clip policies, and the limiter's delay.
class Output {
 public:
  Output(State& state, const Kernels& kernels);

  /// Finish `n` samples from output sample `begin` on.
  void finish(float* const* outputs,
              std::size_t offset,
              std::size_t n,
              std::int64_t begin,
              const Mix& mix) noexcept;
  void set_policy(std::uint32_t output, ClipPolicy policy) noexcept;  // 255 = all
  [[nodiscard]] ClipPolicy policy(std::uint32_t output) const noexcept {
    return channels_[output].policy;
  }
  void clear_fault() noexcept { failed_.store(false, std::memory_order_relaxed); }
  [[nodiscard]] bool failed() const noexcept { return failed_.load(std::memory_order_relaxed); }
  [[nodiscard]] OutputMeter meter(std::uint32_t output) const noexcept;
  void reset() noexcept { reset_.store(true, std::memory_order_relaxed); }

 private:
  struct Channel {
    ClipPolicy policy = ClipPolicy::Pass;
    std::atomic<float> peak{0.0F};
    std::atomic<std::uint64_t> clipped{0};
    std::atomic<std::int64_t> first{kUnknownSample};
  };
  void clip(std::uint32_t output, float* x, std::size_t n, std::int64_t begin, float peak) noexcept;
  void count_clips(
      std::uint32_t output, const float* x, std::size_t n, std::int64_t begin, float peak) noexcept;

  State& state_;
  const Kernels& kernels_;
  std::unique_ptr<Channel[]> channels_;
  std::vector<Limiter> limiters_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> reset_{false};
};

}  // namespace avrig::mixer
