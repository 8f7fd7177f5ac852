// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "audio_video_streamer.hpp"
#include <avrig/error.hpp>

#include <cstdio>

/// audio_video_streamer FILE [AUDIO_PROCESSOR [VIDEO_PROCESSOR]]
int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FILE [AUDIO_PROCESSOR [VIDEO_PROCESSOR]]\n", argv[0]);
    return 1;
  }
  StreamerOptions options;
  options.file = argv[1];
  options.audio_callback = argc > 2 ? argv[2] : "";
  options.video_callback = argc > 3 ? argv[3] : "";
  options.video_output_virtual_cam = false;
  try {
    AudioVideoStreamer streamer(options);
    streamer.start();
    streamer.wait();
    std::printf("%s\n", streamer.pipeline().last_run_folder().c_str());
  } catch (const avrig::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
