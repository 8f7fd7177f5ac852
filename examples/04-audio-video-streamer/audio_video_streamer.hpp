// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/pipeline.hpp>

#include <cstdint>
#include <string>

/// STREAM_PROCESSING's AudioVideoStreamer, its 17 parameters and their defaults, on avrig.
///
/// Where that system took Python callables, avrig takes processors: a built-in one's name, or a
/// library of yours ("./libvoice.so"; see docs/plugin-guide.md). Empty: the frames pass through.
struct StreamerOptions {
  std::string audio_callback;
  int audio_processing_size = 1024;           ///< samples a call
  int audio_pyaudio_input_device_index = 0;   ///< index among the JACK capture ports
  int audio_pyaudio_output_device_index = 1;  ///< kept; JACK's ports are chosen by name
  int audio_sampling_rate = 44100;
  int audio_record_buffersize = 1024;  ///< kept; the JACK server's period decides
  int audio_output_buffersize = 1024;  ///< period of the private JACK server, where one is started
  std::string video_callback;
  int video_processing_size = 10;  ///< kept; a processor that wants n pictures says so itself
  int video_opencv_input_device_index = 0;
  int video_maximum_fps = 30;
  double max_unsynced_time = 0.01;       ///< s
  bool video_output_virtual_cam = true;  ///< not yet to be had; says so, and goes on without
  bool video_output_window = false;
  bool use_audio = true;
  bool use_video = true;
  std::string log_queue;  ///< folder of the merged log; empty: avrig's own

  /// Beyond the 17: a file in place of the devices.
  std::string file;
};

/// Two lanes, read - process - sync - write each, presented together.
class AudioVideoStreamer {
 public:
  explicit AudioVideoStreamer(const StreamerOptions& options);

  void start() { pipeline_.start(); }
  void stop();
  void wait() { pipeline_.wait(); }
  [[nodiscard]] const avrig::Pipeline& pipeline() const noexcept { return pipeline_; }

 private:
  void add_sources();
  void add_audio();
  void add_video();

  StreamerOptions options_;
  avrig::Pipeline pipeline_{"audio-video-streamer"};
};
