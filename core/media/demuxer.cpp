// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "demuxer_impl.hpp"
#include <avrig/error.hpp>
#include <avrig/media/demuxer.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/monotonic.hpp>

#include <cerrno>
#include <cstring>
#include <sys/stat.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace avrig::media {

void FormatContextClose::operator()(AVFormatContext* context) const noexcept {
  avformat_close_input(&context);
}

namespace {

bool is_plain_path(const std::string& url) {
  return url.find("://") == std::string::npos && !url.starts_with("pipe:");
}

/// What the file system knows better than FFmpeg does.
void check_file(const std::string& url) {
  if (!is_plain_path(url)) {
    return;
  }
  struct stat info {};
  const std::string path = url.starts_with("file:") ? url.substr(5) : url;
  const std::string what = "cannot open '" + url + "': ";
  if (::stat(path.c_str(), &info) != 0) {
    // Names with a protocol or device syntax are FFmpeg's to judge.
    if (errno == ENOENT && path.find(':') != std::string::npos) {
      return;
    }
    const std::string hint = errno == ENOENT ? "no such file (relative paths count from the folder "
                                               "that the program was started in)"
                                             : std::strerror(errno);
    throw Error(ErrorCode::Open, what + hint);
  }
  if (S_ISDIR(info.st_mode)) {
    throw Error(ErrorCode::Open, what + "it is a folder; name a file in it");
  }
  if (S_ISREG(info.st_mode) && info.st_size == 0) {
    throw Error(ErrorCode::Open, what + "the file is empty (0 bytes)");
  }
}

[[noreturn]] void throw_open_error(const std::string& url, int result, bool timed_out) {
  std::string why = error_text(result);
  if (timed_out) {
    why = "no answer in time (is the server there? open_timeout can be raised)";
  } else if (result == AVERROR(EACCES)) {
    why = "permission denied (check the rights of the file and its folders)";
  } else if (result == AVERROR_INVALIDDATA || result == AVERROR_EOF || result == AVERROR(EINVAL)) {
    why = "not a media file that FFmpeg knows, or it is cut off or damaged in its header";
  } else if (result == AVERROR_PROTOCOL_NOT_FOUND) {
    why = "this FFmpeg does not know that protocol";
  } else if (result == AVERROR_EXIT) {
    why = "interrupted";
  }
  throw Error(ErrorCode::Open, "cannot open '" + url + "': " + why);
}

StreamInfo info_of(AVFormatContext& context, AVStream& stream) {
  StreamInfo info;
  info.index = stream.index;
  info.parameters = stream.codecpar;
  info.codec = avcodec_get_name(stream.codecpar->codec_id);
  info.format = to_avrig_format(*stream.codecpar);
  const bool cover = (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
  info.media = cover ? std::uint32_t{AVRIG_MEDIA_NONE} : info.format.media;
  info.time_base = stream.time_base;
  if (stream.start_time != AV_NOPTS_VALUE) {
    info.start_pts = stream.start_time;
    info.start_ns = av_rescale_q(stream.start_time, stream.time_base, kNanoseconds);
  }
  if (stream.duration != AV_NOPTS_VALUE) {
    info.duration_ns = av_rescale_q(stream.duration, stream.time_base, kNanoseconds);
  } else if (context.duration != AV_NOPTS_VALUE) {
    info.duration_ns = av_rescale_q(context.duration, AV_TIME_BASE_Q, kNanoseconds);
  }
  info.frames = stream.nb_frames;
  info.is_default = (stream.disposition & AV_DISPOSITION_DEFAULT) != 0;
  const AVRational rate = av_guess_frame_rate(&context, &stream, nullptr);
  if (info.media == AVRIG_MEDIA_VIDEO && rate.num > 0 && rate.den > 0) {
    info.format.frame_rate_num = static_cast<std::uint32_t>(rate.num);
    info.format.frame_rate_den = static_cast<std::uint32_t>(rate.den);
  }
  const auto tag = [&](const char* key) {
    const AVDictionaryEntry* entry = av_dict_get(stream.metadata, key, nullptr, 0);
    return entry == nullptr ? std::string() : std::string(entry->value);
  };
  info.language = tag("language");
  info.title = tag("title");
  return info;
}

/// Whether the codec parameters say enough to set up a decoder and its buffers.
bool is_complete(const StreamInfo& info) {
  if (info.media == AVRIG_MEDIA_AUDIO) {
    return info.format.sample_rate_hz > 0 && info.format.channels > 0 &&
           info.format.channels <= AVRIG_MAX_CHANNELS;
  }
  return info.format.width > 0 && info.format.height > 0 && info.format.pixel_format[0] != '\0';
}

AVDictionary* to_dictionary(const Options& options) {
  AVDictionary* dictionary = nullptr;
  for (const auto& [key, value] : options) {
    av_dict_set(&dictionary, key.c_str(), value.c_str(), 0);
  }
  return dictionary;
}

const AVInputFormat* input_format(const DemuxerOptions& options, const std::string& url) {
  if (options.container.empty()) {
    return nullptr;
  }
  const AVInputFormat* format = av_find_input_format(options.container.c_str());
  if (format == nullptr) {
    throw Error(ErrorCode::Open,
                "cannot open '" + url + "': FFmpeg knows no container '" + options.container +
                    "' (see ffmpeg -demuxers)");
  }
  return format;
}

}  // namespace

int Demuxer::Impl::interrupted(void* opaque) noexcept {
  const auto* impl = static_cast<const Impl*>(opaque);
  const bool asked = impl->options.interrupt != nullptr && impl->options.interrupt->load();
  const bool late = impl->deadline_ns != 0 && monotonic_ns() > impl->deadline_ns;
  return asked || late ? 1 : 0;
}

void Demuxer::Impl::open() {
  check_file(url);
  ahead.clear();
  streams.clear();
  context.reset();
  AVFormatContext* raw = avformat_alloc_context();
  if (raw == nullptr) {
    throw std::bad_alloc();
  }
  if (options.as_stored) {
    raw->flags |= AVFMT_FLAG_NOPARSE;
  }
  raw->interrupt_callback = {&Impl::interrupted, this};
  const AVInputFormat* format = nullptr;
  try {
    format = input_format(options, url);
  } catch (...) {
    avformat_free_context(raw);
    throw;
  }
  deadline_ns = options.open_timeout_ns > 0 ? monotonic_ns() + options.open_timeout_ns : 0;
  AVDictionary* dictionary = to_dictionary(options.options);
  const int result = avformat_open_input(&raw, url.c_str(), format, &dictionary);
  const AVDictionaryEntry* unknown = av_dict_get(dictionary, "", nullptr, AV_DICT_IGNORE_SUFFIX);
  const std::string left = unknown == nullptr ? "" : unknown->key;
  av_dict_free(&dictionary);
  const bool late = deadline_ns != 0 && monotonic_ns() > deadline_ns;
  if (result < 0) {  // it has freed raw
    throw_open_error(url, result, late);
  }
  context.reset(raw);
  if (!left.empty()) {
    throw Error(
        ErrorCode::Open,
        "cannot open '" + url + "': its demuxer and protocol have no option '" + left + "'");
  }
  find_streams();
  deadline_ns = 0;
  select();
}

void Demuxer::Impl::find_streams() {
  const int result = options.as_stored ? 0 : avformat_find_stream_info(context.get(), nullptr);
  if (result < 0) {
    throw_open_error(url, result, deadline_ns != 0 && monotonic_ns() > deadline_ns);
  }
  bool any = false;
  bool incomplete = false;
  for (unsigned i = 0; i < context->nb_streams; ++i) {
    StreamInfo info = info_of(*context, *context->streams[i]);
    if (info.media != AVRIG_MEDIA_NONE && !options.as_stored && !is_complete(info)) {
      info.media = AVRIG_MEDIA_NONE;
      incomplete = true;
    }
    any = any || info.media != AVRIG_MEDIA_NONE;
    streams.push_back(std::move(info));
  }
  if (any) {
    return;
  }
  throw Error(
      ErrorCode::Open,
      "cannot open '" + url + "': " +
          (incomplete ? "its streams hold no decodable data: the file is cut off or damaged "
                        "after its header"
                      : "it has no audio or video stream"));
}

void Demuxer::Impl::select() {
  for (unsigned i = 0; i < context->nb_streams; ++i) {
    bool wanted = selected.empty();
    for (const int stream : selected) {
      wanted = wanted || stream == static_cast<int>(i);
    }
    context->streams[i]->discard = wanted ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  }
}

ReadStatus Demuxer::Impl::read_file(Packet& packet) {
  // Damage usually costs one error a spot; a file that gives nothing else is finished.
  constexpr int kMostErrorsInARow = 64;
  for (int errors = 0; errors < kMostErrorsInARow; ++errors) {
    packet.reset();
    const int result = av_read_frame(context.get(), packet.get());
    if (result >= 0) {
      const auto index = static_cast<std::size_t>(packet.stream());
      if (index >= streams.size()) {  // a stream that appeared later, as MPEG-TS has them
        --errors;
        continue;
      }
      packet.get()->time_base = streams[index].time_base;
      // NUT's demuxer shortens the last packet of a torn file without a word; only having met the
      // end of the file while inside a packet tells it from a whole one.
      if (options.as_stored && context->pb != nullptr && context->pb->eof_reached != 0 &&
          std::strcmp(context->iformat->name, "nut") == 0) {
        packet.get()->flags |= AV_PKT_FLAG_CORRUPT;
      }
      return ReadStatus::Packet;
    }
    if (result == AVERROR_EOF) {
      return ReadStatus::End;
    }
    if (result == AVERROR(EAGAIN)) {
      return ReadStatus::Again;
    }
    if (result == AVERROR_EXIT) {
      return ReadStatus::Interrupted;
    }
    if (result != AVERROR_INVALIDDATA) {
      error = "reading '" + url + "' failed: " + error_text(result);
      return ReadStatus::Failed;
    }
    ++corrupt;
  }
  return ReadStatus::End;
}

Demuxer::Demuxer(std::string url, DemuxerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->url = std::move(url);
  impl_->options = std::move(options);
  impl_->open();
}
Demuxer::Demuxer(Demuxer&&) noexcept = default;
Demuxer& Demuxer::operator=(Demuxer&&) noexcept = default;
Demuxer::~Demuxer() = default;

const std::string& Demuxer::url() const noexcept {
  return impl_->url;
}
const std::vector<StreamInfo>& Demuxer::streams() const noexcept {
  return impl_->streams;
}

std::optional<int> Demuxer::best_stream(std::uint32_t media) const noexcept {
  const AVMediaType type = media == AVRIG_MEDIA_AUDIO ? AVMEDIA_TYPE_AUDIO : AVMEDIA_TYPE_VIDEO;
  const int best = av_find_best_stream(impl_->context.get(), type, -1, -1, nullptr, 0);
  if (best >= 0 && impl_->streams[static_cast<std::size_t>(best)].media == media) {
    return best;
  }
  for (const StreamInfo& stream : impl_->streams) {
    if (stream.media == media) {
      return stream.index;
    }
  }
  return std::nullopt;
}

std::string Demuxer::container() const {
  return impl_->context->iformat->name;
}

std::int64_t Demuxer::duration_ns() const noexcept {
  const std::int64_t duration = impl_->context->duration;
  return duration == AV_NOPTS_VALUE ? 0 : av_rescale_q(duration, AV_TIME_BASE_Q, kNanoseconds);
}

bool Demuxer::seekable() const noexcept {
  const AVFormatContext& context = *impl_->context;
  const bool not_a_file = (context.iformat->flags & AVFMT_NOFILE) != 0;
  return not_a_file ||
         (context.pb != nullptr && (context.pb->seekable & AVIO_SEEKABLE_NORMAL) != 0);
}

void Demuxer::select(std::span<const int> streams) {
  impl_->selected.assign(streams.begin(), streams.end());
  impl_->select();
}

ReadStatus Demuxer::read(Packet& packet) {
  if (!impl_->ahead.empty()) {
    packet = std::move(impl_->ahead.front());
    impl_->ahead.pop_front();
  } else if (const ReadStatus status = impl_->read_file(packet); status != ReadStatus::Packet) {
    return status;
  }
  ++impl_->packets;
  impl_->corrupt += packet.corrupt() ? 1U : 0U;
  return ReadStatus::Packet;
}

bool Demuxer::seek_before(int stream, std::int64_t pts) {
  const SeekTarget target{stream, pts};
  return seek_before(std::span(&target, 1));
}

bool Demuxer::seek_before(std::span<const SeekTarget> targets) {
  return seekable() && impl_->seek_before(targets);
}

bool Demuxer::rewind() {
  if (!seekable()) {
    return false;
  }
  impl_->open();
  return true;
}

std::uint64_t Demuxer::packets_read() const noexcept {
  return impl_->packets;
}
std::uint64_t Demuxer::corrupt_packets() const noexcept {
  return impl_->corrupt;
}
std::int64_t Demuxer::position_bytes() const noexcept {
  if (!impl_->ahead.empty()) {
    return impl_->ahead.front().position_bytes();
  }
  return impl_->context->pb == nullptr ? -1 : avio_tell(impl_->context->pb);
}
const std::string& Demuxer::error() const noexcept {
  return impl_->error;
}

}  // namespace avrig::media
