// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/unique_fd.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace avrig::shm {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kLargePageBytes = std::size_t{2} << 20;

/// `value` rounded up to a multiple of `unit`, a power of two.
[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) noexcept {
  return (value + unit - 1) & ~(unit - 1);
}

/// A sealed memfd: shared memory without a name, so nothing is left behind when its last holder
/// dies, and nobody can truncate it under another.
///
/// Thread: control
class Segment {
 public:
  /// Create `bytes` (rounded up to pages) of zeroed memory, all of it backed, sealed against
  /// shrinking, growing and further seals. `label` shows in /proc and in error texts.
  /// Throws Error(Open) when memory is short.
  [[nodiscard]] static Segment create(const std::string& label, std::uint64_t bytes);

  /// Take over a descriptor that another process sent. Throws Error(Open) unless it is a memfd
  /// sealed against shrinking: anything else could raise SIGBUS later.
  [[nodiscard]] static Segment adopt(UniqueFd fd);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  Segment(UniqueFd fd, std::uint64_t bytes) noexcept : fd_(std::move(fd)), bytes_(bytes) {}

  UniqueFd fd_;
  std::uint64_t bytes_ = 0;
};

/// A segment in this process's address space, populated so that no first touch is left to the
/// frame path.
///
/// Thread: control
class Mapping {
 public:
  enum class Access { ReadOnly, ReadWrite };

  /// `Large`: what fills pages of 2 MiB lies in such pages, where the system has them to give. It
  /// is copied for that, once for all who map it: for what lasts and is read a little at a time,
  /// here and there, where finding the page costs as much as reading.
  enum class Pages { Small, Large };

  /// Throws Error(Open).
  Mapping(const Segment& segment, Access access, Pages pages = Pages::Small);
  Mapping(Mapping&&) noexcept;
  Mapping& operator=(Mapping&&) noexcept;
  ~Mapping();

  [[nodiscard]] std::span<std::byte> bytes() const noexcept;

  /// Take away write access from `bytes` at `offset` (whole pages): what this process must not
  /// write, it cannot.
  void protect(std::uint64_t offset, std::uint64_t bytes);

 private:
  struct Region;
  std::unique_ptr<Region> region_;
};

}  // namespace avrig::shm
