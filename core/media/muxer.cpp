// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "container_traits.hpp"
#include "marks_file.hpp"
#include "muxer_target.hpp"
#include "nut_sound_times.hpp"
#include <avrig/error.hpp>
#include <avrig/media/muxer.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <new>
#include <unistd.h>
#include <vector>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace avrig::media {
namespace {

struct Waiting {
  Packet packet;            // in the stream's time base
  std::int64_t pts_ns = 0;  // as given
  std::int64_t dts_ns = 0;
};

struct Track {
  AVStream* stream = nullptr;
  bool sparse = false;  // marks: nobody waits for them
  bool ended = false;
  std::int64_t last_dts = INT64_MIN;  // stream's time base
  std::int64_t shift_ns = 0;          // stored later by this; the container's readers take it off
  std::deque<Waiting> queue;
  std::int64_t written_ns = INT64_MIN;  // FFmpeg has it
  std::uint64_t written = 0;
  std::int64_t durable_ns = INT64_MIN;  // the kernel has it
  std::uint64_t durable = 0;
};

AVDictionary* merged(const Options& defaults, const Options& options) {
  AVDictionary* dictionary = nullptr;
  for (const Options* map : {&defaults, &options}) {
    for (const auto& [key, value] : *map) {
      av_dict_set(&dictionary, key.c_str(), value.c_str(), 0);
    }
  }
  return dictionary;
}

}  // namespace

struct Muxer::Impl {
  std::string path;
  MuxerOptions options;
  ContainerTraits traits;
  std::unique_ptr<MuxerTarget> target;
  AVFormatContext* context = nullptr;
  std::deque<Track> tracks;
  int marks = -1;
  MarksFile marks_file;
  std::size_t waiting = 0;
  std::int64_t newest_ns = INT64_MIN;
  std::int64_t flushed_ns = INT64_MIN;
  bool unflushed = false;
  // Fragmented files time a picture by the durations before it: those must be the true ones, so a
  // packet waits for the next.
  bool needs_durations = false;
  bool begun = false;
  bool finished = false;
  bool failed = false;
  std::string error;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (target && !begun) {
      ::unlink(path.c_str());  // a file without even a header would block the next attempt
    }
    avformat_free_context(context);
  }

  void open();
  int add(const AVCodecParameters& parameters, AVRational time_base, AVRational rate);
  void add_marks();
  [[nodiscard]] int write_header(AVDictionary*& dictionary);
  [[nodiscard]] WriteStatus fail(int result);
  [[nodiscard]] WriteStatus enqueue(Track& track, Packet packet);
  [[nodiscard]] Track* next_track();
  [[nodiscard]] bool due(const Track& track) const;
  [[nodiscard]] WriteStatus pump(bool all);
  [[nodiscard]] WriteStatus emit(Track& track);
  [[nodiscard]] std::int64_t flush_after_ns() const;
  [[nodiscard]] WriteStatus make_durable();
};

void Muxer::Impl::open() {
  traits = container_traits(options.container, path);
  if (options.flush_interval_ns < 0) {
    options.flush_interval_ns = default_flush_interval_ns(traits.name);
  }
  needs_durations = is_fragmented(traits.name);
  if (avformat_alloc_output_context2(&context, nullptr, traits.name.c_str(), path.c_str()) < 0) {
    throw std::bad_alloc();
  }
  target = std::make_unique<MuxerTarget>(path);
  context->pb = target->io();
  context->flags |= AVFMT_FLAG_CUSTOM_IO;
  // Lossy sound begins before 0; moving every stream because of it would falsify their times. Only
  // NUT and its like cannot hold a negative time.
  if (traits.text_marks || traits.name == "webm" || is_fragmented(traits.name)) {
    context->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
  }
  if (options.bitexact) {
    context->flags |= AVFMT_FLAG_BITEXACT;
  }
  for (const auto& [key, value] : options.metadata) {
    av_dict_set(&context->metadata, key.c_str(), value.c_str(), 0);
  }
}

