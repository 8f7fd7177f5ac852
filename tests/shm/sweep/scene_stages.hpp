// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "scene.hpp"
#include <avrig/shm/ring_follower.hpp>

#include <memory>
#include <span>

namespace avrig::shm::testing {

inline constexpr std::uint64_t kFrameBytes = 64;
inline constexpr std::uint64_t kFrames = 14;

struct StageSetting {
  std::span<std::byte> pool;
  std::span<std::byte> reference;
  std::span<Bell> bells;
  Journal* journal;
  Flow flow;
  Mutant mutant;
};

/// A looker that keeps the first frame in its hand until it is woken.
class Stalled : public Stage {
 public:
  explicit Stalled(const StageSetting& setting);
  bool step() override;
  [[nodiscard]] bool ended() const override { return !awake_ || follower_.ended(); }
  void wake() noexcept { awake_ = true; }

 private:
  StageSetting setting_;
  Ring ring_;
  RingFollower follower_;
  Taken taken_;
  bool in_hand_ = false;
  bool awake_ = false;
};

[[nodiscard]] std::unique_ptr<Stage> start_stage(Role role, const StageSetting& setting);

}  // namespace avrig::shm::testing
