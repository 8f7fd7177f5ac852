// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "media_reader.hpp"
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
    : io_(&io),
      output_(output),
      stream_(&stream),
      format_(format),
      timeline_(timeline),
      pool_(io, output),
      decoder_(stream) {
  if (const auto resume = resume_point()) {
    next_index_ = resume->next_index;
    skip_until_ns_ = resume->capture_ns;
  }
}

std::optional<ResumePoint> AudioOutput::resume_point() const {
  const auto& last = io_->output(output_).last();
  if (!last) {
    return std::nullopt;
  }
  return ResumePoint{static_cast<std::int64_t>(last->origin[0]),
                     last->source_position,
                     last->capture_ns,
                     last->index + last->samples};
}

bool AudioOutput::ended() const noexcept {
  return io_->output(output_).ended();
}

void AudioOutput::finish() noexcept {
  shm::Descriptor mark{};
  (void)pool_.publish_mark(shm::Kind::End, mark);
}

bool AudioOutput::run(PacketFeed& feed, std::size_t queue, std::int64_t first_round) {
  std::int64_t round = first_round;
  while (auto item = feed.pop(queue)) {
    if (!item->end_of_round) {
      while (decoder_.send(item->packet) == media::DecodeStatus::Again) {
        if (!drain(round)) {
          return false;
        }
      }
      if (!drain(round)) {
        return false;
      }
      continue;
    }
    (void)decoder_.send_end();
    if (!drain(round)) {
      return false;
    }
    decoder_.flush();
    if (item->last_round) {
      return true;
    }
    ++round;
    next_capture_ns_ = INT64_MIN;
  }
  return false;
}

bool AudioOutput::drain(std::int64_t round) {
  for (;;) {
    media::MediaFrame frame;
    switch (decoder_.receive(frame)) {
      case media::DecodeStatus::Ok:
        if (!publish(frame, round)) {
          return false;
        }
        break;
      case media::DecodeStatus::Corrupt:
        io_->count("corrupt");
        break;
      case media::DecodeStatus::Failed:
        throw Error(ErrorCode::Open, "cannot decode '" + stream_->codec + "': " + decoder_.error());
      case media::DecodeStatus::Ended:
        return false;
      case media::DecodeStatus::Again:
      case media::DecodeStatus::End:
        return true;
    }
  }
}

bool AudioOutput::publish(const media::MediaFrame& frame, std::int64_t round) {
  if (frame.channels() != format_.channels) {
    throw Error(ErrorCode::Open,
                "the file changes from " + std::to_string(format_.channels) + " to " +
                    std::to_string(frame.channels()) +
                    " audio channels midway: convert it first (ffmpeg -ac)");
  }
  std::int64_t begin_ns = 0;
  if (const auto pts = frame.pts_ns()) {
    begin_ns = *pts + round * timeline_.round_ns;
  } else {
    begin_ns = next_capture_ns_ == INT64_MIN ? round * timeline_.round_ns : next_capture_ns_;
  }
  next_capture_ns_ = begin_ns + samples_to_ns(frame.samples(), format_.sample_rate_hz);
  for (std::uint32_t first = 0; first < frame.samples(); first += format_.block_samples) {
    const std::uint32_t count = std::min(frame.samples() - first, format_.block_samples);
    const std::int64_t capture_ns = begin_ns + samples_to_ns(first, format_.sample_rate_hz);
    if (skip_until_ns_ != INT64_MIN) {
      if (capture_ns <= skip_until_ns_) {
        continue;  // published before we were restarted
      }
      skip_until_ns_ = INT64_MIN;
    }
    const auto buffer = pool_.claim_own();
    if (!buffer) {
      return false;
    }
    avrig_frame block = stage::blank(pool_.memory(*buffer), format_);
    frame.copy_samples(
        first, count, static_cast<float*>(block.plane[0].data), block.plane[0].stride_bytes);
    block.samples = count;
    block.capture_ns = capture_ns;
    block.duration_ns = samples_to_ns(count, format_.sample_rate_hz);
    block.index = next_index_;
    block.quality = AVRIG_QUALITY_FILE_PTS;
    shm::Descriptor descriptor{};
    stage::describe_frame(block, pool_.memory(*buffer), descriptor);
    descriptor.source_position = frame.pts().value_or(0);
    descriptor.origin[0] = static_cast<std::uint64_t>(round);
    if (!pool_.publish(*buffer, descriptor)) {
      return false;
    }
    next_index_ += count;
    io_->note_out(capture_ns);
  }
  return true;
}

}  // namespace avrig::media_reader
