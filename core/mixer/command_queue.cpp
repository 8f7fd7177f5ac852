// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/mixer/command_queue.hpp>

#include <algorithm>

namespace avrig::mixer {

bool CommandQueue::push(std::span<const Command> batch) noexcept {
  if (batch.empty() || batch.size() > kMaxBatch) {
    return batch.empty();
  }
  if (batch[0].batch == batch.size() || (batch.size() == 1 && batch[0].batch == 0)) {
    return ring_.push(batch);
  }
  Command copy[kMaxBatch];
  std::copy(batch.begin(), batch.end(), copy);
  copy[0].batch = static_cast<std::uint16_t>(batch.size());
  return ring_.push(std::span<const Command>(copy, batch.size()));
}

std::size_t CommandQueue::drain(Engine& engine, std::size_t cap, CommandLog* log) noexcept {
  std::size_t taken = 0;
  for (;;) {
    const std::size_t waiting = ring_.size();
    if (waiting == 0) {
      return taken;
    }
    // A length that cannot be true is not believed; the engine refuses what then makes no sense.
    const std::size_t length =
        std::min<std::size_t>({std::max<std::size_t>(1, ring_.peek().batch), kMaxBatch, waiting});
    if (taken > 0 && taken + length > cap) {
      return taken;
    }
    for (std::size_t i = 0; i < length; ++i) {
      batch_[i] = ring_.peek(i);
    }
    ring_.pop(length);
    taken += length;
    if (log != nullptr) {
      log->applied(engine.position(), std::span<const Command>(batch_, length));
    }
    engine.apply(std::span<const Command>(batch_, length));
  }
}

}  // namespace avrig::mixer
