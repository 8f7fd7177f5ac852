// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "media_reader.hpp"

#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>

#include <algorithm>
#include <exception>
#include <thread>

#include <nlohmann/json.hpp>

namespace avrig::media_reader {
namespace {

using nlohmann::json;

// Most samples of one published block. Decoded frames are rarely longer; longer ones are cut.
constexpr std::uint32_t kBlockSamples = 4096;

ReaderSettings settings_from(const json& with) {
  ReaderSettings settings;
  settings.url = with.value("url", "");
  settings.container = with.value("container", "");
  settings.loop = with.value("loop", std::int64_t{1});
  settings.audio = with.value("audio", true);
  settings.video = with.value("video", true);
  settings.copy = with.value("copy", false);
  settings.threads = static_cast<int>(with.value("threads", std::int64_t{0}));
  settings.spill_bytes = with.value("spill", settings.spill_bytes);
  settings.pixel_format = with.value("pixel_format", "");
  return settings;
}

// The feed blocks on its own condition, not on a bell: close it when the run is to end.
void close_when_stopping(stage::StageIo& io, PacketFeed& feed, const std::stop_token& done) {
  while (!done.stop_requested()) {
    const auto over = [&] {
      return done.stop_requested() || io.stopping() || io.abandoned();
    };
    (void)io.waiter().wait(over, monotonic_ns() + 20'000'000);
    if (io.stopping() || io.abandoned()) {
      feed.close();
      return;
    }
  }
}

}  // namespace

std::vector<stage::ParameterDescription> MediaReader::parameters(const stage::Request&) {
  auto url = stage::parameter("url", "path", "", "file or URL, anything that FFmpeg reads");
  url.required = true;
  return {
      url,
      stage::parameter(
          "container", "string", "", "FFmpeg's name of the format; empty = by content"),
      stage::parameter(
          "loop",
          "int",
          "1",
          "how often the file is played; -1 = for ever. Rounds follow each other without a seam"),
      stage::parameter("audio", "bool", "true", "read the audio stream, if there is one"),
      stage::parameter("video", "bool", "true", "read the video stream, if there is one"),
      stage::parameter("copy",
                       "bool",
                       "false",
                       "copy each picture out of the decoder, so that an editor may follow"),
      stage::parameter("threads", "int", "0", "decoder threads; 0 = one a core"),
      stage::parameter("pixel_format",
                       "string",
                       "",
                       "convert pictures to this FFmpeg pixel format; empty = as in the file"),
      stage::parameter("spill",
                       "size",
                       "256MiB",
                       "most compressed bytes kept while one stream waits for the other")};
}

stage::Description MediaReader::describe(const stage::Request& request) {
  media::set_ffmpeg_log(media::FfmpegLog::Silent);
  settings_ = settings_from(json::parse(request.parameters));
  if (settings_.url.empty()) {
    throw Error(ErrorCode::Spec, "'read: media' needs 'with: {url: FILE}'");
  }
  media::DemuxerOptions options;
  options.container = settings_.container;
  demuxer_ = std::make_unique<media::Demuxer>(settings_.url, options);
  stage::Description description;
  description.work = stage::Work::Maker;
  description.duration_ns = demuxer_->duration_ns() * std::max<std::int64_t>(settings_.loop, 1);
  description.parameters = parameters(request);
  const auto choose = [&](bool wanted, std::uint32_t media) -> std::optional<media::StreamInfo> {
    const auto best = wanted ? demuxer_->best_stream(media) : std::nullopt;
    if (!best) {
      return std::nullopt;
    }
    const auto& streams = demuxer_->streams();
    const auto found = std::find_if(
        streams.begin(), streams.end(), [&](const auto& stream) { return stream.index == *best; });
    return found == streams.end() ? std::nullopt : std::optional(*found);
  };
  video_ = choose(settings_.video, AVRIG_MEDIA_VIDEO);
  audio_ = choose(settings_.audio, AVRIG_MEDIA_AUDIO);
  if (!video_ && !audio_) {
    throw Error(ErrorCode::Open,
                "'" + settings_.url +
                    "' has nothing to read: no audio and no video stream is left "
                    "(see 'audio:' and 'video:')");
  }
  if (video_) {
    stage::OutputPort port;
    port.name = "video";
    port.own_bell = true;
    port.offers.media = AVRIG_MEDIA_VIDEO;
    if (settings_.pixel_format.empty()) {
      port.offers.pixel_formats.emplace_back(video_->format.pixel_format);
    }
    for (const char* name : {"yuv420p", "bgr24", "rgb24", "yuv422p", "yuv444p", "nv12", "gray"}) {
      if (port.offers.pixel_formats.empty() || port.offers.pixel_formats[0] != name) {
        port.offers.pixel_formats.emplace_back(name);
      }
    }
    if (!settings_.pixel_format.empty()) {
      port.offers.pixel_formats = {settings_.pixel_format};
    }
    description.outputs.push_back(port);
  }
  if (audio_) {
    stage::OutputPort port;
    port.name = "audio";
    port.own_bell = true;
    port.offers.media = AVRIG_MEDIA_AUDIO;
    description.outputs.push_back(port);
  }
  return description;
}

stage::Configured MediaReader::configure(std::span<const avrig_format>,
                                         std::span<const stage::Wish> wishes) {
  stage::Configured out;
  if (video_) {
    video_format_ = video_->format;
    std::string wanted = settings_.pixel_format;
    if (!wishes.empty() && !wishes[0].pixel_formats.empty()) {
      wanted = wishes[0].pixel_formats[0];
    }
    if (!wanted.empty() && wanted != video_format_.pixel_format) {
      const avrig_format colours = video_format_;
      video_format_ = media::video_format(wanted, colours.width, colours.height);
      video_format_.frame_rate_num = colours.frame_rate_num;
      video_format_.frame_rate_den = colours.frame_rate_den;
      video_format_.sample_aspect_num = colours.sample_aspect_num;
      video_format_.sample_aspect_den = colours.sample_aspect_den;
      video_format_.color_range = colours.color_range;
      video_format_.color_space = colours.color_space;
      video_format_.color_primaries = colours.color_primaries;
      video_format_.color_transfer = colours.color_transfer;
    }
    std::uint64_t bytes = stage::frame_bytes(video_format_);
    std::uint32_t held = 1;
    const bool in_place = !settings_.copy && media::same_layout(video_format_, video_->format);
    if (in_place) {
      media::DecoderOptions options;
      options.threads = settings_.threads;
      const media::Decoder trial(*video_, options);
      bytes = std::max(bytes, trial.buffer_bytes());
      held = static_cast<std::uint32_t>(trial.held_buffers()) + 1;
    }
    out.outputs.push_back(video_format_);
    out.frame_bytes.push_back(bytes);
    out.own_buffers.push_back(held);
    out.keeps_reading.push_back(in_place);
  }
  if (audio_) {
    audio_format_ = audio_->format;
    audio_format_.block_samples = kBlockSamples;
    out.outputs.push_back(audio_format_);
    out.frame_bytes.push_back(stage::frame_bytes(audio_format_));
    out.own_buffers.push_back(1);
    out.keeps_reading.push_back(false);
  }
  return out;
}

// Rounds of a loop follow each other without a seam: all streams advance by the longest one's
// length, found in the packets, so that a restarted reader finds the same. It is spared to read
// them all again where its predecessor left word.
Timeline MediaReader::measure_round(stage::StageIo& io) {
  constexpr const char* kWord = "round_ns";
  if (settings_.loop == 1) {
    return {};
  }
  const auto& words = io.assignment().words;
  if (const auto known = words.find(kWord); known != words.end()) {
    return {std::stoll(known->second)};
  }
  io.count("measured");
  std::int64_t begin = INT64_MAX;
  std::int64_t end = INT64_MIN;
  media::Packet packet;
  while (demuxer_->read(packet) == media::ReadStatus::Packet) {
    const bool ours = (video_ && packet.stream() == video_->index) ||
                      (audio_ && packet.stream() == audio_->index);
    if (const auto pts = packet.pts_ns(); ours && pts) {
      begin = std::min(begin, *pts);
      std::int64_t length = packet.duration_ns();
      if (length == 0 && video_ && packet.stream() == video_->index) {
        length = nominal_frame_ns(video_->format);
      }
      end = std::max(end, *pts + length);
    }
  }
  if (!demuxer_->rewind()) {
    throw Error(ErrorCode::Open, "cannot loop '" + settings_.url + "': its source cannot seek");
  }
  const Timeline measured{end > begin ? end - begin : 0};
  io.leave_word(kWord, std::to_string(measured.round_ns));
  return measured;
}

// Rewinding may have opened the file anew: what a StreamInfo points to went with the old one.
void MediaReader::refresh_streams() {
  for (const media::StreamInfo& stream : demuxer_->streams()) {
    for (std::optional<media::StreamInfo>* ours : {&video_, &audio_}) {
      if (*ours && (*ours)->index == stream.index) {
        *ours = stream;
      }
    }
  }
}

void MediaReader::prepare(stage::StageIo& io) {
  std::vector<int> streams;
  if (video_) {
    streams.push_back(video_->index);
  }
  if (audio_) {
    streams.push_back(audio_->index);
  }
  demuxer_->select(streams);
  const Timeline timeline = measure_round(io);
  refresh_streams();
  std::size_t output = 0;
  if (video_) {
    video_output_ =
        std::make_unique<VideoOutput>(io, output++, *video_, settings_, video_format_, timeline);
  }
  if (audio_) {
    audio_output_ = std::make_unique<AudioOutput>(io, output++, *audio_, audio_format_, timeline);
  }
}

void MediaReader::run(stage::StageIo& io) {
  PacketFeed::Settings feed_settings;
  feed_settings.rounds = settings_.loop;
  feed_settings.spill_bytes = settings_.spill_bytes;
  std::vector<int> streams;
  std::vector<std::optional<ResumePoint>> resumes;
  const bool video = video_output_ && !video_output_->ended();
  const bool audio = audio_output_ && !audio_output_->ended();
  if (video) {
    streams.push_back(video_->index);
    resumes.push_back(video_output_->resume_point());
  }
  if (audio) {
    streams.push_back(audio_->index);
    resumes.push_back(audio_output_->resume_point());
  }
  if (streams.empty()) {
    return;
  }
  // The earliest place that any output still needs; each skips what its ring already has.
  if (std::all_of(resumes.begin(), resumes.end(), [](const auto& point) { return point; })) {
    feed_settings.first_round = INT64_MAX;
    for (const auto& point : resumes) {
      feed_settings.first_round = std::min(feed_settings.first_round, point->round);
    }
    for (std::size_t index = 0; index < resumes.size(); ++index) {
      if (resumes[index]->round == feed_settings.first_round) {
        feed_settings.resume.push_back({streams[index], resumes[index]->pts});
      }
    }
  }
  PacketFeed feed(*demuxer_, streams, feed_settings);
  std::exception_ptr failure;
  std::mutex failing;
  const std::int64_t first = feed_settings.first_round;
  const auto serve = [&](auto& output, std::size_t queue) {
    try {
      if (output.run(feed, queue, first) || io.stopping() || io.abandoned()) {
        output.finish();
      }
    } catch (...) {
      const std::lock_guard lock(failing);
      failure = failure ? failure : std::current_exception();
      feed.close();
    }
  };
  {
    std::jthread closer([&](const std::stop_token& done) { close_when_stopping(io, feed, done); });
    std::vector<std::jthread> threads;
    if (video) {
      threads.emplace_back([&] { serve(*video_output_, 0); });
    }
    if (audio) {
      threads.emplace_back([&] { serve(*audio_output_, video ? 1 : 0); });
    }
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  if (const std::string error = feed.error(); !error.empty()) {
    if (feed.broke()) {
      throw Error(ErrorCode::Open, error);
    }
    io.log(stage::Level::Error, error);
    io.count("source_errors");
  }
}

}  // namespace avrig::media_reader
