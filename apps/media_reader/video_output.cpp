// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "video_output.hpp"

#include <avrig/media/formats.hpp>

extern "C" {
#include <libavutil/frame.h>
}

namespace avrig::media_reader {

std::int64_t nominal_frame_ns(const avrig_format& format) noexcept {
  if (format.frame_rate_num == 0 || format.frame_rate_den == 0) {
    return 40'000'000;
  }
  return 1'000'000'000LL * format.frame_rate_den / format.frame_rate_num;
}

VideoOutput::VideoOutput(stage::StageIo& io,
                         std::size_t output,
                         const media::StreamInfo& stream,
                         const ReaderSettings& settings,
                         const avrig_format& format,
                         Timeline timeline)
    : StreamOutput(io, output, stream, format, timeline),
      direct_(!settings.copy && media::same_layout(stream.format, format)) {
  media::DecoderOptions options;
  options.buffers = direct_ ? &pool() : nullptr;
  options.threads = settings.threads;
  set_decoder(std::make_unique<media::Decoder>(stream, options));
  if (const auto& resume = resume_point()) {
    last_capture_ns_ = resume->capture_ns;
  }
}

std::int64_t VideoOutput::capture_of(const media::MediaFrame& frame,
                                     std::int64_t round,
                                     std::int64_t length_ns) const noexcept {
  if (const auto pts_ns = frame.pts_ns()) {
    return *pts_ns + round * timeline().round_ns;
  }
  return last_capture_ns_ == INT64_MIN ? 0 : last_capture_ns_ + length_ns;
}

bool VideoOutput::publish(media::MediaFrame& frame, std::int64_t round) {
  const std::int64_t length_ns =
      frame.duration_ns() > 0 ? frame.duration_ns() : nominal_frame_ns(format());
  const std::int64_t capture_ns = capture_of(frame, round, length_ns);
  if (is_published(capture_ns)) {
    return true;
  }
  if (frame.corrupt() && !corrupt_reported_) {
    corrupt_reported_ = true;
    io().log(stage::Level::Warning, "damaged pictures in the file; they are shown as decoded");
  }
  avrig_frame stamped{};
  stamped.capture_ns = capture_ns;
  stamped.duration_ns = length_ns;
  stamped.index = next_index_;
  stamped.quality = AVRIG_QUALITY_FILE_PTS;
  stamped.flags = frame.key() ? static_cast<std::uint32_t>(AVRIG_FRAME_KEY) : 0U;
  shm::Descriptor descriptor{};
  bool went = false;
  const auto cookie = frame.cookie();
  // A stream that changes its size midway is scaled to what the plan was made for.
  if (cookie && direct_ && media::same_layout(frame.format(), format())) {
    frame.bind(stamped);
    stage::describe_frame(stamped, pool().memory(*cookie), descriptor);
    descriptor.source_position = frame.pts().value_or(0);
    descriptor.origin[0] = static_cast<std::uint64_t>(round);
    went = pool().publish(*cookie, descriptor);
  } else {
    descriptor.source_position = frame.pts().value_or(0);
    descriptor.origin[0] = static_cast<std::uint64_t>(round);
    went = convert_and_publish(frame, stamped, descriptor);
  }
  if (went) {
    ++next_index_;
    last_capture_ns_ = capture_ns;
    io().note_out(capture_ns);
  }
  return went;
}

void VideoOutput::convert(const media::MediaFrame& frame, avrig_frame& target) {
  const avrig_format from = frame.format();
  if (!converter_ || !media::same_layout(from, converts_from_)) {
    converter_ = std::make_unique<media::PictureConverter>(from, format());
    converts_from_ = from;
  }
  avrig_frame source{};
  if (frame.get()->linesize[0] < 0) {
    const media::FrameLayout layout = media::FrameLayout::of(from);
    upright_.resize(layout.total_bytes);
    frame.copy_picture(layout, upright_.data());
    layout.bind(source, upright_.data());
  } else {
    frame.bind(source);
  }
  converter_->convert({source.plane, source.planes}, {target.plane, target.planes});
}

bool VideoOutput::convert_and_publish(media::MediaFrame& frame,
                                      const avrig_frame& stamps,
                                      shm::Descriptor& descriptor) {
  const auto buffer = pool().claim_own();
  if (!buffer) {
    return false;
  }
  avrig_frame target = stage::blank(pool().memory(*buffer), format());
  convert(frame, target);
  target.capture_ns = stamps.capture_ns;
  target.duration_ns = stamps.duration_ns;
  target.index = stamps.index;
  target.quality = stamps.quality;
  target.flags = stamps.flags;
  target.samples = 0;
  stage::describe_frame(target, pool().memory(*buffer), descriptor);
  return pool().publish(*buffer, descriptor);
}

}  // namespace avrig::media_reader
