// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/buffer_source.hpp>
#include <avrig/stage/io.hpp>

#include <cstdint>
#include <mutex>
#include <vector>

namespace avrig::media_reader {

/// The pool of one ring as memory for a decoder: pictures are decoded where they will be read.
///
/// A buffer is in use until followers *and* decoder have let go: the decoder keeps reference
/// pictures of frames that were published long ago.
///
/// Thread: any; it locks the ring's maker for each call
class PoolBuffers final : public media::BufferSource {
 public:
  PoolBuffers(stage::StageIo& io, std::size_t output);

  [[nodiscard]] Claim claim(std::uint64_t bytes) noexcept override;
  void let_go(std::uint64_t cookie) noexcept override;

  /// Wait until a frame may be published, then publish `buffer`. False: the run ends.
  [[nodiscard]] bool publish(std::uint64_t buffer, shm::Descriptor& descriptor) noexcept;
  /// The same for a mark.
  [[nodiscard]] bool publish_mark(shm::Kind kind, shm::Descriptor& descriptor) noexcept;
  /// A buffer for the caller itself; empty: the run ends.
  [[nodiscard]] std::optional<std::uint32_t> claim_own() noexcept;
  [[nodiscard]] std::span<std::byte> memory(std::uint64_t buffer) noexcept {
    return maker_->memory(static_cast<std::uint32_t>(buffer));
  }

 private:
  [[nodiscard]] bool wait_publish() noexcept;

  stage::StageIo* io_;
  shm::RingMaker* maker_;
  shm::Waiter publishing_;
  std::mutex mutex_;
  std::size_t output_;
  std::vector<bool> published_;  // by buffer
};

}  // namespace avrig::media_reader
