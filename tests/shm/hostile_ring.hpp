// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/error.hpp>
#include <avrig/shm/ring_editor.hpp>
#include <avrig/shm/ring_maker.hpp>
#include <avrig/shm/ring_tap.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <vector>

/// A ring whose memory somebody else has written to: nothing in it may crash or hang a stage.
namespace avrig::shm::testing {

class HostileRing {
 public:
  explicit HostileRing(bool live) {
    RingSpec spec;
    spec.slots = 8;
    spec.buffers = 4;
    spec.buffer_bytes = 128;
    spec.window = 3;
    spec.live = live;
    spec.participants.resize(3);
    for (std::uint32_t index = 0; index < 3; ++index) {
      spec.participants[index].bell = index + 1;
    }
    spec.participants[0].part = Part::Editor;
    spec.participants[0].undo_bytes = 128;
    spec.participants[1].after = 0b1;
    spec.participants[2].after = 0b1;
    spec.participants[2].loss = Loss::MaySkip;
    bytes_ = Ring::bytes_needed(spec);
    memory_ = static_cast<std::byte*>(::operator new (bytes_, std::align_val_t{4096}));
    std::memset(memory_, 0, bytes_);
    Ring::lay_out(bytes(), spec);
    work();
  }
  ~HostileRing() { ::operator delete (memory_, std::align_val_t{4096}); }
  HostileRing(const HostileRing&) = delete;
  HostileRing& operator=(const HostileRing&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {memory_, bytes_}; }
  /// Where the pool begins: what lies before it is what stages believe.
  [[nodiscard]] std::size_t control_bytes() const noexcept { return bytes_ - 4096; }

  /// Attach every kind of stage and let each do a few frames; true when the ring was accepted.
  bool work() {
    std::array<Bell, 4> bells{};
    try {
      Ring ring(bytes());
      Ring other(bytes());
      std::array<Ring*, 1> pools{&other};
      make(ring, bells);
      for (std::uint32_t index = 0; index < ring.participants().size(); ++index) {
        if (ring.participants()[index].part == Part::Editor) {
          edit(ring, index, bells);
        } else {
          look(ring, index, bells, pools);
        }
        (void)count_edge(ring, index);
      }
      RingTap tap(ring);
      Descriptor descriptor;
      std::vector<std::byte> payload;
      (void)tap.copy_newest(descriptor, payload);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

 private:
  static void make(Ring& ring, std::span<Bell> bells) {
    RingMaker maker(ring, bells);
    for (int frame = 0; frame < 3 && !maker.ended() && maker.ready(); ++frame) {
      Descriptor descriptor{};
      const auto buffer = maker.try_claim();
      if (!buffer) {
        maker.publish(Kind::Break, descriptor);
        continue;
      }
      std::memset(maker.memory(*buffer).data(), frame, maker.memory(*buffer).size());
      descriptor.planes = 1;
      descriptor.stride[0] = 64;
      descriptor.rows[0] = 1;
      maker.publish(descriptor, *buffer);
    }
    (void)maker.tail();
  }

  static void edit(Ring& ring, std::uint32_t index, std::span<Bell> bells) {
    RingEditor editor(ring, index, bells);
    Taken taken;
    for (int frame = 0; frame < 3 && editor.try_next(taken) == RingFollower::Next::Taken; ++frame) {
      const Region region{8, 8, 2, 16, 0};
      if (editor.save(taken, {&region, 1})) {
        taken.payload[8] = std::byte{1};
        (void)editor.restore(taken);
      }
      editor.complete(taken);
      editor.release_all();
    }
  }

  static void look(Ring& ring,
                   std::uint32_t index,
                   std::span<Bell> bells,
                   std::span<Ring* const> pools) {
    RingFollower follower(ring, index, bells, pools);
    Taken taken;
    volatile unsigned sum = 0;
    for (int frame = 0; frame < 3 && follower.try_next(taken) == RingFollower::Next::Taken;
         ++frame) {
      for (std::uint32_t plane = 0; plane < taken.descriptor.planes && !taken.payload.empty();
           ++plane) {
        const std::uint64_t bytes =
            std::uint64_t{taken.descriptor.stride[plane]} * taken.descriptor.rows[plane];
        if (bytes > 0) {
          const std::size_t last = taken.descriptor.plane_offset[plane] + bytes - 1;
          sum = sum + std::to_integer<unsigned>(taken.payload[last]);
        }
      }
      follower.note_latency(taken, 0);
      follower.complete(taken);
      Taken again;
      (void)follower.look_back(taken.sequence, again);
      follower.release_all();
    }
    if (follower.next() < 64) {
      follower.skip_to(taken.descriptor.origin[0]);
    }
  }

  std::byte* memory_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace avrig::shm::testing
