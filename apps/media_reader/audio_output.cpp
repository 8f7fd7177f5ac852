// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "audio_output.hpp"

#include <avrig/error.hpp>

#include <algorithm>

namespace avrig::media_reader {
namespace {

std::int64_t samples_to_ns(std::int64_t samples, std::uint32_t rate_hz) noexcept {
  const auto rate = static_cast<std::int64_t>(rate_hz);
  return samples / rate * 1'000'000'000 + samples % rate * 1'000'000'000 / rate;
}

}  // namespace

AudioOutput::AudioOutput(stage::StageIo& io,
                         std::size_t output,
                         const media::StreamInfo& stream,
                         const avrig_format& format,
                         Timeline timeline)
    : StreamOutput(io, output, stream, format, timeline) {
  set_decoder(std::make_unique<media::Decoder>(stream));
}

bool AudioOutput::publish(media::MediaFrame& frame, std::int64_t round) {
  if (frame.channels() != format().channels) {
    throw Error(ErrorCode::Open,
                "the file changes from " + std::to_string(format().channels) + " to " +
                    std::to_string(frame.channels()) +
                    " audio channels midway: convert it first (ffmpeg -ac)");
  }
  const std::int64_t round_begin_ns = round * timeline().round_ns;
  std::int64_t begin_ns = next_capture_ns_ == INT64_MIN ? round_begin_ns : next_capture_ns_;
  if (const auto pts_ns = frame.pts_ns()) {
    begin_ns = *pts_ns + round_begin_ns;
  }
  next_capture_ns_ = begin_ns + samples_to_ns(frame.samples(), format().sample_rate_hz);
  for (std::uint32_t first = 0; first < frame.samples(); first += format().block_samples) {
    const std::int64_t capture_ns = begin_ns + samples_to_ns(first, format().sample_rate_hz);
    if (!is_published(capture_ns) && !publish_block(frame, first, capture_ns, round)) {
      return false;
    }
  }
  return true;
}

bool AudioOutput::publish_block(const media::MediaFrame& frame,
                                std::uint32_t first,
                                std::int64_t capture_ns,
                                std::int64_t round) {
  const auto buffer = pool().claim_own();
  if (!buffer) {
    return false;
  }
  const std::uint32_t count = std::min(frame.samples() - first, format().block_samples);
  avrig_frame block = stage::blank(pool().memory(*buffer), format());
  frame.copy_samples(
      first, count, static_cast<float*>(block.plane[0].data), block.plane[0].stride_bytes);
  block.samples = count;
  block.capture_ns = capture_ns;
  block.duration_ns = samples_to_ns(count, format().sample_rate_hz);
  block.index = next_index_;
  block.quality = AVRIG_QUALITY_FILE_PTS;
  shm::Descriptor descriptor{};
  stage::describe_frame(block, pool().memory(*buffer), descriptor);
  descriptor.source_position = frame.pts().value_or(0);
  descriptor.origin[0] = static_cast<std::uint64_t>(round);
  if (!pool().publish(*buffer, descriptor)) {
    return false;
  }
  next_index_ += count;
  io().note_out(capture_ns);
  return true;
}

}  // namespace avrig::media_reader
