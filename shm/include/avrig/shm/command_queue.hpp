// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/segment.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace avrig::shm {

/// What a command queue's memory begins with.
struct CommandQueueHeader {
  std::uint32_t magic;
  std::uint32_t layout;
  std::uint32_t record_bytes;
  std::uint32_t capacity;                        ///< records; a power of two
  alignas(128) std::atomic<std::uint64_t> head;  ///< records written; by the producer alone
  alignas(128) std::atomic<std::uint64_t> tail;  ///< records taken; by the consumer alone
};
static_assert(sizeof(CommandQueueHeader) == 384);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// Fixed-size records from one process to a real-time thread of another.
///
/// One queue a producer; the consumer visits them all. So a producer that is killed in mid-write
/// has merely not written: `head` is stored last, and what lies behind it was never sent. (In one
/// queue for all, a slot that is claimed and never filled would stop everybody behind it.) A full
/// queue is a value. Positions count for ever in 64 bits.
///
/// The consumer believes nothing: it keeps its own place, copies a record before looking at it, and
/// a `head` that cannot be breaks the queue for good.
class CommandQueue {
 public:
  /// Make the memory of a queue. Throws Error(Open).
  [[nodiscard]] static Segment create(const std::string& label,
                                      std::uint32_t record_bytes,
                                      std::uint32_t capacity);

  /// Map it. Throws Error(Open) on memory that is no queue of such records.
  CommandQueue(const Segment& segment, std::uint32_t record_bytes);

  // The producer's end --------------------------------------------------------------------------
  /// Append all of `records` (a multiple of the record's size), or none: it would block.
  ///
  /// Thread: producer      RT-safe: yes (wait-free)
  [[nodiscard]] bool push(std::span<const std::byte> records) noexcept;

  // The consumer's end --------------------------------------------------------------------------
  /// Records that wait.      Thread: consumer      RT-safe: yes (wait-free)
  [[nodiscard]] std::uint32_t waiting() noexcept;
  /// Copy the record `ahead` places behind the oldest.      Thread: consumer      RT-safe: yes
  void peek(std::uint32_t ahead, void* record) const noexcept;
  /// Forget the oldest `count`.      Thread: consumer      RT-safe: yes
  void pop(std::uint32_t count) noexcept;
  /// Records taken since the queue was made.      Thread: consumer      RT-safe: yes
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
  /// Forget what lies before `position`: a predecessor took it.      Thread: consumer
  void skip_to(std::uint64_t position) noexcept;
  /// The producer wrote what cannot be; nothing more is taken.      Thread: any
  [[nodiscard]] bool broken() const noexcept { return broken_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] std::byte* slot(std::uint64_t position) const noexcept;

  Mapping mapping_;
  CommandQueueHeader* header_;
  std::uint32_t record_bytes_;
  std::uint32_t capacity_ = 0;
  std::uint64_t taken_ = 0;    // the consumer's own place
  std::uint64_t written_ = 0;  // the producer's own place
  std::atomic<bool> broken_{false};
};

}  // namespace avrig::shm