int Muxer::Impl::add(const AVCodecParameters& parameters, AVRational time_base, AVRational rate) {
  const char* name = avcodec_get_name(parameters.codec_id);
  if (begun) {
    throw Error(ErrorCode::Internal, "cannot add a stream to '" + path + "': writing has begun");
  }
  if (avformat_query_codec(context->oformat, parameters.codec_id, FF_COMPLIANCE_NORMAL) == 0) {
    throw Error(ErrorCode::Open,
                "cannot write '" + path + "': a " + traits.name + " file cannot hold " + name +
                    "; choose another codec, or mkv or nut");
  }
  AVStream* stream = avformat_new_stream(context, nullptr);
  if (stream == nullptr || avcodec_parameters_copy(stream->codecpar, &parameters) < 0) {
    throw std::bad_alloc();
  }
  stream->codecpar->codec_tag = 0;  // the container's own, not that of where it came from
  stream->time_base = time_base;
  if (rate.num > 0 && rate.den > 0) {
    stream->avg_frame_rate = rate;
  }
  stream->sample_aspect_ratio = parameters.sample_aspect_ratio;
  Track track;
  track.stream = stream;
  if (parameters.codec_id == AV_CODEC_ID_OPUS &&
      (traits.name == "matroska" || traits.name == "webm")) {
    // Matroska's CodecDelay is subtracted by readers; libavformat 59 writes it, but does not add
    // it.
    track.shift_ns = av_rescale(parameters.initial_padding, 1'000'000'000, 48'000);
  }
  tracks.push_back(std::move(track));
  return stream->index;
}

void Muxer::Impl::add_marks() {
  AVStream* stream = avformat_new_stream(context, nullptr);
  if (stream == nullptr) {
    throw std::bad_alloc();
  }
  stream->codecpar->codec_type = AVMEDIA_TYPE_SUBTITLE;
  stream->codecpar->codec_id = AV_CODEC_ID_SUBRIP;
  stream->time_base = {1, 1000};
  av_dict_set(&stream->metadata, "title", "marks", 0);
  Track track;
  track.stream = stream;
  track.sparse = true;
  tracks.push_back(std::move(track));
  marks = stream->index;
}

int Muxer::Impl::write_header(AVDictionary*& dictionary) {
  if (traits.name != "nut") {
    return avformat_write_header(context, &dictionary);
  }
  const NutSoundTimes fine(*context, *target);
  const int result = avformat_write_header(context, &dictionary);
  return result >= 0 && !fine.header_is_true() ? AVERROR_PATCHWELCOME : result;
}

WriteStatus Muxer::Impl::fail(int result) {
  failed = true;
  const int number = target->error_number();
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) {
    error = "cannot write '" + path + "' any further: " + std::strerror(number) + "; it holds " +
            std::to_string(target->bytes()) +
            " whole bytes and plays up to there (make room, and "
            "record into another file)";
  } else {
    error = "cannot write '" + path +
            "': " + (number != 0 ? std::strerror(number) : error_text(result));
  }
  return WriteStatus::Failed;
}

WriteStatus Muxer::Impl::enqueue(Track& track, Packet packet) {
  AVPacket& raw = *packet.get();
  if (raw.pts == AV_NOPTS_VALUE) {
    raw.pts = raw.dts;
  }
  if (raw.dts == AV_NOPTS_VALUE) {
    raw.dts = raw.pts;
  }
  if (raw.pts == AV_NOPTS_VALUE || raw.pts < raw.dts) {
    return WriteStatus::NotMonotonic;
  }
  Waiting entry;
  entry.pts_ns = av_rescale_q(raw.pts, raw.time_base, kNanoseconds);
  entry.dts_ns = av_rescale_q(raw.dts, raw.time_base, kNanoseconds);
  if (track.shift_ns != 0) {
    const std::int64_t shift = av_rescale_q(track.shift_ns, kNanoseconds, raw.time_base);
    raw.pts += shift;
    raw.dts += shift;
  }
  av_packet_rescale_ts(&raw, raw.time_base, track.stream->time_base);
  raw.time_base = track.stream->time_base;
  raw.stream_index = track.stream->index;
  const bool may_repeat = (context->oformat->flags & AVFMT_TS_NONSTRICT) != 0;
  const bool is_data = raw.size > 0;  // an encoder's last words (new extradata) carry no time
  if (is_data && track.last_dts != INT64_MIN &&
      (raw.dts < track.last_dts || (raw.dts == track.last_dts && !may_repeat))) {
    return WriteStatus::NotMonotonic;
  }
  track.last_dts = std::max(track.last_dts, raw.dts);
  newest_ns = std::max(newest_ns, entry.dts_ns);
  entry.packet = std::move(packet);
  track.queue.push_back(std::move(entry));
  ++waiting;
  return WriteStatus::Ok;
}

