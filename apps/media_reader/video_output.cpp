// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "media_reader.hpp"
#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>

namespace avrig::media_reader {

VideoOutput::VideoOutput(stage::StageIo& io,
                         std::size_t output,
                         const media::StreamInfo& stream,
                         const ReaderSettings& settings,
                         const avrig_format& format,
                         Timeline timeline)
    : io_(&io),
      output_(output),
      stream_(&stream),
      format_(format),
      timeline_(timeline),
      pool_(io, output),
      direct_(!settings.copy && media::same_layout(stream.format, format)) {
  media::DecoderOptions options;
  options.buffers = direct_ ? &pool_ : nullptr;
  options.threads = settings.threads;
  decoder_ = std::make_unique<media::Decoder>(stream, options);
  if (const auto resume = resume_point()) {
    next_index_ = resume->next_index;
    last_capture_ns_ = resume->capture_ns;
    skip_until_ns_ = resume->capture_ns;
  }
}

std::optional<ResumePoint> VideoOutput::resume_point() const {
  const auto& last = io_->output(output_).last();
  if (!last) {
    return std::nullopt;
  }
  return ResumePoint{static_cast<std::int64_t>(last->origin[0]),
                     last->source_position,
                     last->capture_ns,
                     last->index + 1};
}

bool VideoOutput::ended() const noexcept {
  return io_->output(output_).ended();
}

void VideoOutput::finish() noexcept {
  shm::Descriptor mark{};
  (void)pool_.publish_mark(shm::Kind::End, mark);
}

bool VideoOutput::run(PacketFeed& feed, std::size_t queue, std::int64_t first_round) {
  std::int64_t round = first_round;
  while (auto item = feed.pop(queue)) {
    if (!item->end_of_round) {
      media::DecodeStatus sent = decoder_->send(item->packet);
      while (sent == media::DecodeStatus::Again) {
        if (!drain(round)) {
          return false;
        }
        sent = decoder_->send(item->packet);
      }
      if (!drain(round)) {
        return false;
      }
      continue;
    }
    (void)decoder_->send_end();
    if (!drain(round)) {
      return false;
    }
    decoder_->flush();
    if (item->last_round) {
      return true;
    }
    ++round;
  }
  return false;
}

bool VideoOutput::drain(std::int64_t round) {
  for (;;) {
    media::MediaFrame frame;
    switch (decoder_->receive(frame)) {
      case media::DecodeStatus::Ok:
        if (!publish(frame, round)) {
          return false;
        }
        break;
      case media::DecodeStatus::Corrupt:
        io_->count("corrupt");
        break;
      case media::DecodeStatus::Failed:
        throw Error(ErrorCode::Open,
                    "cannot decode '" + stream_->codec + "': " + decoder_->error());
      case media::DecodeStatus::Ended:
        return false;
      case media::DecodeStatus::Again:
      case media::DecodeStatus::End:
        return true;
    }
  }
}

bool VideoOutput::publish(media::MediaFrame& frame, std::int64_t round) {
  const std::int64_t length =
      frame.duration_ns() > 0 ? frame.duration_ns() : nominal_frame_ns(format_);
  std::int64_t capture_ns = frame.pts_ns().value_or(INT64_MIN);
  if (capture_ns == INT64_MIN) {
    capture_ns = last_capture_ns_ == INT64_MIN ? 0 : last_capture_ns_ + length;
  } else {
    capture_ns += round * timeline_.round_ns;
  }
  if (skip_until_ns_ != INT64_MIN) {
    if (capture_ns <= skip_until_ns_) {
      return true;  // published before we were restarted
    }
    skip_until_ns_ = INT64_MIN;
  }
  shm::Descriptor descriptor{};
  descriptor.source_position = frame.pts().value_or(0);
  descriptor.origin[0] = static_cast<std::uint64_t>(round);
  avrig_frame stamped{};
  stamped.capture_ns = capture_ns;
  stamped.duration_ns = length;
  stamped.index = next_index_;
  stamped.quality = AVRIG_QUALITY_FILE_PTS;
  stamped.flags = frame.key() ? static_cast<std::uint32_t>(AVRIG_FRAME_KEY) : 0u;
  if (frame.corrupt() && !corrupt_reported_) {
    corrupt_reported_ = true;
    io_->log(stage::Level::Warning, "damaged pictures in the file; they are shown as decoded");
  }
  bool went = false;
  if (const auto cookie = frame.cookie(); cookie && direct_) {
    frame.bind(stamped);
    stage::describe_frame(stamped, pool_.memory(*cookie), descriptor);
    went = pool_.publish(*cookie, descriptor);
  } else {
    stage::describe_frame(stamped, {}, descriptor);
    went = convert_and_publish(frame, descriptor);
  }
  if (went) {
    ++next_index_;
    last_capture_ns_ = capture_ns;
    io_->note_out(capture_ns);
  }
  return went;
}

bool VideoOutput::convert_and_publish(media::MediaFrame& frame, shm::Descriptor& descriptor) {
  const avrig_format from = frame.format();
  if (!converter_ || !media::same_layout(from, converts_from_)) {
    converter_ = std::make_unique<media::PictureConverter>(from, format_);
    converts_from_ = from;
  }
  const auto buffer = pool_.claim_own();
  if (!buffer) {
    return false;
  }
  avrig_frame source{};
  frame.bind(source);
  avrig_frame target = stage::blank(pool_.memory(*buffer), format_);
  converter_->convert({source.plane, source.planes}, {target.plane, target.planes});
  target.capture_ns = descriptor.capture_ns;
  target.duration_ns = descriptor.duration_ns;
  target.index = descriptor.index;
  target.quality = descriptor.quality;
  target.flags = descriptor.flags;
  target.samples = 0;
  stage::describe_frame(target, pool_.memory(*buffer), descriptor);
  return pool_.publish(*buffer, descriptor);
}

}  // namespace avrig::media_reader
