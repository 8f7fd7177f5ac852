// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/shm/ring_editor.hpp>
#include <avrig/shm/sweep.hpp>

#include <algorithm>
#include <cstring>

namespace avrig::shm {
namespace {

bool inside(const Region& region, std::uint64_t bytes) noexcept {
  if (region.rows == 0 || region.row_bytes == 0) {
    return true;
  }
  const std::uint64_t extent = std::uint64_t{region.stride} * (region.rows - 1) + region.row_bytes;
  return region.offset <= bytes && extent <= bytes - region.offset;
}

// Do all regions lie in the payload, and together fit the before-image?
bool can_image(std::span<const Region> regions,
               std::uint64_t payload_bytes,
               std::uint64_t image_bytes) noexcept {
  std::uint64_t left = image_bytes;
  for (const Region& region : regions) {
    const std::uint64_t bytes = std::uint64_t{region.row_bytes} * region.rows;
    if (!inside(region, payload_bytes) || bytes > left) {
      return false;
    }
    left -= bytes;
  }
  return true;
}

}  // namespace

RingEditor::RingEditor(Ring& ring,
                       std::uint32_t participant,
                       std::span<Bell> bells,
                       Unprocessed skipped)
    : RingFollower(ring,
                   participant,
                   bells,
                   {},
                   skipped == Unprocessed::Drop
                       ? 1 + static_cast<std::uint64_t>(DropReason::Skipped)
                       : kVerdictUnprocessed) {
  AVRIG_SWEEP_WINDOW(Recover);
  // A before-image of the frame that was in hand: the edit may be half done.
  if (page().undo_tag.load(std::memory_order_acquire) == next() + 1) {
    put_back(page().undo_buffer);
  }
  // An editor never looks back: what its predecessor completed but did not let go, it lets go.
  release_all();
}

bool RingEditor::save(const Taken& taken, std::span<const Region> regions) noexcept {
  AVRIG_SWEEP_WINDOW(Edit);
  ParticipantPage& own = page();
  const std::span<std::byte> image = ring().undo(participant());
  if (regions.size() > own.undo_region.size() ||
      !can_image(regions, taken.payload.size(), image.size())) {
    return false;
  }
  if (own.undo_tag.load(std::memory_order_relaxed) == taken.sequence + 1) {
    if (std::equal(regions.begin(),
                   regions.end(),
                   own.undo_region.begin(),
                   own.undo_region.begin() + std::min<std::size_t>(own.undo_regions, 4))) {
      return true;  // put back by recovery: the image is still good
    }
    put_back(taken.buffer);
    own.undo_tag.store(0, std::memory_order_relaxed);
  }
  // The image that we overwrite must be worthless by now: the frame it belongs to is done.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::byte* to = image.data();
  for (std::size_t index = 0; index < regions.size(); ++index) {
    const Region& region = regions[index];
    own.undo_region[index] = region;
    for (std::uint32_t row = 0; row < region.rows && region.row_bytes > 0; ++row) {
      const std::byte* from =
          taken.payload.data() + region.offset + std::uint64_t{row} * region.stride;
      std::memcpy(to, from, region.row_bytes);
      to += region.row_bytes;
    }
  }
  own.undo_regions = static_cast<std::uint32_t>(regions.size());
  own.undo_buffer = taken.buffer;
  // Last: an image without its tag is never put back. The signal fence keeps the compiler from
  // moving the edit's first store in front of the tag; a killed process leaves a prefix of its
  // stores, so no more is needed.
  own.undo_tag.store(taken.sequence + 1, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return true;
}

void RingEditor::put_back(std::uint32_t buffer) noexcept {
  // Copies, checked: a predecessor may have written anything.
  const std::array<Region, 4> regions = page().undo_region;
  const std::uint32_t count = page().undo_regions;
  if (buffer >= ring().buffers() || count > regions.size()) {
    return;
  }
  const std::span<std::byte> payload = ring().buffer(buffer);
  const std::span<const std::byte> image = ring().undo(participant());
  if (!can_image({regions.data(), count}, payload.size(), image.size())) {
    return;
  }
  const std::byte* from = image.data();
  for (std::uint32_t index = 0; index < count; ++index) {
    const Region& region = regions[index];
    for (std::uint32_t row = 0; row < region.rows && region.row_bytes > 0; ++row) {
      std::memcpy(payload.data() + region.offset + std::uint64_t{row} * region.stride,
                  from,
                  region.row_bytes);
      from += region.row_bytes;
    }
  }
}

bool RingEditor::restore(const Taken& taken) noexcept {
  if (page().undo_tag.load(std::memory_order_relaxed) != taken.sequence + 1) {
    return false;
  }
  put_back(taken.buffer);
  return true;
}

void RingEditor::condemn(const Taken& taken, DropReason reason, bool quarantined) noexcept {
  AVRIG_SWEEP_WINDOW(Edit);
  judge(taken.sequence,
        (1 + static_cast<std::uint64_t>(reason)) | (quarantined ? kVerdictQuarantined : 0));
}

void RingEditor::pass_unprocessed(const Taken& taken, bool quarantined) noexcept {
  AVRIG_SWEEP_WINDOW(Edit);
  judge(taken.sequence, kVerdictUnprocessed | (quarantined ? kVerdictQuarantined : 0));
}

}  // namespace avrig::shm
