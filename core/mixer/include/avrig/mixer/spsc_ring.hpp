// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

namespace avrig::mixer {

/// A bounded queue of plain records from one producer to one consumer.
///
/// Positions count for ever in 64 bits; a full queue is a value, never a wait.
template <class T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// Room for at least `capacity` records.
  explicit SpscRing(std::size_t capacity) {
    std::size_t size = 1;
    while (size < capacity) {
      size *= 2;
    }
    slots_ = std::make_unique<T[]>(size);
    mask_ = size - 1;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

  /// Append all of `records`, or none.
  ///
  /// Thread: producer      RT-safe: yes (wait-free)
  [[nodiscard]] bool push(std::span<const T> records) noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    // Pairs with the release in pop(): the slots below tail are ours again.
    const std::uint64_t tail = tail_.load(std::memory_order_acquire);
    if (records.size() > capacity() - static_cast<std::size_t>(head - tail)) {
      return false;
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      slots_[(head + i) & mask_] = records[i];
    }
    // Pairs with the acquire in size(): all of a batch becomes visible at once.
    head_.store(head + records.size(), std::memory_order_release);
    return true;
  }
  [[nodiscard]] bool push(const T& record) noexcept { return push(std::span(&record, 1)); }

  /// How many records wait.      Thread: consumer      RT-safe: yes
  [[nodiscard]] std::size_t size() const noexcept {
    return static_cast<std::size_t>(head_.load(std::memory_order_acquire) -
                                    tail_.load(std::memory_order_relaxed));
  }

  /// The record `ahead` places behind the oldest; `ahead < size()`.      Thread: consumer
  [[nodiscard]] const T& peek(std::size_t ahead = 0) const noexcept {
    return slots_[(tail_.load(std::memory_order_relaxed) + ahead) & mask_];
  }

  /// Forget the oldest `count` records.      Thread: consumer      RT-safe: yes
  void pop(std::size_t count = 1) noexcept {
    tail_.store(tail_.load(std::memory_order_relaxed) + count, std::memory_order_release);
  }

  /// Move the oldest record to `out`; false when there is none.      Thread: consumer
  [[nodiscard]] bool take(T& out) noexcept {
    if (size() == 0) {
      return false;
    }
    out = peek();
    pop();
    return true;
  }

 private:
  std::unique_ptr<T[]> slots_;
  std::size_t mask_ = 0;
  alignas(64) std::atomic<std::uint64_t> head_{0};  // written by the producer alone
  alignas(64) std::atomic<std::uint64_t> tail_{0};  // written by the consumer alone
};

}  // namespace avrig::mixer