Track* Muxer::Impl::next_track() {
  Track* next = nullptr;
  for (Track& track : tracks) {
    if (!track.queue.empty() &&
        (next == nullptr || track.queue.front().dts_ns < next->queue.front().dts_ns)) {
      next = &track;
    }
  }
  return next;
}

bool Muxer::Impl::due(const Track& track) const {
  const std::size_t enough = needs_durations ? 2 : 1;
  const bool all_there = std::all_of(tracks.begin(), tracks.end(), [enough](const Track& other) {
    return other.sparse || other.ended || other.queue.size() >= enough;
  });
  return all_there || waiting > options.max_interleave_packets ||
         newest_ns - track.queue.front().dts_ns > options.max_interleave_ns;
}

WriteStatus Muxer::Impl::emit(Track& track) {
  Waiting entry = std::move(track.queue.front());
  track.queue.pop_front();
  --waiting;
  const bool counts = entry.packet.get()->size > 0;
  if (needs_durations && !track.queue.empty()) {
    AVPacket& raw = *entry.packet.get();
    raw.duration = track.queue.front().packet.get()->dts - raw.dts;
  }
  const int result = av_write_frame(context, entry.packet.get());
  if (result < 0) {
    return fail(result);
  }
  if (counts) {
    track.written_ns = std::max(track.written_ns, entry.pts_ns);
    ++track.written;
  }
  unflushed = true;
  if (flushed_ns == INT64_MIN) {
    flushed_ns = entry.dts_ns - (options.flush_interval_ns == 0 ? 1 : 0);
  }
  if (entry.dts_ns - flushed_ns < flush_after_ns()) {
    return WriteStatus::Ok;
  }
  flushed_ns = entry.dts_ns;
  return make_durable();
}

/// A fragmented file writes its tracks' start times down once, with the first flush: that waits,
/// within reason, for every track to have begun.
std::int64_t Muxer::Impl::flush_after_ns() const {
  constexpr std::int64_t kLongestWaitNs = 5'000'000'000;
  const bool all_begun = std::all_of(tracks.begin(), tracks.end(), [](const Track& track) {
    return track.sparse || track.ended || track.written > 0;
  });
  return options.flush_interval_ns == 0 || all_begun
             ? options.flush_interval_ns
             : std::max(options.flush_interval_ns, kLongestWaitNs);
}

WriteStatus Muxer::Impl::make_durable() {
  if (!unflushed) {
    return WriteStatus::Ok;
  }
  if ((context->oformat->flags & AVFMT_ALLOW_FLUSH) != 0) {
    // The first flush of a fragmented file may write its header only, hence twice.
    for (int i = 0; i < 2; ++i) {
      if (const int result = av_write_frame(context, nullptr); result < 0) {
        return fail(result);
      }
    }
  }
  if (!target->commit()) {
    return fail(AVERROR(EIO));
  }
  for (Track& track : tracks) {
    track.durable_ns = track.written_ns;
    track.durable = track.written;
  }
  unflushed = false;
  return WriteStatus::Ok;
}

WriteStatus Muxer::Impl::pump(bool all) {
  for (Track* track = next_track(); track != nullptr && (all || due(*track));
       track = next_track()) {
    if (const WriteStatus status = emit(*track); status != WriteStatus::Ok) {
      return status;
    }
  }
  return WriteStatus::Ok;
}

Muxer::Muxer(std::string path, MuxerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->path = std::move(path);
  impl_->options = std::move(options);
  impl_->open();
}
Muxer::Muxer(Muxer&&) noexcept = default;
Muxer& Muxer::operator=(Muxer&&) noexcept = default;
Muxer::~Muxer() {
  if (impl_ && impl_->begun && !impl_->finished) {
    static_cast<void>(finish());
  }
}

int Muxer::add_stream(const Encoder& encoder) {
  return impl_->add(encoder.parameters(), kNanoseconds, encoder.frame_rate());
}

int Muxer::add_stream(const AVCodecParameters& parameters,
                      AVRational time_base,
                      AVRational frame_rate) {
  return impl_->add(parameters, time_base, frame_rate);
}

