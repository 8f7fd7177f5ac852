// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/shm/ring_tap.hpp>

#include <algorithm>
#include <cstring>

namespace avrig::shm {

__attribute__((noinline)) void copy_racing(std::byte* to,
                                           const std::byte* from,
                                           std::size_t bytes) noexcept {
  std::size_t at = 0;
  for (; at + 8 <= bytes; at += 8) {
    std::uint64_t word =
        __atomic_load_n(reinterpret_cast<const std::uint64_t*>(from + at), __ATOMIC_RELAXED);
    std::memcpy(to + at, &word, 8);
  }
  for (; at < bytes; ++at) {
    to[at] = static_cast<std::byte>(
        __atomic_load_n(reinterpret_cast<const unsigned char*>(from + at), __ATOMIC_RELAXED));
  }
}

std::uint64_t RingTap::settled() const noexcept {
  std::uint64_t settled = ring_->maker_page().head.load(std::memory_order_acquire);
  const auto entries = ring_->participants();
  for (std::uint32_t index = 0; index < entries.size(); ++index) {
    if (entries[index].part == Part::Editor) {
      settled =
          std::min(settled, ring_->participant_page(index).done.load(std::memory_order_acquire));
    }
  }
  return settled;
}

bool RingTap::copy_newest(Descriptor& descriptor, std::vector<std::byte>& payload) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const std::uint64_t end = settled();
    if (end == 0 || end <= seen_) {
      return false;
    }
    const std::uint64_t sequence = end - 1;
    const std::uint64_t word = ring_->slot(sequence).word.load(std::memory_order_acquire);
    const std::uint32_t buffer = word_buffer(word);
    if (word_sequence(word) != (sequence & kSequenceMask)) {
      ++torn_;
      continue;
    }
    if (word_kind(word) != Kind::Frame || buffer >= ring_->buffers()) {
      return false;
    }
    const std::uint64_t generation = ring_->generation(buffer).load(std::memory_order_acquire);
    ring_->read_body(sequence, descriptor);
    payload.resize(ring_->buffer_bytes());
    copy_racing(payload.data(), ring_->buffer(buffer).data(), payload.size());
    // Pairs with the fence after the maker's odd generation: a copy that saw its bytes sees it.
    std::atomic_thread_fence(std::memory_order_acquire);
    const bool whole = (generation & 1) == 0 &&
                       ring_->generation(buffer).load(std::memory_order_relaxed) == generation &&
                       ring_->slot(sequence).word.load(std::memory_order_relaxed) == word;
    if (whole && descriptor.sequence == sequence && fits(descriptor, payload.size())) {
      seen_ = end;
      return true;
    }
    ++torn_;
  }
  return false;
}

}  // namespace avrig::shm
