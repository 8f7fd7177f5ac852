// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "demuxer_impl.hpp"

#include <algorithm>
#include <limits>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace avrig::media {
namespace {

/// How long before a moment a decoder must begin so that the moment comes out right, in ns.
std::int64_t run_up_ns(const AVCodecParameters& parameters) {
  if (parameters.codec_type != AVMEDIA_TYPE_AUDIO) {
    return 0;
  }
  const AVCodecDescriptor* codec = avcodec_descriptor_get(parameters.codec_id);
  const bool lossy = codec != nullptr && (codec->props & AV_CODEC_PROP_LOSSLESS) == 0;
  // Overlapping transforms and predictors (AAC, MP3, Opus, Vorbis) need some packets.
  std::int64_t run_up = lossy ? 150'000'000 : 0;
  if (parameters.sample_rate > 0) {
    run_up = std::max(run_up,
                      av_rescale(parameters.seek_preroll, 1'000'000'000, parameters.sample_rate));
  }
  return run_up;
}

}  // namespace

bool Demuxer::Impl::seek_to(const SeekTarget& lead, std::int64_t pts) {
  ahead.clear();
  return av_seek_frame(context.get(), lead.stream, pts, AVSEEK_FLAG_BACKWARD) >= 0;
}

/// Reads on until each target's stream has shown its first packet, and keeps what it read.
bool Demuxer::Impl::early_enough(std::span<const SeekTarget> targets) {
  constexpr std::size_t kMostPackets = 8192;
  constexpr std::size_t kMostBytes = std::size_t{256} << 20;
  std::vector<bool> seen(targets.size(), false);
  std::size_t bytes = 0;
  while (std::find(seen.begin(), seen.end(), false) != seen.end()) {
    Packet packet;
    if (ahead.size() >= kMostPackets || bytes >= kMostBytes ||
        read_file(packet) != ReadStatus::Packet) {
      return false;
    }
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (seen[i] || packet.stream() != targets[i].stream) {
        continue;
      }
      const std::int64_t at = packet.pts() ? *packet.pts() : packet.dts().value_or(INT64_MAX);
      // A key picture that is shown after the target cannot lead to it: in an open GOP the frames
      // shown before it need the GOP before.
      if (!packet.key() || at > targets[i].pts) {
        return false;
      }
      seen[i] = true;
    }
    bytes += packet.bytes().size();
    ahead.push_back(std::move(packet));
  }
  return true;
}

bool Demuxer::Impl::seek_before(std::span<const SeekTarget> targets) {
  if (targets.empty()) {
    return false;
  }
  std::vector<SeekTarget> early(targets.begin(), targets.end());
  const SeekTarget* lead = nullptr;
  std::int64_t first_ns = INT64_MAX;
  for (SeekTarget& target : early) {
    const StreamInfo& stream = streams.at(static_cast<std::size_t>(target.stream));
    target.pts -= av_rescale_q(run_up_ns(*stream.parameters), kNanoseconds, stream.time_base);
    first_ns = std::min(first_ns, av_rescale_q(target.pts, stream.time_base, kNanoseconds));
    if (lead == nullptr || stream.media == AVRIG_MEDIA_VIDEO) {
      lead = &target;
    }
  }
  const AVRational base = streams[static_cast<std::size_t>(lead->stream)].time_base;
  for (const std::int64_t back_ms : {0, 500, 2000, 8000, 32000}) {
    const std::int64_t at = av_rescale_q(first_ns - back_ms * 1'000'000, kNanoseconds, base);
    if (seek_to(*lead, at) && early_enough(early)) {
      return true;
    }
  }
  // No index, or the target lies in the first GOP: the beginning is always right.
  open();
  return true;
}

}  // namespace avrig::media
