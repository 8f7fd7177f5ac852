// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace avrig::media {

/// Changes the sample rate of planar float32 (swresample, 64-tap polyphase, linear between phases).
///
/// Output sample k stands for input instant k * in_rate / out_rate: no shift, no start-up silence;
/// N samples become round-to-nearest N * out / in (within one) after flush(). The same input in
/// blocks of any size gives the same output.
///
/// Thread: one at a time      RT-safe: process() does not allocate once it has seen its largest
/// block
class Resampler {
 public:
  /// Throws Error(Open) on rates or channels that make no sense.
  Resampler(std::uint32_t in_rate_hz, std::uint32_t out_rate_hz, std::uint32_t channels);
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;
  ~Resampler();

  /// The most samples that process() of `in_samples` may give.
  [[nodiscard]] std::uint32_t max_output(std::uint32_t in_samples) const noexcept;

  /// Takes all input, returns how many samples were written (never more than `capacity`; what does
  /// not fit is kept for the next call). Rows are `stride_bytes` apart. in == nullptr with 0
  /// samples fetches what was kept.
  std::uint32_t process(const float* in,
                        std::size_t in_stride_bytes,
                        std::uint32_t in_samples,
                        float* out,
                        std::size_t out_stride_bytes,
                        std::uint32_t capacity) noexcept;

  /// The end of the stream: the tail that the filter still holds. Call until it returns 0.
  std::uint32_t flush(float* out, std::size_t out_stride_bytes, std::uint32_t capacity) noexcept;

  /// The input instant, in input samples since reset(), of the next output sample.
  [[nodiscard]] double next_input_position() const noexcept;
  [[nodiscard]] std::uint64_t samples_in() const noexcept;
  [[nodiscard]] std::uint64_t samples_out() const noexcept;
  /// Input samples held back now, in ns of input time.
  [[nodiscard]] std::int64_t delay_ns() const noexcept;

  /// Stretch: `samples` more (or, negative, fewer) output samples over the next `distance` output
  /// samples; then the nominal ratio again. 0, 0 stops it. false: refused, nothing changed.
  /// Not for the copy case (equal rates) unless called before the first process().
  [[nodiscard]] bool compensate(int samples, int distance) noexcept;

  /// Forget everything, as new.
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::media
