// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>

namespace avrig::mixer {

enum class SampleFormat : std::uint32_t { F32 = 0, S16 };

/// Borrowed sample data: planar, one row a channel, `stride_bytes` apart.
///
/// 16-bit data stays 16-bit: s / 32768 is exact in float. The memory must stay until the Removed
/// event of the last voice that uses it has been read.
struct SampleView {
  const void* data = nullptr;
  std::int64_t length = 0;  ///< samples
  std::uint32_t channels = 0;
  SampleFormat format = SampleFormat::F32;
  std::size_t stride_bytes = 0;
  float peak = 1.0F;  ///< largest magnitude; for predicting clips
};

/// What is wrong with sample data that came from outside.
enum class SampleFault : std::uint32_t { None = 0, Empty, NoChannels, Stride, NotFinite };

/// Check sample data and measure its peak.
///
/// Thread: control      RT-safe: no (reads all of it)
[[nodiscard]] SampleFault inspect(SampleView& view) noexcept;

/// Put samples into 16 bits, if nothing is lost by it: each is s / 32768 for a whole s. What was
/// 16-bit once always is; it then takes half the memory and half the time to fetch.
///
/// Returns: false when some sample is not, and what `to` holds means nothing
[[nodiscard]] bool narrow(const float* from, std::int16_t* to, std::size_t count) noexcept;

}  // namespace avrig::mixer
