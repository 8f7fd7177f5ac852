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

FeedResult StreamFeeder::feed_bytes(std::span<const std::byte> bytes) noexcept {
  const std::size_t whole = size_of(view_.format) * view_.channels;
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::size_t missing = whole - partial_bytes_;
    const std::size_t m = std::min(missing, bytes.size() - taken);
    if (m == missing && space() == 0) {
      return {FeedStatus::WouldBlock, taken};
    }
    std::memcpy(partial_ + partial_bytes_, bytes.data() + taken, m);
    partial_bytes_ += m;
    taken += m;
    if (partial_bytes_ < whole) {
      break;
    }
    partial_bytes_ = 0;
    FeedResult result{};
    if (view_.format == SampleFormat::F32) {
      float values[64];
      std::memcpy(values, partial_, whole);
      result = feed_as(values, view_.channels);
    } else {
      std::int16_t values[64];
      std::memcpy(values, partial_, whole);
      result = feed_as(values, view_.channels);
    }
    if (result.status == FeedStatus::Closed) {
      return {FeedStatus::Closed, taken};
    }
  }
  return {FeedStatus::Done, taken};
}

}  // namespace avrig::mixer