void Muxer::begin() {
  Impl& impl = *impl_;
  if (impl.options.marks && impl.traits.text_marks) {
    impl.add_marks();
  }
  AVDictionary* dictionary = merged(container_defaults(impl.traits.name), impl.options.options);
  const int result = impl.write_header(dictionary);
  const AVDictionaryEntry* unknown = av_dict_get(dictionary, "", nullptr, AV_DICT_IGNORE_SUFFIX);
  const std::string left = unknown == nullptr ? "" : unknown->key;
  av_dict_free(&dictionary);
  if (result < 0 || !impl.target->commit()) {
    static_cast<void>(impl.fail(result));
    throw Error(ErrorCode::Open, impl.error);
  }
  if (!left.empty()) {
    throw Error(ErrorCode::Open,
                "cannot write '" + impl.path + "': a " + impl.traits.name +
                    " file has no option '" + left + "'");
  }
  impl.begun = true;
}

WriteStatus Muxer::write(int stream, Packet packet) {
  Impl& impl = *impl_;
  if (impl.failed || impl.finished || !impl.begun) {
    return WriteStatus::Failed;
  }
  Track& track = impl.tracks.at(static_cast<std::size_t>(stream));
  if (const WriteStatus status = impl.enqueue(track, std::move(packet));
      status != WriteStatus::Ok) {
    return status;
  }
  return impl.pump(false);
}

void Muxer::end_stream(int stream) {
  impl_->tracks.at(static_cast<std::size_t>(stream)).ended = true;
  if (impl_->begun && !impl_->failed && !impl_->finished) {
    static_cast<void>(impl_->pump(false));
  }
}

WriteStatus Muxer::write_mark(std::int64_t time_ns, std::string_view text) {
  Impl& impl = *impl_;
  if (impl.failed || impl.finished || !impl.begun) {
    return WriteStatus::Failed;
  }
  if (impl.marks < 0) {
    impl.error = impl.marks_file.write(impl.path + ".marks.csv", time_ns, text);
    return impl.error.empty() ? WriteStatus::Ok : WriteStatus::Failed;
  }
  Packet packet;
  if (av_new_packet(packet.get(), static_cast<int>(text.size())) < 0) {
    throw std::bad_alloc();
  }
  std::memcpy(packet.get()->data, text.data(), text.size());
  Track& track = impl.tracks[static_cast<std::size_t>(impl.marks)];
  AVPacket& raw = *packet.get();
  raw.time_base = {1, 1000};
  raw.pts = av_rescale_q(time_ns, kNanoseconds, raw.time_base);
  if (track.last_dts != INT64_MIN) {
    raw.pts = std::max(raw.pts, track.last_dts + 1);
  }
  raw.dts = raw.pts;
  raw.duration = 1;
  raw.flags |= AV_PKT_FLAG_KEY;
  if (const WriteStatus status = impl.enqueue(track, std::move(packet));
      status != WriteStatus::Ok) {
    return status;
  }
  return impl.pump(false);
}

WriteStatus Muxer::flush() {
  if (impl_->failed || impl_->finished || !impl_->begun) {
    return WriteStatus::Failed;
  }
  if (const WriteStatus status = impl_->pump(true); status != WriteStatus::Ok) {
    return status;
  }
  return impl_->make_durable();
}

WriteStatus Muxer::finish() {
  Impl& impl = *impl_;
  if (impl.finished) {
    return impl.failed ? WriteStatus::Failed : WriteStatus::Ok;
  }
  WriteStatus status = flush();
  impl.finished = true;
  if (status == WriteStatus::Ok) {
    // Trailers correct the header in place; the target holds that back until the rest is written.
    const int result = av_write_trailer(impl.context);
    status = result < 0 || !impl.target->commit() ? impl.fail(result) : WriteStatus::Ok;
  }
  if (!impl.target->close() && status == WriteStatus::Ok) {
    status = impl.fail(AVERROR(EIO));
  }
  if (!has_packets()) {
    ::unlink(impl.path.c_str());
  }
  return status;
}

std::int64_t Muxer::durable_pts_ns(int stream) const noexcept {
  return impl_->tracks[static_cast<std::size_t>(stream)].durable_ns;
}
std::uint64_t Muxer::durable_packets(int stream) const noexcept {
  return impl_->tracks[static_cast<std::size_t>(stream)].durable;
}
bool Muxer::has_packets() const noexcept {
  return std::any_of(impl_->tracks.begin(), impl_->tracks.end(), [](const Track& track) {
    return track.written > 0;
  });
}
std::uint64_t Muxer::bytes_written() const noexcept {
  return impl_->target->bytes();
}
const std::string& Muxer::path() const noexcept {
  return impl_->path;
}
const ContainerTraits& Muxer::traits() const noexcept {
  return impl_->traits;
}
const std::string& Muxer::error() const noexcept {
  return impl_->error;
}

}  // namespace avrig::media
