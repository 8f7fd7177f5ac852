// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace avrig::mixer {

/// A table that grows by chunks while it is read: nothing in it ever moves.
template <class T, std::uint32_t kBits = 8>
class ChunkTable {
 public:
  static constexpr std::uint32_t kChunk = 1U << kBits;
  static constexpr std::uint32_t kMaxChunks = 8192;

  /// Room for at least `count` records, value-initialised.      Thread: control
  void reserve(std::uint32_t count) {
    std::uint32_t have = capacity_.load(std::memory_order_relaxed);
    while (have < count && have / kChunk < kMaxChunks) {
      chunks_[have / kChunk] = std::make_unique<T[]>(kChunk);
      have += kChunk;
      // Pairs with the acquire in capacity(): the chunk is there before it is counted.
      capacity_.store(have, std::memory_order_release);
    }
  }

  [[nodiscard]] std::uint32_t capacity() const noexcept {
    return capacity_.load(std::memory_order_acquire);
  }
  [[nodiscard]] T& operator[](std::uint32_t index) noexcept {
    return chunks_[index >> kBits][index & (kChunk - 1)];
  }
  [[nodiscard]] const T& operator[](std::uint32_t index) const noexcept {
    return chunks_[index >> kBits][index & (kChunk - 1)];
  }

 private:
  std::unique_ptr<T[]> chunks_[kMaxChunks];
  std::atomic<std::uint32_t> capacity_{0};
};

}  // namespace avrig::mixer
