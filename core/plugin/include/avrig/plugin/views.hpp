// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// Typed views of the frames that a call borrows. Included by <avrig/plugin.hpp>.
///
/// A view is a pair of pointers: copy it freely, never keep it beyond the call. All members are
///
/// Thread: process      RT-safe: yes (wait-free)

#include <avrig/pixel_layout.hpp>
#include <avrig/plugin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace avrig::plugin {

enum class Access { Read, Write };

/// What every view offers: presence, format and stamps.
template <Access kAccess>
class FrameView {
 public:
  using Frame = std::conditional_t<kAccess == Access::Write, avrig_frame, const avrig_frame>;
  template <class T>
  using Element = std::conditional_t<kAccess == Access::Write, T, const T>;

  FrameView() noexcept = default;
  FrameView(Frame* frame, const avrig_format* format) noexcept : frame_(frame), format_(format) {}

  /// False: this input has no frame in this call (`trigger: any`, end of a batch).
  [[nodiscard]] explicit operator bool() const noexcept { return frame_ != nullptr; }
  [[nodiscard]] Frame& frame() const noexcept { return *frame_; }
  [[nodiscard]] const avrig_format& format() const noexcept { return *format_; }
  [[nodiscard]] std::int64_t capture_ns() const noexcept { return frame_->capture_ns; }
  [[nodiscard]] std::int64_t sigma_ns() const noexcept { return frame_->sigma_ns; }
  [[nodiscard]] std::uint32_t quality() const noexcept { return frame_->quality; }
  [[nodiscard]] std::int64_t index() const noexcept { return frame_->index; }

  /// Change the stamp that goes on with this output (preset: the input's, less the delay).
  void set_capture(std::int64_t capture_ns,
                   std::int64_t sigma_ns,
                   std::uint32_t quality) const noexcept requires(kAccess == Access::Write) {
    frame_->capture_ns = capture_ns;
    frame_->sigma_ns = sigma_ns;
    frame_->quality = quality;
  }

 protected:
  template <class T>
  [[nodiscard]] std::span<Element<T>> row_of(std::uint32_t plane,
                                             std::size_t row,
                                             std::size_t count) const noexcept {
    auto* const base = static_cast<Element<std::byte>*>(frame_->plane[plane].data);
    Element<void>* const start = base + row * frame_->plane[plane].stride_bytes;
    return {static_cast<Element<T>*>(start), count};
  }

 private:
  Frame* frame_ = nullptr;
  const avrig_format* format_ = nullptr;
};

/// A block of planar float32 samples.
template <Access kAccess>
class AudioView : public FrameView<kAccess> {
 public:
  static constexpr std::uint32_t kMedia = AVRIG_MEDIA_AUDIO;
  using FrameView<kAccess>::FrameView;

  [[nodiscard]] std::uint32_t sample_rate_hz() const noexcept {
    return this->format().sample_rate_hz;
  }
  [[nodiscard]] std::uint32_t channels() const noexcept { return this->frame().plane[0].rows; }
  [[nodiscard]] std::uint32_t samples() const noexcept { return this->frame().samples; }
  /// The samples of channel `c`; 64-byte aligned.
  [[nodiscard]] auto channel(std::uint32_t c) const noexcept {
    return this->template row_of<float>(0, c, samples());
  }
  /// Give fewer samples than preset.
  void set_samples(std::uint32_t samples) const noexcept requires(kAccess == Access::Write) {
    this->frame().samples = samples;
  }
};

/// One picture.
template <Access kAccess>
class VideoView : public FrameView<kAccess> {
 public:
  static constexpr std::uint32_t kMedia = AVRIG_MEDIA_VIDEO;

  VideoView() noexcept = default;
  VideoView(typename FrameView<kAccess>::Frame* frame, const avrig_format* format) noexcept
      : FrameView<kAccess>(frame, format), layout_(find_pixel_layout(format->pixel_format)) {}

  [[nodiscard]] std::uint32_t width() const noexcept { return this->format().width; }
  [[nodiscard]] std::uint32_t height() const noexcept { return this->format().height; }
  [[nodiscard]] std::string_view pixel_format() const noexcept {
    return this->format().pixel_format;
  }
  [[nodiscard]] std::uint32_t planes() const noexcept { return this->frame().planes; }
  [[nodiscard]] std::uint32_t rows(std::uint32_t plane) const noexcept {
    return this->frame().plane[plane].rows;
  }
  [[nodiscard]] std::uint32_t stride_bytes(std::uint32_t plane) const noexcept {
    return this->frame().plane[plane].stride_bytes;
  }
  /// The pixels of a row, without padding (an unknown pixel format: the whole stride).
  [[nodiscard]] auto row(std::uint32_t plane, std::uint32_t y) const noexcept {
    const std::uint32_t stride = stride_bytes(plane);
    const std::uint32_t bytes = layout_ ? layout_->row_bytes(width(), plane) : stride;
    return this->template row_of<std::uint8_t>(plane, y, std::min(bytes, stride));
  }
  /// Row `y` of the first plane: luma, or packed pixels.
  [[nodiscard]] auto row(std::uint32_t y) const noexcept { return row(0, y); }

 private:
  std::optional<PixelLayout> layout_;
};

/// Rows of named float32 columns.
template <Access kAccess>
class FeaturesView : public FrameView<kAccess> {
 public:
  static constexpr std::uint32_t kMedia = AVRIG_MEDIA_FEATURES;
  using FrameView<kAccess>::FrameView;

  [[nodiscard]] std::uint32_t rows() const noexcept { return this->frame().samples; }
  [[nodiscard]] std::uint32_t columns() const noexcept { return this->format().columns; }
  [[nodiscard]] auto row(std::uint32_t r) const noexcept {
    return this->template row_of<float>(0, r, columns());
  }
  /// How many rows this frame has, up to the format's max_rows.
  void set_rows(std::uint32_t rows) const noexcept requires(kAccess == Access::Write) {
    this->frame().samples = rows;
  }
};

/// Opaque bytes.
template <Access kAccess>
class PacketsView : public FrameView<kAccess> {
 public:
  static constexpr std::uint32_t kMedia = AVRIG_MEDIA_PACKETS;
  using FrameView<kAccess>::FrameView;

  [[nodiscard]] auto bytes() const noexcept {
    return this->template row_of<std::uint8_t>(0, 0, this->frame().samples);
  }
  /// How many bytes this packet has, up to the format's max_packet_bytes.
  void set_size(std::uint32_t bytes) const noexcept requires(kAccess == Access::Write) {
    this->frame().samples = bytes;
  }
};

using AudioIn = AudioView<Access::Read>;
using AudioOut = AudioView<Access::Write>;
using VideoIn = VideoView<Access::Read>;
using VideoOut = VideoView<Access::Write>;
using FeaturesIn = FeaturesView<Access::Read>;
using FeaturesOut = FeaturesView<Access::Write>;
using PacketsIn = PacketsView<Access::Read>;
using PacketsOut = PacketsView<Access::Write>;

}  // namespace avrig::plugin
