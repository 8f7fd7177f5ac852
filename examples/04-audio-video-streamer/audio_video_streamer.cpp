// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "audio_video_streamer.hpp"

#include <cstdio>

namespace {

constexpr std::int64_t kMaxDelayNs = 500'000'000;

}  // namespace

AudioVideoStreamer::AudioVideoStreamer(const StreamerOptions& options) : options_(options) {
  if (options_.video_output_virtual_cam && options_.use_video) {
    std::fprintf(stderr, "no virtual camera in this version: pictures go to the window only\n");
  }
  pipeline_.group(
      "streamer", -1, kMaxDelayNs, static_cast<std::int64_t>(options_.max_unsynced_time * 1e9));
  if (!options_.log_queue.empty()) {
    pipeline_.run_folder(options_.log_queue);
  }
  add_sources();
  if (options_.use_audio) {
    add_audio();
  }
  if (options_.use_video) {
    add_video();
  }
}

// One demuxer reads both streams of a file; devices are read by a stage each.
void AudioVideoStreamer::add_sources() {
  if (!options_.file.empty()) {
    pipeline_.read(
        "file",
        "media",
        {{"url", options_.file}, {"audio", options_.use_audio}, {"video", options_.use_video}});
    return;
  }
  if (options_.use_audio) {
    pipeline_.read("microphone",
                   "jack",
                   {{"device", std::int64_t{options_.audio_pyaudio_input_device_index}}});
  }
  if (options_.use_video) {
    pipeline_.read(
        "camera", "camera", {{"device", std::int64_t{options_.video_opencv_input_device_index}}});
  }
}

void AudioVideoStreamer::add_audio() {
  const std::string source = options_.file.empty() ? "microphone" : "file/audio";
  // Mono at the asked rate, in batches of exactly so many samples, as that system had it.
  pipeline_.process("audio-format",
                    "avfilter",
                    {source},
                    {{"chain",
                      "aresample=" + std::to_string(options_.audio_sampling_rate) +
                          ",aformat=sample_fmts=fltp:channel_layouts=mono,asetnsamples=n=" +
                          std::to_string(options_.audio_processing_size) + ":p=0"}});
  std::string lane = "audio-format";
  if (!options_.audio_callback.empty()) {
    pipeline_.process("audio", options_.audio_callback, {lane});
    lane = "audio";
  }
  pipeline_.sync("audio-sync", "streamer", lane);
  pipeline_.write("audio-out", "jack", {"audio-sync"});
}

void AudioVideoStreamer::add_video() {
  const std::string source = options_.file.empty() ? "camera" : "file/video";
  pipeline_.process(
      "video-cap",
      "avfilter",
      {source},
      {{"chain", "fps=fps=min(source_fps\\," + std::to_string(options_.video_maximum_fps) + ")"}});
  std::string lane = "video-cap";
  if (!options_.video_callback.empty()) {
    pipeline_.process("video", options_.video_callback, {lane});
    lane = "video";
  }
  pipeline_.sync("video-sync", "streamer", lane);
  pipeline_.write("video-out",
                  "display",
                  {"video-sync"},
                  {{"to", std::string(options_.video_output_window ? "window" : "none")}});
}

void AudioVideoStreamer::stop() {
  pipeline_.stop();
}
