// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/types.h>

#include <cstdint>

namespace avrig {

/// "audio", "video", ... for messages; "any media" for AVRIG_MEDIA_NONE.
[[nodiscard]] constexpr const char* media_name(std::uint32_t media) noexcept {
  switch (media) {
    case AVRIG_MEDIA_AUDIO:
      return "audio";
    case AVRIG_MEDIA_VIDEO:
      return "video";
    case AVRIG_MEDIA_FEATURES:
      return "features";
    case AVRIG_MEDIA_PACKETS:
      return "packets";
    default:
      return "any media";
  }
}

}  // namespace avrig
