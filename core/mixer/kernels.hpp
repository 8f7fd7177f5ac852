// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>

// The loops that touch every sample. One source (kernels_impl.inc) is compiled once per instruction
// set, without contraction, so that every build of a loop rounds the same way and gives equal bits.

namespace avrig::mixer {

/// One voice of a fast pass: where its samples lie and how loud it is on the two outputs.
struct Job {
  const void* first;   // mono, or the left channel
  const void* second;  // the right channel
  float left;
  float right;
};

inline constexpr int kSincTaps = 16;
inline constexpr int kSincBefore = 7;  // taps before the sample at the position
inline constexpr int kSincPhases = 256;
inline constexpr std::size_t kJobs = 256;  // jobs that are gathered before a pass

/// A pass fetches what so many jobs later is read: some kilobytes, for `bytes` a job.
constexpr std::size_t jobs_ahead(std::size_t bytes) noexcept {
  return bytes >= 512 ? 8 : bytes >= 256 ? 16 : 32;
}

struct Kernels {
  // Sums in the order of the jobs, whatever the grouping: l[i] += x[i] * left, r[i] += ...; `fresh`
  // begins at zero instead of at what the rows hold; `most`, where given, is for the rows' peaks.
  // What `ahead` jobs later is read is fetched meanwhile.
  using Pass = void (*)(const Job* jobs,
                        std::size_t count,
                        std::size_t ahead,
                        float* l,
                        float* r,
                        std::size_t n,
                        bool fresh,
                        float* most);
  Pass mono_f32;
  Pass mono_s16;
  Pass stereo_f32;
  Pass stereo_s16;
  void (*add_scaled)(const float* x, float gain, float* out, std::size_t n);
  void (*add_shaped)(const float* x, const float* gain, float* out, std::size_t n);
  // A product of zero is +0: what is scaled is as if it had been added to silence.
  void (*scale)(float* x, float gain, std::size_t n);
  void (*multiply)(float* x, const float* gain, std::size_t n);
  void (*widen)(const std::int16_t* x, float* out, std::size_t n);
  // out[i] = from + delta * (k + i)
  void (*ramp)(float* out, float from, float delta, std::int64_t k, std::size_t n);
  // y[i] = the window at (frac + i * step) / 2^32; x[0] is the sample at position 0.
  void (*linear)(const float* x, std::uint32_t frac, std::uint64_t step, float* y, std::size_t n);
  void (*cubic)(const float* x, std::uint32_t frac, std::uint64_t step, float* y, std::size_t n);
  void (*sinc)(const float* x,
               std::uint32_t frac,
               std::uint64_t step,
               float* y,
               std::size_t n,
               const float* table);
  float (*peak)(const float* x, std::size_t n);
  void (*clamp)(float* x, std::size_t n);
};

[[nodiscard]] const Kernels& kernels_plain() noexcept;
[[nodiscard]] const Kernels& kernels_avx2() noexcept;
[[nodiscard]] const Kernels& kernels_avx512() noexcept;

}  // namespace avrig::mixer
