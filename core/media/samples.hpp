// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>

struct AVFrame;

namespace avrig::media {

/// Samples of an audio frame of any FFmpeg sample format as planar float32. Integers of b bits are
/// divided by 2^(b-1): exact up to 24 bits.
void samples_to_planar_float(const AVFrame& frame,
                             std::uint32_t first,
                             std::uint32_t count,
                             float* rows,
                             std::size_t stride_bytes) noexcept;

/// The inverse, into the frame's own memory from its sample `at` on: x * 2^(b-1), rounded to
/// nearest, clipped. `bits` is 24 for 24-bit samples in the upper bits of 32.
void planar_float_to_samples(const float* rows,
                             std::size_t stride_bytes,
                             std::uint32_t count,
                             int bits,
                             AVFrame& frame,
                             std::uint32_t at) noexcept;

}  // namespace avrig::media
