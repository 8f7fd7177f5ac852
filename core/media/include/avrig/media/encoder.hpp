// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/handles.hpp>
#include <avrig/media/packet.hpp>
#include <avrig/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace avrig::media {

struct EncoderSettings {
  avrig_format input{};       ///< pictures, or planar float32 audio
  std::string codec;          ///< FFmpeg's name; "" = libx264 for pictures, pcm_f32le for audio
  std::string pixel_format;   ///< "" = the input's where the codec takes it, else the nearest
  bool lossless = false;      ///< refuse a codec or pixel format that would lose anything
  bool fill_gaps = false;     ///< audio: silence for whole gaps (containers without times)
  std::int64_t bit_rate = 0;  ///< 0 = the codec's quality default
  int keyframe_interval = 0;  ///< 0 = about two seconds; FFV1: 1, each picture stands alone
  int threads = 0;            ///< 0 = one a core (slices only: no delay)
  int sample_bits = 0;        ///< FLAC: 16 or 24; 0 = 24
  bool bitexact = false;      ///< same input, same bytes: no version strings
  Options options;  ///< FFmpeg's, of the codec: {"crf","18"}, {"qp","0"}, {"preset","slow"}
};

enum class EncodeStatus {
  Ok,
  WrongFormat,  ///< not the picture size, pixel format or channels of the settings; nothing done
  Failed        ///< the codec broke: error()
};

/// True of the video codecs that Encoder sets for live use: a picture's packet comes out before
/// the next picture but one goes in. Others may look ahead, by as many as they like.
[[nodiscard]] bool is_prompt_encoder(std::string_view name);

/// Frames in, packets out, with exact nanosecond times.
///
/// libx264 is set for live use: veryfast, zerolatency, no B-frames, crf 20, unless `options` say
/// otherwise; libvpx-vp9: real-time, no look-ahead, crf 24. FFV1 is version 3 with slices and
/// checksums, every picture a key picture. RGB in is stored losslessly by FFV1 (bgr24 as bgr0).
/// Audio: float to 16/24 bits by round-to-nearest of x * 2^(bits-1), the inverse of the decoder:
/// decoded integers come back bit for bit. Codecs with a fixed frame size are re-blocked; each
/// packet's time is that of its first sample, interpolated from the blocks' own times; a gap of
/// more than 1 ms between blocks is filled with silence up to the packet's end, then skipped.
/// PCM packets are the blocks as given (blocks under 2 ms are gathered to 10 ms).
///
/// Thread: one at a time
class Encoder {
 public:
  /// Throws Error(Open): unknown codec, or one that cannot take the format, with what it can.
  explicit Encoder(EncoderSettings settings);
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  /// One picture or block; `frame.plane` is borrowed for the call, `frame.samples` counts audio.
  /// The pixels are not copied where the codec permits (x264, FFV1, raw).
  [[nodiscard]] EncodeStatus encode(const avrig_frame& frame,
                                    std::int64_t pts_ns,
                                    std::int64_t duration_ns = 0);
  /// No more frames. Fetch the rest with receive(). A codec cannot be used after it.
  [[nodiscard]] EncodeStatus finish();
  /// The next packet, time base kNanoseconds; false = none yet (or no more).
  [[nodiscard]] bool receive(Packet& packet);

  [[nodiscard]] const AVCodecParameters& parameters() const noexcept;
  [[nodiscard]] std::uint32_t media() const noexcept;
  [[nodiscard]] AVRational frame_rate() const noexcept;
  /// The settings' input, for the stage above.
  [[nodiscard]] const avrig_format& input() const noexcept;
  /// What the codec stores, e.g. "bgr0" for bgr24; "" for audio.
  [[nodiscard]] std::string stored_pixel_format() const;
  /// Samples of silence put into gaps so far.
  [[nodiscard]] std::uint64_t silence_samples() const noexcept;
  [[nodiscard]] const std::string& error() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::media
