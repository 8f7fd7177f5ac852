// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/handles.hpp>
#include <avrig/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace avrig::media {

/// A format of nothing, with its struct_size set.
[[nodiscard]] avrig_format empty_format() noexcept;

/// A picture format; colour unspecified, frame rate variable.
[[nodiscard]] avrig_format video_format(std::string_view pixel_format,
                                        std::uint32_t width,
                                        std::uint32_t height) noexcept;

/// Planar float32; the channel mask is FFmpeg's default for that many channels.
[[nodiscard]] avrig_format audio_format(std::uint32_t sample_rate_hz,
                                        std::uint32_t channels,
                                        std::uint32_t block_samples) noexcept;

/// What the decoded frames of these codec parameters look like: pictures with all colour
/// properties; audio as planar float32 with block_samples = 0, to be chosen by the caller.
/// frame_rate is left 0/0; a stream knows it (StreamInfo::format has it filled in).
[[nodiscard]] avrig_format to_avrig_format(const AVCodecParameters& parameters) noexcept;

/// The format of one decoded frame.
[[nodiscard]] avrig_format to_avrig_format(const AVFrame& frame) noexcept;

/// Whether two formats put the same bytes in a buffer: media, size, pixel format, channels, rate.
/// Frame rate, colour and aspect are not compared.
[[nodiscard]] bool same_layout(const avrig_format& a, const avrig_format& b) noexcept;

/// FFmpeg's number of a pixel format (AVPixelFormat), or -1 (AV_PIX_FMT_NONE).
[[nodiscard]] int pixel_format_number(std::string_view name) noexcept;
[[nodiscard]] std::string pixel_format_name(int number);

/// "video h264 1920x1080 yuv420p 30/1", "audio 48000 Hz 2 ch": for messages.
[[nodiscard]] std::string describe(const avrig_format& format);

}  // namespace avrig::media
