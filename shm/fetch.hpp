// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <algorithm>
#include <cstdint>

/// Hints: have cache lines come while something else is done. They never fault.
namespace avrig::shm {

inline constexpr std::uint64_t kLineBytes = 64;
/// Of a frame; what lies behind is fetched by the processor itself, which sees a stream by then.
inline constexpr std::uint64_t kMostLines = 8;

inline void fetch_to_read(const void* at, std::uint64_t lines) noexcept {
  const auto* line = static_cast<const char*>(at);
  for (std::uint64_t index = 0; index < std::min(lines, kMostLines); ++index) {
    __builtin_prefetch(line + index * kLineBytes);
  }
}

/// Takes the lines away from whoever has read them.
inline void fetch_to_write(const void* at, std::uint64_t lines) noexcept {
  const auto* line = static_cast<const char*>(at);
  for (std::uint64_t index = 0; index < std::min(lines, kMostLines); ++index) {
#if defined(__x86_64__)
    // __builtin_prefetch for writing is one for reading where the build may run on any x86-64.
    asm volatile("prefetchw %0" : : "m"(line[index * kLineBytes]));
#else
    __builtin_prefetch(line + index * kLineBytes, 1);
#endif
  }
}

}  // namespace avrig::shm
