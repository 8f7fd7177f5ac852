// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/shm/ring_tap.hpp>

#include <algorithm>
#include <cstring>

namespace avrig::shm {

__attribute__((noinline, no_sanitize_thread)) void copy_racing(std::byte* to,
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

bool RingTap::shows(std::uint64_t sequence) const noexcept {
  const auto entries = ring_->participants();
  return std::none_of(entries.begin(), entries.end(), [&](const ParticipantEntry& entry) {
    return entry.part == Part::Editor &&
           (ring_->verdict(sequence, entry.editor_line) & kVerdictDrop) != 0;
  });
}

bool RingTap::copy(std::uint64_t sequence,
                   Descriptor& descriptor,
                   std::vector<std::byte>& payload) {
  std::uint64_t word = 0;
  if (!ring_->read(sequence, descriptor, word)) {
    return false;
  }
  const std::uint32_t buffer = word_buffer(word);
  if (buffer >= ring_->buffers()) {
    return false;
  }
  std::atomic<std::uint64_t>& generation = ring_->generation(buffer);
  // acquire: the bytes that were written before the buffer got this generation.
  if (generation.load(std::memory_order_acquire) != descriptor.generation) {
    return false;
  }
  payload.resize(ring_->buffer_bytes());
  copy_racing(payload.data(), ring_->buffer(buffer).data(), payload.size());
  // Pairs with the fence after the maker's odd generation: a copy that saw its bytes sees it.
  std::atomic_thread_fence(std::memory_order_acquire);
  return generation.load(std::memory_order_relaxed) == descriptor.generation && shows(sequence) &&
         fits(descriptor, payload.size());
}

bool RingTap::copy_newest(Descriptor& descriptor, std::vector<std::byte>& payload) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const std::uint64_t end = settled();
    const std::uint64_t oldest = std::max(seen_, end - std::min<std::uint64_t>(end, kTries));
    std::uint64_t sequence = end;
    // Past marks, and frames that an editor has dropped.
    while (sequence > oldest && !is_frame(sequence - 1)) {
      --sequence;
    }
    if (sequence <= oldest) {
      return false;
    }
    if (copy(sequence - 1, descriptor, payload)) {
      seen_ = end;
      return true;
    }
    ++torn_;
  }
  return false;
}

bool RingTap::is_frame(std::uint64_t sequence) const noexcept {
  const std::uint64_t word = ring_->slot(sequence).word.load(std::memory_order_acquire);
  if (word_sequence(word) != (sequence & kSequenceMask)) {
    return true;  // overtaken: to be counted as torn, and looked for again
  }
  return word_kind(word) == Kind::Frame && word_buffer(word) < ring_->buffers() && shows(sequence);
}

}  // namespace avrig::shm
