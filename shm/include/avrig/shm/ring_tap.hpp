// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace avrig::shm {

/// A reader that holds nobody back: it copies the newest settled frame, then checks that nothing
/// was overwritten under the copy. Needs no write access at all.
///
/// Thread: one
class RingTap {
 public:
  explicit RingTap(Ring& ring) noexcept : ring_(&ring) {}

  /// Copy the newest frame that every editor has completed and that is newer than the last one.
  ///
  /// Returns false when there is none, or when it was overwritten `kTries` times in a row (a
  /// saturated ring without guard slots). Until then neither output may be looked at.
  [[nodiscard]] bool copy_newest(Descriptor& descriptor, std::vector<std::byte>& payload);

  /// Copies thrown away because the maker overtook them.
  [[nodiscard]] std::uint64_t torn() const noexcept { return torn_; }

 private:
  [[nodiscard]] std::uint64_t settled() const noexcept;
  /// Has no editor dropped it, or passed it over unedited?
  [[nodiscard]] bool shows(std::uint64_t sequence) const noexcept;
  [[nodiscard]] bool is_frame(std::uint64_t sequence) const noexcept;
  [[nodiscard]] bool copy(std::uint64_t sequence,
                          Descriptor& descriptor,
                          std::vector<std::byte>& payload);

  static constexpr int kTries = 8;
  Ring* ring_;
  std::uint64_t seen_ = 0;  // sequence + 1 of the last copy
  std::uint64_t torn_ = 0;
};

/// memcpy by relaxed 8-byte loads: the source may be written meanwhile, and a copy that was is
/// thrown away. In one place, so that the race is where the words are.
void copy_racing(std::byte* to, const std::byte* from, std::size_t bytes) noexcept;

}  // namespace avrig::shm
