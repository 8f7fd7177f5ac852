// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "media_writer.hpp"

#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

namespace avrig::media_writer {
namespace {

using nlohmann::json;

// Frames that an encoder set for live use may keep; one that looks ahead keeps many more.
constexpr std::uint32_t kVideoHolds = 4;
constexpr std::uint32_t kVideoHoldsLookahead = 80;
constexpr std::uint32_t kAudioHolds = 48;
// Live, a track that has nothing is waited for so long, to keep the file's order; then the others
// go on, or the sound would wait for a picture that hangs, and with it whoever plays it.
constexpr std::int64_t kInterleaveNs = 250'000'000;

// Under which a successor finds what the parts hold.
constexpr const char* kKnownParts = "parts";

WriterSettings settings_from(const json& with) {
  WriterSettings settings;
  settings.url = with.value("url", "");
  settings.container = with.value("container", "");
  settings.video_codec = with.value("video_codec", "");
  settings.audio_codec = with.value("audio_codec", "");
  settings.pixel_format = with.value("pixel_format", "");
  settings.preset = with.value("preset", "");
  settings.crf = with.value("crf", std::int64_t{-1});
  settings.bit_rate = with.value("bit_rate", std::int64_t{0});
  settings.threads = with.value("threads", std::int64_t{0});
  settings.lossless = with.value("lossless", false);
  settings.bitexact = with.value("bitexact", false);
  return settings;
}

std::string standard_audio_codec(const std::string& container) {
  if (container == "mp4" || container == "mov" || container == "ipod") {
    return "aac";
  }
  if (container == "webm" || container == "ogg" || container == "opus") {
    return "libopus";
  }
  return container == "flac" ? "flac" : "pcm_f32le";
}

std::string standard_video_codec(const std::string& container) {
  return container == "webm" ? "libvpx-vp9" : "libx264";
}

}  // namespace

std::vector<stage::ParameterDescription> MediaWriter::parameters(const stage::Request&) {
  auto url =
      stage::parameter("url", "path", "", "the file to write; an existing one is never touched");
  url.required = true;
  return {
      url,
      stage::parameter("container",
                       "string",
                       "",
                       "FFmpeg's name: matroska, nut (exact times), mp4 (fragmented), wav, ...; "
                       "empty = by the file name's ending"),
      stage::parameter("video_codec",
                       "string",
                       "",
                       "FFmpeg's name: libx264 (most), libvpx-vp9 (webm), ffv1, ...; empty = what "
                       "suits the container"),
      stage::parameter(
          "audio_codec",
          "string",
          "",
          "FFmpeg's name: pcm_f32le (mkv, nut, wav), aac (mp4), libopus (webm, ogg), flac, "
          "pcm_s16le, pcm_s24le, ...; empty = what suits the container"),
      stage::parameter("pixel_format", "string", "", "stored pixel format; empty = the nearest"),
      stage::parameter("preset", "string", "", "libx264: speed against size; empty = veryfast"),
      stage::parameter("crf", "int", "-1", "libx264: quality 0 (lossless) to 51; -1 = 20"),
      stage::parameter("bit_rate", "int", "0", "bits a second; 0 = by quality"),
      stage::parameter("threads", "int", "0", "encoder threads; 0 = one a core"),
      stage::parameter("lossless", "bool", "false", "refuse whatever would lose anything"),
      stage::parameter("bitexact", "bool", "false", "the same input gives the same bytes")};
}

stage::Description MediaWriter::describe(const stage::Request& request) {
  media::set_ffmpeg_log(media::FfmpegLog::Silent);
  settings_ = settings_from(json::parse(request.parameters));
  if (settings_.url.empty()) {
    throw Error(ErrorCode::Spec, "'write: media' needs 'with: {url: FILE}'");
  }
  traits_ = media::container_traits(settings_.container, settings_.url);
  if (settings_.audio_codec.empty()) {
    settings_.audio_codec = standard_audio_codec(traits_.name);
  }
  if (settings_.video_codec.empty()) {
    settings_.video_codec = standard_video_codec(traits_.name);
  }
  stage::Description description;
  description.work = stage::Work::Looker;
  description.many_inputs = true;
  description.parameters = parameters(request);
  stage::InputPort port;
  port.name = "in";
  port.holds = kAudioHolds;
  description.inputs.push_back(port);
  return description;
}

media::EncoderSettings MediaWriter::encoder_settings(const avrig_format& format) const {
  media::EncoderSettings out;
  out.input = format;
  out.lossless = settings_.lossless;
  out.bitexact = settings_.bitexact;
  out.threads = static_cast<int>(settings_.threads);
  if (format.media == AVRIG_MEDIA_VIDEO) {
    out.codec = settings_.video_codec;
    out.pixel_format = settings_.pixel_format;
    out.bit_rate = settings_.bit_rate;
    if (settings_.crf >= 0) {
      out.options["crf"] = std::to_string(settings_.crf);
    }
    if (!settings_.preset.empty()) {
      out.options["preset"] = settings_.preset;
    }
  } else {
    out.codec = settings_.audio_codec;
  }
  return out;
}

stage::Configured MediaWriter::configure(std::span<const avrig_format> inputs,
                                         std::span<const stage::Wish>) {
  stage::Configured out;
  for (const avrig_format& format : inputs) {
    if (format.media != AVRIG_MEDIA_AUDIO && format.media != AVRIG_MEDIA_VIDEO) {
      throw Error(ErrorCode::Spec,
                  "'write: media' records audio and video; for features use 'write: csv'");
    }
    // Say now what the codec would refuse later.
    (void)media::Encoder(encoder_settings(format));
    const bool is_prompt = media::is_prompt_encoder(settings_.video_codec);
    out.holds.push_back(format.media == AVRIG_MEDIA_AUDIO ? kAudioHolds
                        : is_prompt                       ? kVideoHolds
                                                          : kVideoHoldsLookahead);
  }
  return out;
}

void MediaWriter::open_part() {
  media::MuxerOptions options;
  options.container = settings_.container;
  options.bitexact = settings_.bitexact;
  options.marks = traits_.text_marks && tracks_.size() > 1;
  muxer_ = std::make_unique<media::Muxer>(parts_->open_next(), options);
  for (auto& track : tracks_) {
    (void)track->add_to(*muxer_);
  }
  muxer_->begin();
}

void MediaWriter::prepare(stage::StageIo& io) {
  for (std::size_t input = 0; input < io.inputs(); ++input) {
    tracks_.push_back(std::make_unique<Track>(io, input, encoder_settings(io.input_format(input))));
  }
  parts_.emplace(settings_.url);
  if (io.assignment().generation > 0) {
    const auto& words = io.assignment().words;
    const auto known = words.find(kKnownParts);
    io.count("parts_read",
             static_cast<std::int64_t>(
                 parts_->read(tracks_.size(), known == words.end() ? "" : known->second)));
    io.leave_word(kKnownParts, parts_->known());
    for (std::size_t index = 0; index < tracks_.size(); ++index) {
      tracks_[index]->resume_after(parts_->recorded()[index], traits_);
    }
  }
  open_part();
  if (parts_->count() > 1) {
    io.log(stage::Level::Info,
           "goes on in part " + std::to_string(parts_->count() - 1) + ", '" + muxer_->path() + "'");
  }
}

bool MediaWriter::all_ended() noexcept {
  return std::all_of(
      tracks_.begin(), tracks_.end(), [](const auto& track) { return track->finished(); });
}

// Some track has nothing, another has.
bool MediaWriter::may_go_on_without(const stage::StageIo& io) {
  if (io.assignment().offline) {
    return false;
  }
  const std::int64_t now_ns = monotonic_ns();
  if (missing_since_ns_ == 0) {
    missing_since_ns_ = now_ns;
  }
  return io.assignment().live || io.stopping() || now_ns - missing_since_ns_ >= kInterleaveNs;
}

// The track to write next, in the order of time, ties by input: only when every track that goes on
// has shown its next frame. Offline without exception, so that a run is the same twice; where files
// feed a live run, within a bound; where devices do, whichever has one.
Track* MediaWriter::choose(stage::StageIo& io) {
  Track* first = nullptr;
  bool all_there = true;
  for (auto& track : tracks_) {
    if (track->finished()) {
      continue;
    }
    if (!track->peek()) {
      if (track->ended()) {
        track->finish(*muxer_);
      } else {
        all_there = false;
      }
      continue;
    }
    if (first == nullptr || track->peeked_ns() < first->peeked_ns()) {
      first = track.get();
    }
  }
  if (all_there) {
    missing_since_ns_ = 0;
    return first;
  }
  return first != nullptr && may_go_on_without(io) ? first : nullptr;
}

void MediaWriter::wait_for_frames(stage::StageIo& io) {
  const auto any_ready = [&] {
    return std::any_of(tracks_.begin(), tracks_.end(), [](const auto& track) {
      return !track->finished() && !track->has_peeked() && track->follower().ready();
    });
  };
  if (any_ready()) {
    return;
  }
  // What only waits for other streams' packets holds memory that a maker may be waiting for.
  (void)muxer_->flush();
  for (auto& track : tracks_) {
    track->release(*muxer_);
  }
  const bool holds = std::any_of(
      tracks_.begin(), tracks_.end(), [](const auto& track) { return track->has_peeked(); });
  const std::int64_t deadline_ns = holds && !io.assignment().offline
                                       ? missing_since_ns_ + kInterleaveNs
                                       : stage::StageIo::kForever;
  (void)io.wait(io.waiter(), any_ready, deadline_ns);
}

void MediaWriter::write_marks(stage::StageIo& io) {
  for (const stage::Mark& mark : io.take_marks()) {
    if (muxer_->write_mark(mark.time_ns - io.assignment().started_ns, mark.text) !=
        media::WriteStatus::Ok) {
      io.log(stage::Level::Warning, "a mark could not be written: " + muxer_->error());
    }
  }
}

void MediaWriter::run(stage::StageIo& io) {
  while (!all_ended() && !io.abandoned()) {
    if (io.ordered()) {
      io.apply_orders();
    }
    write_marks(io);
    if (Track* track = choose(io)) {
      track->write(*muxer_);
    } else if (!all_ended()) {
      wait_for_frames(io);
    }
  }
  close(io);
}

void MediaWriter::close(stage::StageIo& io) {
  for (auto& track : tracks_) {
    track->finish(*muxer_);
  }
  if (muxer_->finish() != media::WriteStatus::Ok) {
    throw Error(ErrorCode::Open, "cannot finish '" + muxer_->path() + "': " + muxer_->error());
  }
  if (!muxer_->has_packets()) {
    parts_->forget_last();
  }
  const bool nothing = !muxer_->has_packets() && parts_->nothing_recorded();
  muxer_.reset();
  if (nothing) {
    parts_->remove_all();
    io.count("no_file");
    io.log(stage::Level::Warning,
           "no frame came before the end: nothing was recorded, and there is no '" +
               parts_->target() + "'");
    return;
  }
  if (io.abandoned()) {
    return;  // no time to join: the parts are whole, each plays
  }
  if (const std::size_t joined = parts_->join(settings_.container, settings_.bitexact)) {
    io.log(stage::Level::Info,
           "joined " + std::to_string(joined) + " parts into '" + parts_->target() + "'");
  }
  for (auto& track : tracks_) {
    track->follower().release_all();
  }
}

}  // namespace avrig::media_writer
