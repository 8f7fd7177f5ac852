// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../support/patience.hpp"
#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_editor.hpp>
#include <avrig/shm/ring_maker.hpp>
#include <avrig/shm/ring_tap.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <random>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

// The ring's stages as threads over one mapping: what a race detector can see.
using namespace avrig::shm;

namespace {

constexpr std::size_t kWords = 32;
constexpr std::uint64_t kBytes = kWords * sizeof(std::uint64_t);
constexpr int kFrames = 6000;
constexpr std::int64_t kPatienceNs = 3 * avrig::test::kPatienceNs;
constexpr Region kEdited{64, 64, 1, 64, 0};
constexpr std::uint64_t kStamp = 0x5a5a'5a5a'5a5a'5a5a;

std::uint64_t word_of(std::int64_t index, std::size_t at) {
  std::mt19937_64 random(static_cast<std::uint64_t>(index) * kWords + at);
  return random();
}

bool is_right(std::span<const std::byte> payload, std::int64_t index, bool edited) {
  for (std::size_t at = 0; at < kWords; at += 3) {
    std::uint64_t word = 0;
    std::memcpy(&word, payload.data() + at * sizeof word, sizeof word);
    const bool inside = at >= 8 && at < 16;
    if (word != (word_of(index, at) ^ (edited && inside ? kStamp : 0))) {
      return false;
    }
  }
  return true;
}

struct Memory {
  explicit Memory(const RingSpec& spec)
      : bytes_count(Ring::bytes_needed(spec)),
        bytes(static_cast<std::byte*>(::operator new (bytes_count, std::align_val_t{4096}))) {
    std::memset(bytes, 0, bytes_count);
    Ring::lay_out({bytes, bytes_count}, spec);
  }
  ~Memory() { ::operator delete (bytes, std::align_val_t{4096}); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  [[nodiscard]] Ring ring() const { return Ring(std::span<std::byte>(bytes, bytes_count)); }

  std::uint64_t bytes_count;
  std::byte* bytes;
  std::array<Bell, 8> bells{};
  std::atomic<int> wrong{0};
  std::atomic<bool> ended{false};
};

void make(Memory& memory) {
  Ring ring = memory.ring();
  RingMaker maker(ring, memory.bells);
  Waiter waiter(memory.bells[0], WaitMode::Adaptive);
  std::mt19937 random(1);
  for (int frame = 0; frame <= kFrames; ++frame) {
    if (!waiter.wait([&] { return maker.ready(); }, avrig::monotonic_ns() + kPatienceNs)) {
      ++memory.wrong;
      break;
    }
    Descriptor descriptor{};
    descriptor.index = frame;
    if (frame == kFrames) {
      maker.publish(Kind::End, descriptor);
      break;
    }
    const auto buffer = maker.try_claim();
    const auto payload = maker.memory(*buffer);
    for (std::size_t at = 0; at < kWords; ++at) {
      const std::uint64_t word = word_of(frame, at);
      std::memcpy(payload.data() + at * sizeof word, &word, sizeof word);
    }
    descriptor.planes = 1;
    descriptor.stride[0] = kBytes;
    descriptor.rows[0] = 1;
    maker.publish(descriptor, *buffer);
    if (ring.live() && random() % 8 == 0) {
      std::this_thread::yield();
    }
  }
}

void look(Memory& memory, std::uint32_t participant, bool edited, unsigned slowness) {
  Ring ring = memory.ring();
  RingFollower follower(ring, participant, memory.bells);
  Waiter waiter(memory.bells[participant + 1], WaitMode::Adaptive);
  std::mt19937 random(participant);
  std::int64_t last = -1;
  while (!follower.ended()) {
    if (!waiter.wait([&] { return follower.ready(); }, avrig::monotonic_ns() + kPatienceNs)) {
      ++memory.wrong;
      return;
    }
    Taken taken;
    const auto next = follower.try_next(taken);
    if (next == RingFollower::Next::Nothing) {
      continue;
    }
    if (next == RingFollower::Next::Broken) {
      ++memory.wrong;
      return;
    }
    if (slowness != 0 && random() % slowness == 0) {
      std::this_thread::yield();
    }
    if (taken.kind == Kind::Frame) {
      memory.wrong += !is_right(taken.payload, taken.descriptor.index, edited) ||
                      taken.descriptor.index <= last;
      last = taken.descriptor.index;
    }
    follower.complete(taken);
    follower.release_all();
  }
}

void edit(Memory& memory, std::uint32_t participant) {
  Ring ring = memory.ring();
  RingEditor editor(ring, participant, memory.bells);
  Waiter waiter(memory.bells[participant + 1], WaitMode::Adaptive);
  while (!editor.ended()) {
    if (!waiter.wait([&] { return editor.ready(); }, avrig::monotonic_ns() + kPatienceNs)) {
      ++memory.wrong;
      return;
    }
    Taken taken;
    if (editor.try_next(taken) != RingFollower::Next::Taken) {
      continue;
    }
    if (taken.kind == Kind::Frame) {
      memory.wrong += !editor.save(taken, {&kEdited, 1});
      for (std::size_t at = 8; at < 16; ++at) {
        std::uint64_t word = 0;
        std::memcpy(&word, taken.payload.data() + at * sizeof word, sizeof word);
        word ^= kStamp;
        std::memcpy(taken.payload.data() + at * sizeof word, &word, sizeof word);
      }
    }
    editor.complete(taken);
    editor.release_all();
  }
}

int tap(Memory& memory, bool edited) {
  Ring ring = memory.ring();
  RingTap tap(ring);
  Descriptor descriptor;
  std::vector<std::byte> payload;
  int copies = 0;
  while (!memory.ended.load()) {
    if (tap.copy_newest(descriptor, payload)) {
      ++copies;
      memory.wrong += !is_right(payload, descriptor.index, edited);
    } else {
      std::this_thread::yield();
    }
  }
  return copies;
}

RingSpec spec_of(bool live) {
  RingSpec spec;
  spec.slots = 16;
  spec.buffers = live ? 10 : 8;
  spec.buffer_bytes = kBytes;
  spec.window = 5;
  spec.live = live;
  spec.participants.resize(4);
  for (std::uint32_t index = 0; index < 4; ++index) {
    spec.participants[index].bell = index + 1;
  }
  // 0: looks at the unedited frame; 1: edits; 2 and 3: look at the edited one.
  spec.participants[1].part = Part::Editor;
  spec.participants[1].behind = 0b1;
  spec.participants[1].undo_bytes = kEdited.row_bytes;
  spec.participants[2].after = 0b10;
  spec.participants[3].after = 0b10;
  spec.participants[3].loss = Loss::MaySkip;
  return spec;
}

int run(Memory& memory) {
  int copies = 0;
  std::thread tapping([&] { copies = tap(memory, true); });
  std::vector<std::thread> threads;
  threads.emplace_back([&] { look(memory, 0, false, 16); });
  threads.emplace_back([&] { edit(memory, 1); });
  threads.emplace_back([&] { look(memory, 2, true, 32); });
  threads.emplace_back([&] { look(memory, 3, true, 4); });
  threads.emplace_back([&] { make(memory); });
  for (std::thread& thread : threads) {
    thread.join();
  }
  memory.ended = true;
  tapping.join();
  return copies;
}

}  // namespace

TEST_SUITE("shm/ring threads") {
  TEST_CASE("ring: threads of a lossless ring see every frame whole, and taps only whole ones") {
    Memory memory(spec_of(false));
    const int copies = run(memory);
    CHECK(memory.wrong == 0);
    CHECK(copies > 0);
    const Ring ring = memory.ring();
    for (std::uint32_t index = 0; index < 3; ++index) {
      CHECK(count_edge(ring, index).delivered == kFrames);
    }
    const EdgeCount preview = count_edge(ring, 3);
    CHECK(preview.produced == kFrames);
    CHECK(preview.delivered + preview.dropped == kFrames);
  }

  TEST_CASE("ring: threads of a live ring lose frames, but see none torn, and every edge adds up") {
    Memory memory(spec_of(true));
    (void)run(memory);
    CHECK(memory.wrong == 0);
    const Ring ring = memory.ring();
    for (std::uint32_t index = 0; index < 2; ++index) {
      const EdgeCount edge = count_edge(ring, index);
      CHECK(edge.produced == kFrames);
      CHECK(edge.delivered + edge.dropped == kFrames);
      CHECK(edge.in_flight == 0);
    }
    for (std::uint32_t index = 2; index < 4; ++index) {
      const EdgeCount edge = count_edge(ring, index);
      CHECK(edge.produced <= kFrames);  // what the editor lost was not produced on its edges
      CHECK(edge.in_flight == 0);
    }
  }
}
