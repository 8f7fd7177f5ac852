// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/types.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace avrig::media {

/// Where one plane lies in a buffer.
struct PlaneLayout {
  std::uint64_t offset_bytes = 0;
  std::uint64_t size_bytes = 0;
  std::uint32_t stride_bytes = 0;
  std::uint32_t rows = 0;
};

/// How a frame lies in one contiguous buffer: planes, strides, and the bytes it needs in all.
///
/// Pictures: planes in FFmpeg's order, each stride a multiple of 64, each plane followed by slack
/// so that vector code may run past a row's end. Audio: one plane, a row a channel, rows
/// round_up(4 * samples, 64) bytes apart. Offsets suit a 64-byte aligned buffer.
///
/// These are the layouts for frames that avrig writes itself (converters, copies). A decoder that
/// writes straight into a buffer needs more room (Decoder::buffer_bytes()) and says in each frame
/// where its planes lie.
struct FrameLayout {
  std::array<PlaneLayout, AVRIG_MAX_PLANES> plane{};
  std::uint32_t planes = 0;
  std::uint64_t total_bytes = 0;

  /// Throws Error(Open) on an unknown or hardware pixel format or a size out of range.
  [[nodiscard]] static FrameLayout of_picture(std::string_view pixel_format,
                                              std::uint32_t width,
                                              std::uint32_t height);
  [[nodiscard]] static FrameLayout of_audio(std::uint32_t channels, std::uint32_t samples);

  /// By the format's media. Features and packets: one plane of max_rows * columns floats, or of
  /// max_packet_bytes. Throws as above.
  [[nodiscard]] static FrameLayout of(const avrig_format& format);

  /// Point `frame.plane[]` and `frame.planes` at a buffer laid out like this.
  ///
  /// Thread: any      RT-safe: yes
  void bind(avrig_frame& frame, void* buffer) const noexcept;
};

/// Bytes from one channel's row to the next.
[[nodiscard]] constexpr std::uint32_t audio_stride_bytes(std::uint32_t samples) noexcept {
  return (samples * 4 + 63) & ~std::uint32_t{63};
}

}  // namespace avrig::media
