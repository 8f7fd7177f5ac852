// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/sweep.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace avrig::shm {

/// A value of one writer that survives the writer's death in mid-write: two copies, and a version
/// stored last that says which one is good.
///
/// All zero bytes are a valid TwoCopy that holds T's zero bytes.
template <class T>
class TwoCopy {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % sizeof(std::uint64_t) == 0);
  static constexpr std::size_t kWords = sizeof(T) / sizeof(std::uint64_t);

 public:
  /// Thread: the one writer      RT-safe: yes (wait-free)
  void store(const T& value) noexcept {
    AVRIG_SWEEP_WINDOW(SyncStore);
    const std::uint64_t version = version_.load(std::memory_order_relaxed) + 1;
    std::array<std::uint64_t, kWords> words{};
    std::memcpy(words.data(), &value, sizeof value);
    // Readers of the copy that we overwrite must see, in their second look, that it is old.
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t word = 0; word < kWords; ++word) {
      copies_[version & 1][word].store(words[word], std::memory_order_relaxed);
    }
    version_.store(version, std::memory_order_release);
  }

  /// The last complete value. The writer, and whoever has outlived it, always succeeds.
  ///
  /// Thread: any      RT-safe: yes; returns false if the writer lapped us `kTries` times
  [[nodiscard]] bool load(T& value) const noexcept {
    constexpr int kTries = 1000;
    for (int attempt = 0; attempt < kTries; ++attempt) {
      const std::uint64_t version = version_.load(std::memory_order_acquire);
      std::array<std::uint64_t, kWords> words{};
      for (std::size_t word = 0; word < kWords; ++word) {
        words[word] = copies_[version & 1][word].load(std::memory_order_relaxed);
      }
      std::atomic_thread_fence(std::memory_order_acquire);
      if (version_.load(std::memory_order_relaxed) == version) {
        std::memcpy(static_cast<void*>(&value), words.data(), sizeof value);
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] std::uint64_t version() const noexcept {
    return version_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<std::uint64_t> version_;
  std::array<std::array<std::atomic<std::uint64_t>, kWords>, 2> copies_;
};

}  // namespace avrig::shm
