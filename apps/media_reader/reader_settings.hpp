// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/handles.hpp>

#include <cstdint>
#include <string>

namespace avrig::media_reader {

/// What the user asked of the reader; see docs/pipeline-spec.md.
struct ReaderSettings {
  std::string url;
  std::string container;
  media::Options options;
  std::int64_t loop = 1;
  bool audio = true;
  bool video = true;
  bool copy = false;
  int threads = 0;
  std::uint64_t spill_bytes = 256ull << 20;
  std::string pixel_format;
};

}  // namespace avrig::media_reader
