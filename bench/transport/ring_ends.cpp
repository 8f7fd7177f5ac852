// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "ring_ends.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace avrig::bench {

shm::WaitMode wait_mode(const Options& options) {
  return options.wait == "spin"       ? shm::WaitMode::Spin
         : options.wait == "adaptive" ? shm::WaitMode::Adaptive
                                      : shm::WaitMode::Block;
}

shm::RingSpec default_ring(const Options& options, std::uint32_t least) {
  constexpr std::size_t kWindowBytes = std::size_t{8} << 20;
  constexpr std::size_t kLargestWindow = 128;
  constexpr std::size_t kCachedPoolBytes = std::size_t{20} << 20;
  if (least == 3 && 4 * options.size > kCachedPoolBytes && 3 * options.size <= kCachedPoolBytes) {
    least = 2;
  }
  const std::size_t preferred = std::min(kWindowBytes / options.size, kLargestWindow);
  shm::RingSpec spec;
  spec.window =
      options.window != 0 ? options.window : std::max(least, static_cast<std::uint32_t>(preferred));
  spec.slots = std::max(spec.window + spec.guard + 1, options.size <= 65536 ? 64u : 8u);
  spec.buffers = spec.window + 1;
  spec.buffer_bytes = options.size;
  return spec;
}

shm::ParticipantEntry participant(shm::Part part, std::uint32_t bell, std::uint64_t after) {
  shm::ParticipantEntry entry{};
  entry.stage = bell;
  entry.bell = bell;
  entry.part = part;
  entry.after = after;
  return entry;
}

RingSender::RingSender(const shm::Segment& run, const shm::Segment& segment, const Options& options)
    : stage_(run, 0, options),
      ring_(segment, {shm::RingAccess::As::Maker, 0}),
      maker_(ring_, stage_.block.bells()) {
  descriptor_.planes = 1;
  descriptor_.stride[0] = static_cast<std::uint32_t>(options.size);
  descriptor_.rows[0] = 1;
}

std::byte* RingSender::begin() {
  if (!maker_.ready()) {
    stage_.wait([&] { return maker_.ready(); });
  }
  const std::optional<std::uint32_t> buffer = maker_.try_claim();
  if (!buffer) {
    throw std::logic_error("a ready maker without a buffer");
  }
  buffer_ = *buffer;
  return maker_.memory(buffer_).data();
}

void RingSender::publish() {
  maker_.publish(descriptor_, buffer_);
}

void RingSender::close() {
  stage_.wait([&] { return maker_.may_publish(); });
  maker_.publish(shm::Kind::End, descriptor_);
}

RingReceiver::RingReceiver(const shm::Segment& run,
                           const shm::Segment& segment,
                           const shm::Segment* pool,
                           std::uint32_t bell,
                           const Options& options)
    : stage_(run, bell, options), ring_(segment, {shm::RingAccess::As::Participant, 0}) {
  std::array<shm::Ring*, 1> pools{};
  if (pool != nullptr) {
    pool_.emplace(*pool, shm::RingAccess{shm::RingAccess::As::Observer, 0});
    pools[0] = &*pool_;
  }
  follower_.emplace(
      ring_, 0, stage_.block.bells(), std::span<shm::Ring* const>(pools.data(), pool_ ? 1 : 0));
}

const std::byte* RingReceiver::wait() {
  for (;;) {
    switch (follower_->try_next(taken_)) {
      case shm::RingFollower::Next::Taken:
        if (taken_.kind == shm::Kind::Frame) {
          return taken_.payload.data();
        }
        release();
        break;
      case shm::RingFollower::Next::Nothing:
        stage_.wait([&] { return follower_->ready(); });
        break;
      case shm::RingFollower::Next::Broken:
        throw std::runtime_error(follower_->broken());
    }
  }
}

void RingReceiver::release() {
  follower_->complete(taken_);
  follower_->release_all();
}

}  // namespace avrig::bench
