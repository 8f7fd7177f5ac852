// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "harness.hpp"
#include <avrig/shm/ring_editor.hpp>
#include <avrig/shm/ring_follower.hpp>
#include <avrig/shm/ring_maker.hpp>
#include <avrig/shm/run_block.hpp>

#include <cstdint>
#include <memory>
#include <optional>

/// avrig's own transport as a contender: its public classes, used as a stage uses them.
namespace avrig::bench {

[[nodiscard]] shm::WaitMode wait_mode(const Options& options);

/// The ring that core/graph plans for frames of that size from a file: a window of 8 MiB, at least
/// `least` and at most 128 frames (two instead of three where only so the pool stays in 20 MiB);
/// one buffer more than frames in flight; two guard slots.
[[nodiscard]] shm::RingSpec default_ring(const Options& options, std::uint32_t least);

/// A participant that sleeps on `bell` and comes behind the participants of the mask `after`.
[[nodiscard]] shm::ParticipantEntry participant(shm::Part part,
                                                std::uint32_t bell,
                                                std::uint64_t after = 0);

/// A stage's hold on the run: its bell, its way of waiting.
struct StageEnd {
  StageEnd(const shm::Segment& run, std::uint32_t bell, const Options& options)
      : block(run, std::nullopt), waiter(block.bells()[bell], wait_mode(options)) {}
  template <class Ready>
  void wait(Ready&& ready) {
    while (!waiter.wait(ready, monotonic_ns() + 10'000'000'000)) {
    }
  }
  shm::RunBlock block;
  shm::Waiter waiter;
};

/// Makes frames in a ring.
class RingSender {
 public:
  RingSender(const shm::Segment& run, const shm::Segment& segment, const Options& options);
  std::byte* begin();
  void publish();
  void close();
  [[nodiscard]] std::uint64_t sleeps() const noexcept { return stage_.waiter.sleeps(); }

 private:
  StageEnd stage_;
  shm::Ring ring_;
  shm::RingMaker maker_;
  shm::Descriptor descriptor_{};
  std::uint32_t buffer_ = 0;
};

/// Reads frames where they lie; through a reference ring where `pool` is given.
class RingReceiver {
 public:
  RingReceiver(const shm::Segment& run,
               const shm::Segment& segment,
               const shm::Segment* pool,
               std::uint32_t bell,
               const Options& options);
  const std::byte* wait();
  void release();
  [[nodiscard]] std::uint64_t sleeps() const noexcept { return stage_.waiter.sleeps(); }

 private:
  StageEnd stage_;
  shm::Ring ring_;
  std::optional<shm::Ring> pool_;
  std::optional<shm::RingFollower> follower_;
  shm::Taken taken_;
};

}  // namespace avrig::bench
