/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The avrig authors */
#pragma once

/** The two calls of the window module, found by name. 0 = good. */
#ifdef __cplusplus
extern "C" {
#endif

int avrig_window_open(const char* title, int width, int height);
/** `bgr`: height rows of width * 3 bytes, `stride` bytes apart. */
int avrig_window_show(const char* title, int width, int height, void* bgr, unsigned long stride);

#ifdef __cplusplus
}
#endif
