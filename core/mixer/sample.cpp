// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/mixer/sample.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace avrig::mixer {

SampleFault inspect(SampleView& view) noexcept {
  if (view.data == nullptr || view.length <= 0) {
    return SampleFault::Empty;
  }
  if (view.channels == 0) {
    return SampleFault::NoChannels;
  }
  const std::size_t size = view.format == SampleFormat::F32 ? sizeof(float) : sizeof(std::int16_t);
  const std::size_t row = static_cast<std::size_t>(view.length) * size;
  if (view.channels > 1 && (view.stride_bytes < row || view.stride_bytes % size != 0)) {
    return SampleFault::Stride;
  }
  float peak = 0.0F;
  for (std::uint32_t c = 0; c < view.channels; ++c) {
    const auto* base = static_cast<const std::byte*>(view.data) + c * view.stride_bytes;
    for (std::int64_t i = 0; i < view.length; ++i) {
      const float x =
          view.format == SampleFormat::F32
              ? reinterpret_cast<const float*>(base)[i]
              : static_cast<float>(reinterpret_cast<const std::int16_t*>(base)[i]) / 32768.0F;
      if (!std::isfinite(x)) {
        return SampleFault::NotFinite;
      }
      peak = std::max(peak, std::abs(x));
    }
  }
  view.peak = peak;
  return SampleFault::None;
}

bool narrow(const float* from, std::int16_t* to, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const float wide = from[i] * 32768.0F;  // a power of two: exact
    if (!(wide >= -32768.0F && wide <= 32767.0F)) {
      return false;
    }
    to[i] = static_cast<std::int16_t>(wide);
    if (static_cast<float>(to[i]) != wide) {
      return false;
    }
  }
  return true;
}

}  // namespace avrig::mixer
