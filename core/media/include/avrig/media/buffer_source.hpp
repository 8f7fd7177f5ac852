// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>

namespace avrig::media {

/// Where a decoder gets the memory that it writes pictures into, and keeps its references in.
///
/// Both calls may come from several of the decoder's threads at once. It must outlive the Decoder
/// and every MediaFrame made from it.
class BufferSource {
 public:
  enum class Outcome {
    Claimed,
    TooBig,  ///< no buffer has that many bytes: the decoder uses memory of its own for this frame
    Ended    ///< the run is over: decoding fails, quietly
  };
  struct Claim {
    Outcome outcome = Outcome::Ended;
    void* data = nullptr;      ///< 64-byte aligned, at least the bytes asked for
    std::uint64_t cookie = 0;  ///< handed back by let_go() and by MediaFrame::cookie()
  };

  BufferSource() = default;
  BufferSource(const BufferSource&) = delete;
  BufferSource& operator=(const BufferSource&) = delete;
  virtual ~BufferSource() = default;

  /// A buffer that nobody reads or writes. May block until there is one; the decoder holds up to
  /// Decoder::held_buffers() at a time, so fewer than that (and the ring's) is a deadlock.
  [[nodiscard]] virtual Claim claim(std::uint64_t bytes) noexcept = 0;

  /// Neither the decoder nor a MediaFrame refers to it any more. Called exactly once a claim.
  virtual void let_go(std::uint64_t cookie) noexcept = 0;
};

}  // namespace avrig::media
