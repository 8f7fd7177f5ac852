// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/pixel_layout.hpp>
#include <avrig/testing.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace avrig::testing {
namespace {

constexpr std::byte kGuard{0x5C};
constexpr std::size_t kGuardChunks = 2;

std::uint32_t round_up_64(std::uint32_t bytes) noexcept {
  return (bytes + 63U) & ~63U;
}

template <std::size_t kSize>
void copy_text(char (&to)[kSize], std::string_view text) {
  if (text.size() >= kSize) {
    throw std::invalid_argument("'" + std::string(text) + "' is too long for a format");
  }
  std::memcpy(to, text.data(), text.size());
}

avrig_format format_of(std::uint32_t media) noexcept {
  avrig_format format{};
  format.struct_size = sizeof format;
  format.media = media;
  return format;
}

/// Rows, stride and bytes of each plane of a frame of this format; `data` left null.
std::vector<avrig_plane> layout_of(const avrig_format& format) {
  std::vector<avrig_plane> planes;
  const auto add = [&planes](std::uint32_t rows, std::uint32_t row_bytes) {
    const std::uint32_t stride = round_up_64(row_bytes);
    planes.push_back({.data = nullptr,
                      .size_bytes = std::uint64_t{stride} * rows,
                      .stride_bytes = stride,
                      .rows = rows});
  };
  if (format.media == AVRIG_MEDIA_AUDIO) {
    add(format.channels, format.block_samples * std::uint32_t{sizeof(float)});
  } else if (format.media == AVRIG_MEDIA_FEATURES) {
    add(format.max_rows, format.columns * std::uint32_t{sizeof(float)});
  } else if (format.media == AVRIG_MEDIA_PACKETS) {
    add(1, format.max_packet_bytes);
  } else {
    const auto layout = find_pixel_layout(format.pixel_format);
    if (!layout) {
      throw std::invalid_argument("no layout known for pixel format '" +
                                  std::string(format.pixel_format) + "'");
    }
    for (std::uint32_t p = 0; p < layout->planes; ++p) {
      add(layout->rows(format.height, p), layout->row_bytes(format.width, p));
    }
  }
  return planes;
}

std::uint32_t full_samples(const avrig_format& format) noexcept {
  switch (format.media) {
    case AVRIG_MEDIA_AUDIO:
      return format.block_samples;
    case AVRIG_MEDIA_FEATURES:
      return format.max_rows;
    case AVRIG_MEDIA_PACKETS:
      return format.max_packet_bytes;
    default:
      return 0;
  }
}

std::int64_t full_duration_ns(const avrig_format& format) noexcept {
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (format.media == AVRIG_MEDIA_AUDIO && format.sample_rate_hz > 0) {
    return kSecond * format.block_samples / format.sample_rate_hz;
  }
  if (format.media == AVRIG_MEDIA_VIDEO && format.frame_rate_num > 0) {
    return kSecond * format.frame_rate_den / format.frame_rate_num;
  }
  return 0;
}

template <class T>
std::span<T> row_of(const avrig_plane& plane, std::size_t row, std::size_t count) noexcept {
  void* const at = static_cast<std::byte*>(plane.data) + row * plane.stride_bytes;
  return {static_cast<T*>(at), count};
}

}  // namespace

avrig_format audio_format(std::uint32_t sample_rate_hz,
                          std::uint32_t channels,
                          std::uint32_t block_samples) {
  avrig_format format = format_of(AVRIG_MEDIA_AUDIO);
  format.sample_rate_hz = sample_rate_hz;
  format.channels = channels;
  format.block_samples = block_samples;
  return format;
}

avrig_format video_format(std::string_view pixel_format,
                          std::uint32_t width,
                          std::uint32_t height,
                          std::uint32_t frames_a_second) {
  avrig_format format = format_of(AVRIG_MEDIA_VIDEO);
  copy_text(format.pixel_format, pixel_format);
  format.width = width;
  format.height = height;
  format.frame_rate_num = frames_a_second;
  format.frame_rate_den = 1;
  return format;
}

avrig_format features_format(std::string_view column_names, std::uint32_t max_rows) {
  avrig_format format = format_of(AVRIG_MEDIA_FEATURES);
  copy_text(format.column_names, column_names);
  format.columns = static_cast<std::uint32_t>(1 + std::ranges::count(column_names, ','));
  format.max_rows = max_rows;
  return format;
}

avrig_format packets_format(std::uint32_t max_packet_bytes) {
  avrig_format format = format_of(AVRIG_MEDIA_PACKETS);
  format.max_packet_bytes = max_packet_bytes;
  return format;
}

Frame::Frame(const avrig_format& format) : format_(format) {
  const std::vector<avrig_plane> planes = layout_of(format);
  std::uint64_t bytes = 0;
  frame_.struct_size = sizeof frame_;
  frame_.media = format.media;
  frame_.samples = full_samples(format);
  frame_.duration_ns = full_duration_ns(format);
  frame_.planes = static_cast<std::uint32_t>(planes.size());
  for (std::size_t p = 0; p < planes.size(); ++p) {
    frame_.plane[p] = planes[p];
    bytes += planes[p].size_bytes;
  }
  memory_.resize(bytes / sizeof(Chunk) + 2 * kGuardChunks);
  std::memset(memory_.data(), static_cast<int>(kGuard), memory_.size() * sizeof(Chunk));
  place_planes();
  fill(std::byte{0});
}

Frame::Frame(const Frame& other)
    : format_(other.format_), frame_(other.frame_), memory_(other.memory_) {
  place_planes();
}

Frame& Frame::operator=(const Frame& other) {
  *this = Frame(other);
  return *this;
}

void Frame::place_planes() {
  Chunk* at = memory_.data() + kGuardChunks;
  for (std::uint32_t p = 0; p < frame_.planes; ++p) {
    frame_.plane[p].data = at;
    at += frame_.plane[p].size_bytes / sizeof(Chunk);
  }
}

std::span<float> Frame::channel(std::uint32_t c) const noexcept {
  return row_of<float>(frame_.plane[0], c, frame_.samples);
}

std::span<std::uint8_t> Frame::row(std::uint32_t plane, std::uint32_t y) const noexcept {
  const auto layout = find_pixel_layout(format_.pixel_format);
  return row_of<std::uint8_t>(
      frame_.plane[plane], y, layout ? layout->row_bytes(format_.width, plane) : 0);
}

std::span<float> Frame::features(std::uint32_t row) const noexcept {
  return row_of<float>(frame_.plane[0], row, format_.columns);
}

std::span<std::uint8_t> Frame::bytes() const noexcept {
  return row_of<std::uint8_t>(frame_.plane[0], 0, frame_.samples);
}

void Frame::fill(std::byte value) noexcept {
  for (std::uint32_t p = 0; p < frame_.planes; ++p) {
    std::memset(frame_.plane[p].data, static_cast<int>(value), frame_.plane[p].size_bytes);
  }
}

bool Frame::guards_intact() const noexcept {
  const auto intact = [](const Chunk& chunk) {
    return std::ranges::all_of(chunk.bytes, [](std::byte b) { return b == kGuard; });
  };
  return std::all_of(memory_.begin(), memory_.begin() + kGuardChunks, intact) &&
         std::all_of(memory_.end() - kGuardChunks, memory_.end(), intact);
}

bool Frame::same_bytes(const Frame& other) const noexcept {
  return memory_.size() == other.memory_.size() &&
         std::memcmp(memory_.data(), other.memory_.data(), memory_.size() * sizeof(Chunk)) == 0;
}

}  // namespace avrig::testing
