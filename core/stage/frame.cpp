// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/media/frame_layout.hpp>
#include <avrig/stage/io.hpp>

namespace avrig::stage {

avrig_frame view(const shm::Taken& taken, const avrig_format& format) noexcept {
  const shm::Descriptor& from = taken.descriptor;
  avrig_frame frame{};
  frame.struct_size = sizeof frame;
  frame.media = format.media;
  frame.sequence = taken.sequence;
  frame.capture_ns = from.capture_ns;
  frame.sigma_ns = from.sigma_ns;
  frame.duration_ns = from.duration_ns;
  frame.index = from.index;
  frame.epoch = from.epoch;
  frame.quality = from.quality;
  frame.flags = from.flags;
  frame.samples = from.samples;
  if (taken.payload.empty()) {
    return frame;
  }
  frame.planes = from.planes;
  for (std::uint32_t plane = 0; plane < from.planes; ++plane) {
    frame.plane[plane].data = taken.payload.data() + from.plane_offset[plane];
    frame.plane[plane].stride_bytes = from.stride[plane];
    frame.plane[plane].rows = from.rows[plane];
    frame.plane[plane].size_bytes = std::uint64_t{from.stride[plane]} * from.rows[plane];
  }
  return frame;
}

avrig_frame blank(std::span<std::byte> memory, const avrig_format& format) noexcept {
  avrig_frame frame{};
  frame.struct_size = sizeof frame;
  frame.media = format.media;
  frame.samples = format.media == AVRIG_MEDIA_AUDIO      ? format.block_samples
                  : format.media == AVRIG_MEDIA_FEATURES ? format.max_rows
                                                         : format.max_packet_bytes;
  media::FrameLayout::of(format).bind(frame, memory.data());
  return frame;
}

void describe_frame(const avrig_frame& frame,
                    std::span<const std::byte> memory,
                    shm::Descriptor& descriptor) noexcept {
  descriptor.capture_ns = frame.capture_ns;
  descriptor.sigma_ns = frame.sigma_ns;
  descriptor.duration_ns = frame.duration_ns;
  descriptor.index = frame.index;
  descriptor.epoch = frame.epoch;
  descriptor.quality = frame.quality;
  descriptor.flags = frame.flags;
  descriptor.samples = frame.samples;
  descriptor.planes = frame.planes;
  for (std::uint32_t plane = 0; plane < frame.planes; ++plane) {
    const auto* data = static_cast<const std::byte*>(frame.plane[plane].data);
    descriptor.plane_offset[plane] = static_cast<std::uint64_t>(data - memory.data());
    descriptor.stride[plane] = frame.plane[plane].stride_bytes;
    descriptor.rows[plane] = frame.plane[plane].rows;
  }
}

std::uint64_t frame_bytes(const avrig_format& format) {
  return media::FrameLayout::of(format).total_bytes;
}

}  // namespace avrig::stage
