// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "stream_output.hpp"

#include <avrig/error.hpp>

#include <algorithm>

namespace avrig::media_reader {

StreamOutput::StreamOutput(stage::StageIo& io,
                           std::size_t output,
                           const media::StreamInfo& stream,
                           const avrig_format& format,
                           Timeline timeline)
    : io_(&io),
      output_(output),
      codec_(stream.codec),
      format_(format),
      timeline_(timeline),
      pool_(io, output) {
  if (const auto& last = io.output(output).last()) {
    const std::int64_t units = format.media == AVRIG_MEDIA_AUDIO ? last->samples : 1;
    resume_ = ResumePoint{static_cast<std::int64_t>(last->origin[0]),
                          last->source_position,
                          last->capture_ns,
                          last->index + units};
    next_index_ = resume_->next_index;
    skip_until_ns_ = resume_->capture_ns;
  }
}

bool StreamOutput::is_published(std::int64_t capture_ns) noexcept {
  if (skip_until_ns_ != INT64_MIN && capture_ns <= skip_until_ns_) {
    return true;
  }
  skip_until_ns_ = INT64_MIN;
  return false;
}

void StreamOutput::finish() noexcept {
  shm::Descriptor mark{};
  (void)pool_.publish_mark(shm::Kind::End, mark);
}

bool StreamOutput::run(PacketFeed& feed, std::size_t queue, std::int64_t first_round) {
  std::int64_t round = first_round;
  while (auto item = feed.pop(queue)) {
    if (!item->end_of_round) {
      if (!send(item->packet, round)) {
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
    begin_round();
  }
  return false;
}

bool StreamOutput::send(const media::Packet& packet, std::int64_t round) {
  while (decoder_->send(packet) == media::DecodeStatus::Again) {
    if (!drain(round)) {
      return false;
    }
  }
  return drain(round);
}

bool StreamOutput::drain(std::int64_t round) {
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
        throw Error(ErrorCode::Open, "cannot decode '" + codec_ + "': " + decoder_->error());
      case media::DecodeStatus::Ended:
        return false;
      case media::DecodeStatus::Again:
      case media::DecodeStatus::End:
        return true;
    }
  }
}

}  // namespace avrig::media_reader
