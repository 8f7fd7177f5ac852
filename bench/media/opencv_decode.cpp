// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// opencv_decode FILE: the usual VideoCapture loop, through OpenCV's FFmpeg backend.

#include <cstdio>

#include <opencv2/core.hpp>
#include <opencv2/videoio.hpp>

int main(int argc, char** argv) {
  cv::VideoCapture capture(argc > 1 ? argv[1] : "", cv::CAP_FFMPEG);
  if (!capture.isOpened()) {
    std::fprintf(stderr, "usage: opencv_decode FILE\n");
    return 1;
  }
  cv::Mat picture;
  long frames = 0;
  while (capture.read(picture)) {
    ++frames;
  }
  std::printf("{\"frames\": %ld}\n", frames);
  return 0;
}
