// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/encoder.hpp>

#include <string>

namespace avrig::media {

/// An opened codec and what the feeding of it must know.
struct OpenEncoder {
  CodecContextPtr context;
  std::string name;
  int pixels = -1;       ///< video: AVPixelFormat that the codec is fed
  bool convert = false;  ///< video: the input must be converted to it
  bool borrows = false;  ///< video: reads the input during the call only, so no copy is needed
  int sample_bits = 0;   ///< audio: significant bits of an integer sample
};

/// Throws Error(Open).
[[nodiscard]] OpenEncoder open_encoder(const EncoderSettings& settings);

}  // namespace avrig::media
