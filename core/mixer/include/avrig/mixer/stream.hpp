// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/sample.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

namespace avrig::mixer {

/// The words that a feeder and the mixer share; lies in shared memory where they are two
/// processes. Positions count samples since the stream was opened and never wrap.
struct StreamHeader {
  alignas(64) std::atomic<std::uint64_t> written{0};  ///< by the feeder alone
  std::atomic<std::uint32_t> closed{0};               ///< by the feeder alone; 1 = no more comes
  std::atomic<std::uint64_t> arrived{0};              ///< by the feeder alone: see feed_bytes()
  alignas(64) std::atomic<std::uint64_t> read{0};     ///< by the mixer alone
  std::atomic<std::uint64_t> underrun{0};             ///< silent samples, by the mixer alone
  // By the mixer alone: what it plays next, for a mixer that goes on with it. `read` may lie before
  // that, for an interpolator looks back.
  std::atomic<std::uint64_t> place{0};  ///< sample, and ...
  std::atomic<std::uint32_t> phase{0};  ///< ... so many 2^-32 samples behind it
};
static_assert(sizeof(StreamHeader) == 128 && std::atomic<std::uint64_t>::is_always_lock_free);

/// A bounded ring of planar audio, borrowed. `capacity` is a power of two.
struct StreamView {
  StreamHeader* header = nullptr;
  void* data = nullptr;
  std::uint64_t capacity = 0;  ///< samples
  std::uint32_t channels = 0;
  SampleFormat format = SampleFormat::F32;
  std::size_t stride_bytes = 0;
};

/// Bytes that a stream's header and samples need, one behind the other.
[[nodiscard]] std::size_t stream_bytes(std::uint32_t channels,
                                       std::uint64_t capacity,
                                       SampleFormat format) noexcept;
/// A stream in memory of that size, which several processes may have mapped. It begins zeroed.
[[nodiscard]] StreamView stream_in(std::byte* memory,
                                   std::uint32_t channels,
                                   std::uint64_t capacity,
                                   SampleFormat format) noexcept;

/// A stream's memory within one process.
class StreamBuffer {
 public:
  /// Room for at least `samples` samples.
  StreamBuffer(std::uint32_t channels, std::uint64_t samples, SampleFormat format);
  [[nodiscard]] const StreamView& view() const noexcept { return view_; }

 private:
  StreamHeader header_;
  std::unique_ptr<std::byte[]> memory_;
  StreamView view_;
};

enum class FeedStatus { Done, WouldBlock, Closed };
struct FeedResult {
  FeedStatus status;
  std::size_t taken;  ///< samples (feed) or bytes (feed_bytes) that were taken
};

/// The feeding end of a stream: interleaved PCM in, planar out.
class StreamFeeder {
 public:
  explicit StreamFeeder(const StreamView& view) noexcept : view_(view) {}

  /// Take as many whole samples of interleaved `pcm` as fit; the rest would block.
  ///
  /// Thread: producer      RT-safe: yes (wait-free)
  [[nodiscard]] FeedResult feed(std::span<const float> pcm) noexcept;
  [[nodiscard]] FeedResult feed(std::span<const std::int16_t> pcm) noexcept;

  /// The same for raw bytes in the stream's format, native endianness. A chunk may end inside a
  /// sample: its bytes wait in the stream's memory for the next chunk, so that the channels never
  /// slip, also when that comes from another feeder.
  ///
  /// Killed at any moment, a feeder leaves at least what it had taken in all calls that returned,
  /// and arrived() says how much it is: who feeds on from there loses nothing and repeats nothing.
  [[nodiscard]] FeedResult feed_bytes(std::span<const std::byte> bytes) noexcept;

  /// Bytes that are in the stream, or were, since it was opened.
  [[nodiscard]] std::uint64_t arrived() const noexcept;

  /// No more comes: the voice ends at the last sample.
  void close() noexcept { view_.header->closed.store(1, std::memory_order_release); }

  /// Samples that are in the buffer and not played yet.
  [[nodiscard]] std::uint64_t level() const noexcept;
  /// Samples that fit now.
  [[nodiscard]] std::uint64_t space() const noexcept;

 private:
  template <class T>
  FeedResult feed_as(const T* pcm, std::size_t values) noexcept;
  template <class T>
  void store(std::uint64_t position, std::uint32_t channel, T value) noexcept;
  void put(std::uint64_t at, std::span<const std::byte> bytes) noexcept;

  StreamView view_;
};

}  // namespace avrig::mixer
