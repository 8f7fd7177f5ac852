// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/mixer/stream.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace avrig::mixer {

namespace {

std::size_t size_of(SampleFormat format) {
  return format == SampleFormat::F32 ? sizeof(float) : sizeof(std::int16_t);
}

}  // namespace

std::size_t stream_bytes(std::uint32_t channels,
                         std::uint64_t capacity,
                         SampleFormat format) noexcept {
  return sizeof(StreamHeader) + channels * capacity * size_of(format);
}

StreamView stream_in(std::byte* memory,
                     std::uint32_t channels,
                     std::uint64_t capacity,
                     SampleFormat format) noexcept {
  // All zero is how it begins; the header's words are lock-free atomics (asserted).
  auto* header = reinterpret_cast<StreamHeader*>(memory);
  return {header,
          memory + sizeof(StreamHeader),
          capacity,
          channels,
          format,
          capacity * size_of(format)};
}

StreamBuffer::StreamBuffer(std::uint32_t channels, std::uint64_t samples, SampleFormat format) {
  if (channels == 0 || channels > 64 || samples == 0 || samples > (std::uint64_t{1} << 40)) {
    throw Error(ErrorCode::Spec,
                "cannot make a stream of " + std::to_string(channels) + " channels and " +
                    std::to_string(samples) +
                    " samples: 1 to 64 channels and at least one sample, please");
  }
  const std::uint64_t capacity = std::bit_ceil(std::max<std::uint64_t>(samples, 64));
  const std::size_t stride = capacity * size_of(format);
  memory_ = std::make_unique<std::byte[]>(stride * channels);
  view_ = {&header_, memory_.get(), capacity, channels, format, stride};
}

std::uint64_t StreamFeeder::level() const noexcept {
  return view_.header->written.load(std::memory_order_relaxed) -
         view_.header->read.load(std::memory_order_acquire);
}

std::uint64_t StreamFeeder::space() const noexcept {
  const std::uint64_t used = level();
  return used > view_.capacity ? 0 : view_.capacity - used;
}

template <class T>
void StreamFeeder::store(std::uint64_t position, std::uint32_t channel, T value) noexcept {
  auto* base = static_cast<std::byte*>(view_.data) + channel * view_.stride_bytes;
  const std::uint64_t index = position & (view_.capacity - 1);
  if (view_.format == SampleFormat::F32) {
    const float x = sizeof(T) == sizeof(float) ? static_cast<float>(value)
                                               : static_cast<float>(value) / 32768.0F;
    std::memcpy(base + index * sizeof(float), &x, sizeof(float));
  } else {
    const float wide = static_cast<float>(value) * (sizeof(T) == sizeof(float) ? 32768.0F : 1.0F);
    const auto x = static_cast<std::int16_t>(std::clamp(wide, -32768.0F, 32767.0F));
    std::memcpy(base + index * sizeof(x), &x, sizeof(x));
  }
}

template <class T>
FeedResult StreamFeeder::feed_as(const T* pcm, std::size_t values) noexcept {
  if (view_.header->closed.load(std::memory_order_relaxed) != 0) {
    return {FeedStatus::Closed, 0};
  }
  const std::size_t offered = values / view_.channels;
  const std::size_t taken = std::min<std::size_t>(offered, space());
  const std::uint64_t at = view_.header->written.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < taken; ++i) {
    for (std::uint32_t c = 0; c < view_.channels; ++c) {
      store(at + i, c, pcm[i * view_.channels + c]);
    }
  }
  // Pairs with the mixer's acquire: the samples are there before they are counted.
  view_.header->written.store(at + taken, std::memory_order_release);
  return {taken == offered ? FeedStatus::Done : FeedStatus::WouldBlock, taken};
}

FeedResult StreamFeeder::feed(std::span<const float> pcm) noexcept {
  return feed_as(pcm.data(), pcm.size());
}

FeedResult StreamFeeder::feed(std::span<const std::int16_t> pcm) noexcept {
  return feed_as(pcm.data(), pcm.size());
}

std::uint64_t StreamFeeder::arrived() const noexcept {
  const std::uint64_t whole = size_of(view_.format) * view_.channels;
  return std::max(view_.header->arrived.load(std::memory_order_relaxed),
                  view_.header->written.load(std::memory_order_relaxed) * whole);
}

// Bytes where they will be read, channel by channel.
void StreamFeeder::put(std::uint64_t at, std::span<const std::byte> bytes) noexcept {
  const std::size_t size = size_of(view_.format);
  const std::size_t whole = size * view_.channels;
  std::uint64_t sample = at / whole;
  std::size_t channel = at % whole / size;
  std::size_t into = at % size;
  auto* base = static_cast<std::byte*>(view_.data);
  while (!bytes.empty()) {
    const std::size_t count = std::min(size - into, bytes.size());
    std::memcpy(base + channel * view_.stride_bytes + (sample & (view_.capacity - 1)) * size + into,
                bytes.data(),
                count);
    bytes = bytes.subspan(count);
    into = (into + count) % size;
    channel += into == 0 ? 1 : 0;
    if (channel == view_.channels) {
      channel = 0;
      ++sample;
    }
  }
}

FeedResult StreamFeeder::feed_bytes(std::span<const std::byte> bytes) noexcept {
  if (view_.header->closed.load(std::memory_order_relaxed) != 0) {
    return {FeedStatus::Closed, 0};
  }
  const std::uint64_t whole = size_of(view_.format) * view_.channels;
  const std::uint64_t begin = arrived();
  const std::uint64_t last =
      (view_.header->written.load(std::memory_order_relaxed) + space()) * whole;
  const auto taken = static_cast<std::size_t>(
      std::min<std::uint64_t>(bytes.size(), last > begin ? last - begin : 0));
  put(begin, bytes.first(taken));
  // Pairs with the mixer's acquire. Whatever we are killed between, the larger of the two is true.
  view_.header->written.store((begin + taken) / whole, std::memory_order_release);
  view_.header->arrived.store(begin + taken, std::memory_order_release);
  return {taken == bytes.size() ? FeedStatus::Done : FeedStatus::WouldBlock, taken};
}

}  // namespace avrig::mixer
