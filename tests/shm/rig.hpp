// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/ring_editor.hpp>
#include <avrig/shm/ring_follower.hpp>
#include <avrig/shm/ring_maker.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>

/// A small ring in memory of its own, and short words for what tests do with it.
namespace avrig::shm::testing {

inline constexpr std::uint64_t kBytes = 4096;

struct Rig {
  explicit Rig(const RingSpec& spec)
      : segment(Ring::create("test", spec)),
        mapping(segment, Mapping::Access::ReadWrite),
        ring(mapping.bytes()) {}
  Segment segment;
  Mapping mapping;
  Ring ring;
  std::array<Bell, 8> bells{};
};

inline RingSpec spec_of(std::initializer_list<ParticipantEntry> entries) {
  RingSpec spec;
  spec.slots = 16;
  spec.buffers = 8;
  spec.buffer_bytes = kBytes;
  spec.window = 4;
  spec.participants = entries;
  return spec;
}

inline ParticipantEntry looker(std::uint32_t bell,
                               Loss loss = Loss::Must,
                               std::uint64_t after = 0) {
  ParticipantEntry entry{};
  entry.bell = bell;
  entry.loss = loss;
  entry.after = after;
  return entry;
}

inline ParticipantEntry editor(std::uint32_t bell, Loss loss = Loss::Must) {
  ParticipantEntry entry = looker(bell, loss);
  entry.part = Part::Editor;
  entry.undo_bytes = kBytes;
  return entry;
}

/// Publish a frame full of `value`; false when the ring has no place or buffer for it.
inline bool put(RingMaker& maker, std::uint8_t value) {
  if (!maker.may_publish()) {
    return false;
  }
  const std::optional<std::uint32_t> buffer = maker.try_claim();
  if (!buffer) {
    return false;
  }
  std::memset(maker.memory(*buffer).data(), value, kBytes);
  Descriptor descriptor{};
  descriptor.planes = 1;
  descriptor.stride[0] = kBytes;
  descriptor.rows[0] = 1;
  descriptor.index = value;
  maker.publish(descriptor, *buffer);
  return true;
}

inline void put_mark(RingMaker& maker, Kind kind) {
  Descriptor descriptor{};
  maker.publish(kind, descriptor);
}

/// Take, complete and let go the next frame or mark; its sequence.
inline std::optional<std::uint64_t> pass(RingFollower& follower) {
  Taken taken;
  if (follower.try_next(taken) != RingFollower::Next::Taken) {
    return std::nullopt;
  }
  follower.complete(taken);
  follower.release_all();
  return taken.sequence;
}

}  // namespace avrig::shm::testing
