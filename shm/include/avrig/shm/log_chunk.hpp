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

/// What a chunk's memory begins with.
struct LogHeader {
  std::uint32_t magic;
  std::uint32_t layout;
  std::uint64_t number;
  std::uint64_t capacity;                        ///< bytes for records
  alignas(128) std::atomic<std::uint64_t> head;  ///< bytes written; by the writer alone
};
static_assert(sizeof(LogHeader) == 256);

/// A piece of a log in shared memory, which only grows: what a process writes down so that its
/// successor can go on.
///
/// `head` is stored last, so a record is there whole or not at all: who is killed in mid-write has
/// merely not written. A reader believes no length that does not fit.
class LogChunk {
 public:
  struct Record {
    std::uint32_t kind = 0;
    std::span<const std::byte> bytes;
  };

  /// Make the memory of a chunk. Throws Error(Open).
  [[nodiscard]] static Segment create(const std::string& label,
                                      std::uint64_t bytes,
                                      std::uint64_t number);
  /// Map it. Throws Error(Open) on memory that is no chunk of this version.
  explicit LogChunk(const Segment& segment);

  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::uint64_t written() const noexcept {
    return header_->head.load(std::memory_order_acquire);
  }

  /// Append a record of two parts; false where it does not fit and leave `spare` bytes.
  ///
  /// Thread: the one writer      RT-safe: yes (wait-free)
  [[nodiscard]] bool append(std::uint32_t kind,
                            std::span<const std::byte> first,
                            std::span<const std::byte> second = {},
                            std::uint64_t spare = 0) noexcept;

  /// The record at `at` (0 = the first), which then moves on; false at the end.
  [[nodiscard]] bool next(std::uint64_t& at, Record& record) const noexcept;

 private:
  Mapping mapping_;
  LogHeader* header_ = nullptr;
  std::byte* records_ = nullptr;
  std::uint64_t number_ = 0;
  std::uint64_t capacity_ = 0;
  std::uint64_t head_ = 0;  // the writer's own
};

}  // namespace avrig::shm
