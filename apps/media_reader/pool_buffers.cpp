// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "pool_buffers.hpp"

namespace avrig::media_reader {

PoolBuffers::PoolBuffers(stage::StageIo& io, std::size_t output)
    : io_(&io),
      maker_(&io.output(output)),
      publishing_(io.output_waiter(output)),
      output_(output),
      published_(io.output(output).ring().buffers(), false) {}

media::BufferSource::Claim PoolBuffers::claim(std::uint64_t bytes) noexcept {
  if (bytes > maker_->ring().buffer_bytes()) {
    return {Outcome::TooBig, nullptr, 0};
  }
  std::optional<std::uint32_t> buffer;
  const auto try_claim = [&] {
    const std::lock_guard lock(mutex_);
    buffer = maker_->try_claim();
    if (buffer) {
      published_[*buffer] = false;
      maker_->keep(*buffer);
    }
    return buffer.has_value();
  };
  // A waiter of its own: decoder threads claim while the stage's thread waits to publish. They
  // share a bell; a ring that one takes from the other costs at most the re-check time.
  shm::Waiter waiter = io_->output_waiter(output_);
  while (!waiter.wait([&] { return io_->abandoned() || io_->stopping() || buffer || try_claim(); },
                      stage::StageIo::kForever)) {
  }
  if (!buffer) {
    return {Outcome::Ended, nullptr, 0};
  }
  return {Outcome::Claimed, maker_->memory(*buffer).data(), *buffer};
}

void PoolBuffers::let_go(std::uint64_t cookie) noexcept {
  const std::lock_guard lock(mutex_);
  const auto buffer = static_cast<std::uint32_t>(cookie);
  if (!published_[buffer]) {
    maker_->abandon(buffer);
  }
  maker_->let_go(buffer);
}

bool PoolBuffers::wait_publish() noexcept {
  for (;;) {
    const bool may = publishing_.wait(
        [&] {
          if (io_->abandoned() || io_->stopping()) {
            return true;
          }
          const std::lock_guard lock(mutex_);
          return maker_->may_publish();
        },
        stage::StageIo::kForever);
    if (io_->abandoned() || io_->stopping()) {
      return false;
    }
    if (may) {
      return true;
    }
  }
}

bool PoolBuffers::publish(std::uint64_t buffer, shm::Descriptor& descriptor) noexcept {
  if (!wait_publish()) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  published_[buffer] = true;
  maker_->publish(descriptor, static_cast<std::uint32_t>(buffer));
  return true;
}

bool PoolBuffers::publish_mark(shm::Kind kind, shm::Descriptor& descriptor) noexcept {
  // A mark is published even when the run is being stopped: the end must travel.
  (void)publishing_.wait(
      [&] {
        const std::lock_guard lock(mutex_);
        return io_->abandoned() || maker_->may_publish();
      },
      stage::StageIo::kForever);
  const std::lock_guard lock(mutex_);
  if (!maker_->may_publish()) {
    return false;
  }
  maker_->publish(kind, descriptor);
  return true;
}

std::optional<std::uint32_t> PoolBuffers::claim_own() noexcept {
  std::optional<std::uint32_t> buffer;
  (void)publishing_.wait(
      [&] {
        if (io_->abandoned() || io_->stopping() || buffer) {
          return true;
        }
        const std::lock_guard lock(mutex_);
        buffer = maker_->may_publish() ? maker_->try_claim() : std::nullopt;
        return buffer.has_value();
      },
      stage::StageIo::kForever);
  return buffer;
}

}  // namespace avrig::media_reader
