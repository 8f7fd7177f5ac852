// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "window_module.h"

#include <opencv2/core.hpp>
#include <opencv2/highgui.hpp>

// No exception leaves: the caller is another library.

extern "C" __attribute__((visibility("default"))) int avrig_window_open(const char* title,
                                                                        int width,
                                                                        int height) {
  try {
    cv::namedWindow(title, cv::WINDOW_NORMAL | cv::WINDOW_KEEPRATIO | cv::WINDOW_GUI_NORMAL);
    cv::resizeWindow(title, width, height);
    return 0;
  } catch (const cv::Exception&) {
    return -1;
  }
}

extern "C" __attribute__((visibility("default"))) int avrig_window_show(
    const char* title, int width, int height, void* bgr, unsigned long stride) {
  try {
    cv::imshow(title, cv::Mat(height, width, CV_8UC3, bgr, stride));
    cv::waitKey(1);
    return 0;
  } catch (const cv::Exception&) {
    return -1;
  }
}
