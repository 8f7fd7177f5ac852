// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <vector>

namespace avrig::marks {

/// The pictures in which flashes begin, among the first `pictures`: the first after half a second,
/// the others 0.7 to 1.3 s apart, irregular, so that no beep can be taken for its neighbour's, and
/// the same each time. None begins in the last half second.
[[nodiscard]] inline std::vector<std::int64_t> flash_schedule(std::int64_t pictures,
                                                              double pictures_per_second) {
  std::vector<std::int64_t> found;
  std::uint32_t state = 1;
  double at_s = 0.5;
  const double last_s = static_cast<double>(pictures) / pictures_per_second - 0.5;
  while (at_s <= last_s) {
    found.push_back(static_cast<std::int64_t>(at_s * pictures_per_second + 0.5));
    state = state * 1664525U + 1013904223U;
    at_s += 0.7 + 0.6 * static_cast<double>(state >> 8) / 16777216.0;
  }
  return found;
}

}  // namespace avrig::marks
