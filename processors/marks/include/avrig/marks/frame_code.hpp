// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// A frame number that a program can read from the picture.
///
/// 24 square blocks of 16 x 16 pixels, 12 a row, two rows: 192 x 32 pixels, read left to right, top
/// to bottom. White = 1, black = 0.
///
///   row 0   g15 g14 g13 g12 g11 g10 g9 g8 g7 g6 g5 g4
///   row 1   g3  g2  g1  g0  c7  c6  c5 c4 c3 c2 c1 c0
///
/// g = the number modulo 65536 in Gray code (g = n ^ (n >> 1)), so that a picture blended of two
/// neighbours is off by one at most. c = CRC-8 of g, high byte first: polynomial 0x07, first value
/// 0xA5, no reflection, no final xor. The CRC sees a blend of other pictures or a picture without
/// a number; no code is all black or all white.

#include <avrig/marks/picture.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace avrig::marks {

inline constexpr std::uint32_t kBlockPx = 16;
inline constexpr std::uint32_t kBlocksPerRow = 12;
inline constexpr std::uint32_t kBlocks = 24;
inline constexpr std::uint32_t kCodeWidth = kBlocksPerRow * kBlockPx;
inline constexpr std::uint32_t kCodeHeight = kBlocks / kBlocksPerRow * kBlockPx;
/// White less black that a code must have to be taken for one, of 255.
inline constexpr int kLeastContrast = 48;

[[nodiscard]] constexpr std::uint8_t crc8(std::uint16_t bits) noexcept {
  std::uint32_t crc = 0xA5;
  for (const std::uint32_t byte : {std::uint32_t{bits} >> 8, std::uint32_t{bits} & 0xFFU}) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) {
      crc = (crc & 0x80U) != 0 ? (crc << 1) ^ 0x07U : crc << 1;
    }
    crc &= 0xFFU;
  }
  return static_cast<std::uint8_t>(crc);
}

/// The 24 blocks of a number; the first block is bit 23.
[[nodiscard]] constexpr std::uint32_t encode_number(std::uint16_t number) noexcept {
  const auto gray = static_cast<std::uint16_t>(number ^ (number >> 1));
  return (std::uint32_t{gray} << 8) | crc8(gray);
}

/// Returns: empty when the CRC does not match
[[nodiscard]] constexpr std::optional<std::uint16_t> decode_blocks(std::uint32_t blocks) noexcept {
  const auto gray = static_cast<std::uint16_t>(blocks >> 8);
  if (crc8(gray) != (blocks & 0xFFU)) {
    return std::nullopt;
  }
  std::uint32_t number = gray;
  for (std::uint32_t shift = 8; shift > 0; shift /= 2) {
    number ^= number >> shift;
  }
  return static_cast<std::uint16_t>(number);
}

/// RT-safe: yes
inline void draw_code(const Canvas& canvas, Point at, std::uint16_t number) noexcept {
  const std::uint32_t blocks = encode_number(number);
  for (std::uint32_t b = 0; b < kBlocks; ++b) {
    const bool white = ((blocks >> (kBlocks - 1 - b)) & 1U) != 0;
    canvas.fill({at.x + b % kBlocksPerRow * kBlockPx,
                 at.y + b / kBlocksPerRow * kBlockPx,
                 kBlockPx,
                 kBlockPx},
                white);
  }
}

/// Reads the inner 8 x 8 pixels of each block, which survive lossy codecs.
///
/// RT-safe: yes
/// Returns: empty where there is no code: outside the picture, too little contrast, a block that is
/// neither black nor white, a wrong CRC
[[nodiscard]] inline std::optional<std::uint16_t> read_code(const Luma& luma, Point at) noexcept {
  if (at.x + kCodeWidth > luma.width() || at.y + kCodeHeight > luma.height()) {
    return std::nullopt;
  }
  std::array<int, kBlocks> level{};
  for (std::uint32_t b = 0; b < kBlocks; ++b) {
    level[b] = luma.mean({at.x + b % kBlocksPerRow * kBlockPx + kBlockPx / 4,
                          at.y + b / kBlocksPerRow * kBlockPx + kBlockPx / 4,
                          kBlockPx / 2,
                          kBlockPx / 2});
  }
  const auto [black, white] = std::ranges::minmax(level);
  const int contrast = white - black;
  if (contrast < kLeastContrast) {
    return std::nullopt;
  }
  std::uint32_t blocks = 0;
  for (const int value : level) {
    const int above = value - black;
    if (above * 3 > contrast && above * 3 < contrast * 2) {
      return std::nullopt;
    }
    blocks = (blocks << 1) | (above * 2 > contrast ? 1U : 0U);
  }
  return decode_blocks(blocks);
}

}  // namespace avrig::marks
