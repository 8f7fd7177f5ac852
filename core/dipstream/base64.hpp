// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace avrig::dipstream {

/// The bytes of a base64 text (RFC 4648, padded or not). Throws Error(Spec).
[[nodiscard]] inline std::vector<std::byte> from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') {
    text.remove_suffix(1);
  }
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    std::uint32_t value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = static_cast<std::uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      value = static_cast<std::uint32_t>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      value = static_cast<std::uint32_t>(c - '0') + 52;
    } else if (c == '+' || c == '/') {
      value = c == '+' ? 62 : 63;
    } else {
      throw Error(ErrorCode::Spec, "'data' is not base64");
    }
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<std::byte>(bits >> count & 0xFFU));
    }
  }
  if (text.size() % 4 == 1) {
    throw Error(ErrorCode::Spec, "'data' is cut off base64");
  }
  return bytes;
}

}  // namespace avrig::dipstream
