// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "sample_fifo.hpp"

#include <algorithm>
#include <cstring>

namespace avrig::jack_writer {

SampleFifo::SampleFifo(std::uint32_t channels, std::uint32_t capacity)
    : channels_(channels),
      capacity_(capacity),
      samples_(static_cast<std::size_t>(channels) * capacity, 0.0F) {}

void SampleFifo::reset(std::int64_t position) noexcept {
  written_.store(position, std::memory_order_relaxed);
  read_.store(position, std::memory_order_relaxed);
}

std::uint32_t SampleFifo::room() const noexcept {
  const std::int64_t written = written_.load(std::memory_order_relaxed);
  const std::int64_t read = read_.load(std::memory_order_acquire);
  const std::int64_t used = std::max<std::int64_t>(written - read, 0);
  return static_cast<std::uint32_t>(capacity_ - std::min<std::int64_t>(used, capacity_));
}

void SampleFifo::write(const float* samples, std::size_t stride, std::uint32_t count) noexcept {
  const std::int64_t at = written_.load(std::memory_order_relaxed);
  for (std::uint32_t done = 0; done < count;) {
    const auto place = static_cast<std::uint32_t>((at + done) % capacity_);
    const std::uint32_t run = std::min(count - done, capacity_ - place);
    for (std::uint32_t channel = 0; channel < channels_; ++channel) {
      float* to = samples_.data() + static_cast<std::size_t>(channel) * capacity_ + place;
      if (samples == nullptr) {
        std::memset(to, 0, run * sizeof(float));
      } else {
        std::memcpy(to, samples + channel * stride + done, run * sizeof(float));
      }
    }
    done += run;
  }
  written_.store(at + count, std::memory_order_release);
}

std::int64_t SampleFifo::skip_to(std::int64_t position) noexcept {
  // The callback has gone further: what would lie before it can never be heard.
  const std::int64_t read = read_position();
  if (read > write_position()) {
    written_.store(read, std::memory_order_release);
  }
  const std::int64_t missing = position - write_position();
  if (missing > 0) {
    const auto now = static_cast<std::uint32_t>(std::min<std::int64_t>(missing, room()));
    write(nullptr, 0, now);
    return missing - now;
  }
  return 0;
}

std::uint32_t SampleFifo::read(std::int64_t position,
                               std::uint32_t count,
                               std::span<float* const> out) noexcept {
  const bool ended = ended_.load(std::memory_order_acquire);
  const std::int64_t written = written_.load(std::memory_order_acquire);
  const std::int64_t oldest = written - capacity_;
  std::uint32_t missing = 0;
  for (std::uint32_t done = 0; done < count;) {
    const std::int64_t at = position + done;
    std::uint32_t run = count - done;
    const bool there = at >= std::max<std::int64_t>(oldest, 0) && at < written;
    if (there) {
      const auto place = static_cast<std::uint32_t>(at % capacity_);
      run = std::min({run, capacity_ - place, static_cast<std::uint32_t>(written - at)});
      for (std::uint32_t channel = 0; channel < out.size(); ++channel) {
        const std::uint32_t from = std::min(channel, channels_ - 1);
        std::memcpy(out[channel] + done,
                    samples_.data() + static_cast<std::size_t>(from) * capacity_ + place,
                    run * sizeof(float));
      }
    } else {
      const std::int64_t until = at < 0 ? -at : run;
      run = static_cast<std::uint32_t>(std::min<std::int64_t>(run, until));
      for (float* channel : out) {
        std::memset(channel + done, 0, run * sizeof(float));
      }
      missing += at < 0 || (ended && at >= written) ? 0 : run;
    }
    done += run;
  }
  read_.store(position + count, std::memory_order_release);
  return missing;
}

}  // namespace avrig::jack_writer
