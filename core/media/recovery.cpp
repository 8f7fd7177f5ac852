// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/media/demuxer.hpp>
#include <avrig/media/muxer.hpp>
#include <avrig/media/recovery.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string_view>
#include <unistd.h>

extern "C" {
#include <libavcodec/avcodec.h>
}

namespace avrig::media {
namespace {

void note(ReadBackStream& stream, const StreamInfo& info, const Packet& packet) {
  const std::int64_t pts = packet.pts_ns().value_or(stream.end_ns);
  std::int64_t duration = packet.duration_ns();
  if (info.media == AVRIG_MEDIA_AUDIO && info.format.sample_rate_hz > 0) {
    // PCM and most codecs tell from the bytes; the container's duration is rounded.
    int samples = av_get_audio_frame_duration2(const_cast<AVCodecParameters*>(info.parameters),
                                               static_cast<int>(packet.bytes().size()));
    if (samples <= 0) {
      samples = static_cast<int>(av_rescale(duration, info.format.sample_rate_hz, 1'000'000'000));
    }
    stream.samples += static_cast<std::uint64_t>(std::max(samples, 0));
    duration = av_rescale(samples, 1'000'000'000, info.format.sample_rate_hz);
  }
  stream.pts_ns.push_back(pts);
  stream.end_ns = std::max(stream.end_ns, pts + duration);
}

}  // namespace

ReadBack read_back(const std::string& path) {
  ReadBack result;
  try {
    DemuxerOptions options;
    options.as_stored = true;
    Demuxer demuxer(path, options);
    for (const StreamInfo& info : demuxer.streams()) {
      ReadBackStream stream;
      stream.media = info.media;
      stream.codec = info.codec;
      result.streams.push_back(std::move(stream));
    }
    Packet packet;
    while (demuxer.read(packet) == ReadStatus::Packet) {
      const auto index = static_cast<std::size_t>(packet.stream());
      if (packet.corrupt()) {
        ++result.streams[index].broken_packets;
      } else {
        note(result.streams[index], demuxer.streams()[index], packet);
      }
    }
    result.readable = true;
  } catch (const Error& error) {
    result.streams.clear();
    result.why = error.what();
  }
  return result;
}

namespace {

struct Join {
  std::optional<Muxer> muxer;
  std::vector<std::string> codecs;           // of the first readable part, one a stream
  std::vector<std::int64_t> last_ns;         // written so far
  std::vector<std::int64_t> before_part_ns;  // written by the parts before
  bool keeps_times = true;          // false: each part counts from 0, and follows the one before
  std::vector<std::int64_t> shift;  // then: samples of the parts before
  JoinReport report;
};

[[noreturn]] void fail(const std::string& target, const std::string& why) {
  throw Error(ErrorCode::Open, "cannot join the parts of '" + target + "': " + why);
}

std::vector<std::string> codecs_of(const Demuxer& demuxer) {
  std::vector<std::string> codecs;
  for (const StreamInfo& stream : demuxer.streams()) {
    codecs.push_back(stream.codec);
  }
  return codecs;
}

void begin(Join& join, const Demuxer& demuxer) {
  for (const StreamInfo& stream : demuxer.streams()) {
    const AVRational rate{static_cast<int>(stream.format.frame_rate_num),
                          static_cast<int>(stream.format.frame_rate_den)};
    // A nominal rate that was only guessed must not be written down as known.
    const AVRational none{0, 0};
    join.muxer->add_stream(
        *stream.parameters, stream.time_base, stream.media == AVRIG_MEDIA_VIDEO ? rate : none);
  }
  join.muxer->begin();
  join.codecs = codecs_of(demuxer);
  join.last_ns.assign(join.codecs.size(), INT64_MIN);
  join.shift.assign(join.codecs.size(), 0);
}

/// Move a packet behind the parts before; `rate_hz` 0: no sound.
void shift_packet(AVPacket& packet, std::int64_t samples, std::uint32_t rate_hz) {
  if (samples != 0 && rate_hz != 0) {
    const std::int64_t by = av_rescale_q(samples, {1, static_cast<int>(rate_hz)}, packet.time_base);
    packet.pts += by;
    packet.dts += packet.dts == AV_NOPTS_VALUE ? 0 : by;
  }
}

void append_part(Join& join, Demuxer& demuxer, const std::string& target) {
  if (join.codecs.empty()) {
    begin(join, demuxer);
  } else if (join.codecs != codecs_of(demuxer)) {
    fail(target, "'" + demuxer.url() + "' has other streams than the first part");
  }
  join.before_part_ns = join.last_ns;
  const ReadBack stored = read_back(demuxer.url());
  std::vector<std::size_t> whole;  // packets left that are not torn
  for (const ReadBackStream& stream : stored.streams) {
    whole.push_back(stream.pts_ns.size());
  }
  whole.resize(join.codecs.size(), 0);
  const std::vector<std::int64_t> shift = join.shift;
  for (std::size_t stream = 0; !join.keeps_times && stream < stored.streams.size(); ++stream) {
    join.shift[stream] += static_cast<std::int64_t>(stored.streams[stream].samples);
  }
  Packet packet;
  while (demuxer.read(packet) == ReadStatus::Packet) {
    const auto stream = static_cast<std::size_t>(packet.stream());
    const std::int64_t pts = packet.pts_ns().value_or(INT64_MAX);
    if (packet.corrupt() || pts == INT64_MAX || whole[stream] == 0) {
      ++join.report.broken;
      continue;
    }
    --whole[stream];
    if (!join.keeps_times) {
      shift_packet(*packet.get(), shift[stream], demuxer.streams()[stream].format.sample_rate_hz);
    } else if (pts <= join.before_part_ns[stream]) {
      ++join.report.duplicates;
      continue;
    }
    join.last_ns[stream] = std::max(join.last_ns[stream], pts);
    const WriteStatus status = join.muxer->write(packet.stream(), packet.share());
    if (status == WriteStatus::Failed) {
      fail(target, join.muxer->error());
    }
    if (status == WriteStatus::NotMonotonic) {
      ++join.report.duplicates;
    } else {
      ++join.report.packets;
    }
  }
}

/// `from` becomes `to` in one step; an existing `to` is replaced only if that was agreed.
void put_in_place(const std::string& from, const std::string& to, bool replace) {
  const unsigned flags = replace ? 0U : static_cast<unsigned>(RENAME_NOREPLACE);
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) {
    return;
  }
  if (!replace && errno == EINVAL) {  // a file system without that flag: link() refuses as well
    if (::link(from.c_str(), to.c_str()) == 0) {
      ::unlink(from.c_str());
      return;
    }
  }
  fail(to, std::string("cannot put it in place: ") + std::strerror(errno));
}

void write_joined(std::span<const std::string> parts,
                  const std::string& target,
                  const std::string& temporary,
                  const JoinOptions& options,
                  JoinReport& report) {
  Join join;
  MuxerOptions muxer_options;
  const ContainerTraits traits = container_traits(options.container, target);
  muxer_options.container = traits.name;
  join.keeps_times = traits.keeps_times;
  muxer_options.bitexact = options.bitexact;
  join.muxer.emplace(temporary, muxer_options);
  std::string last_error = "there are none";
  for (const std::string& part : parts) {
    std::optional<Demuxer> demuxer;
    try {
      demuxer.emplace(part);
    } catch (const Error& error) {
      last_error = error.what();
      continue;
    }
    append_part(join, *demuxer, target);
  }
  if (join.codecs.empty()) {
    fail(target, "no part is readable (" + last_error + ")");
  }
  if (join.muxer->finish() != WriteStatus::Ok) {
    fail(target, join.muxer->error());
  }
  report = join.report;
}

}  // namespace

JoinReport join_parts(std::span<const std::string> parts,
                      const std::string& target,
                      const JoinOptions& options) {
  const bool replace = std::find(parts.begin(), parts.end(), target) != parts.end();
  std::error_code ignored;
  if (!replace && std::filesystem::exists(target, ignored)) {
    fail(target, "it exists already and is never overwritten");
  }
  const std::string temporary = target + ".joining";
  ::unlink(temporary.c_str());  // left by a join that was killed
  JoinReport report;
  try {
    write_joined(parts, target, temporary, options, report);
    put_in_place(temporary, target, replace);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  if (options.remove_parts) {
    for (const std::string& part : parts) {
      if (part != target) {
        ::unlink(part.c_str());
      }
    }
  }
  return report;
}

}  // namespace avrig::media
