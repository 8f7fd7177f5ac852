/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The avrig authors */
#pragma once

/** The words that every part of avrig and every plug-in share: formats, frames, stamps.
 *
 * C11 and C++20. Fixed-width, standard-layout, no padding left to the compiler. A struct that
 * crosses the plug-in ABI begins with `struct_size`, set by whoever fills it, so that a newer
 * reader can tell what an older writer knew. */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a frame carries. */
enum {
  AVRIG_MEDIA_NONE = 0,
  AVRIG_MEDIA_AUDIO = 1,    /**< a block of planar float32 samples */
  AVRIG_MEDIA_VIDEO = 2,    /**< one picture */
  AVRIG_MEDIA_FEATURES = 3, /**< rows of float32 columns */
  AVRIG_MEDIA_PACKETS = 4   /**< opaque bytes */
};

/** How far a frame's capture time can be trusted, best first. */
enum {
  AVRIG_QUALITY_NONE = 0,
  AVRIG_QUALITY_DEVICE = 1,   /**< a mapped hardware clock */
  AVRIG_QUALITY_KERNEL = 2,   /**< the kernel's monotonic stamp */
  AVRIG_QUALITY_FILE_PTS = 3, /**< the file's own timeline; capture_ns counts from its zero */
  AVRIG_QUALITY_ARRIVAL = 4   /**< the moment it reached us */
};

/** Flags of a frame. */
enum {
  AVRIG_FRAME_DISCONTINUITY = 1u << 0, /**< the stream broke before this frame */
  AVRIG_FRAME_UNPROCESSED = 1u << 1,   /**< passed on without the stage's work */
  AVRIG_FRAME_QUARANTINED = 1u << 2,   /**< crashed a stage and was set aside */
  AVRIG_FRAME_KEY = 1u << 3,           /**< decodable on its own in its source */
  AVRIG_FRAME_HELD = 1u << 4,          /**< a repeat of the frame before (gates) */
  AVRIG_FRAME_SILENCE = 1u << 5,       /**< stands for silence or black (gates) */
  AVRIG_FRAME_LATE = 1u << 6           /**< came after its due time */
};

enum { AVRIG_MAX_PLANES = 4, AVRIG_MAX_CHANNELS = 64 };

/** The format of a stream: constant between two format changes. */
typedef struct avrig_format {
  uint32_t struct_size;
  uint32_t media;              /**< AVRIG_MEDIA_* */
  uint32_t sample_rate_hz;     /**< audio */
  uint32_t channels;           /**< audio */
  uint32_t block_samples;      /**< audio: the most samples one frame holds */
  uint32_t columns;            /**< features: values a row */
  uint64_t channel_mask;       /**< audio: FFmpeg's native channel layout bits; 0 = unknown */
  uint32_t width;              /**< video, pixels */
  uint32_t height;             /**< video, pixels */
  char pixel_format[16];       /**< video: FFmpeg's name, "yuv420p", "bgr24", ... */
  uint32_t frame_rate_num;     /**< video: nominal frames a second; 0/0 = variable */
  uint32_t frame_rate_den;
  uint32_t sample_aspect_num;  /**< video: pixel shape; 0/0 = unknown */
  uint32_t sample_aspect_den;
  uint32_t color_range;        /**< video: FFmpeg's AVCOL_* numbers, 0 or 2 = unspecified */
  uint32_t color_space;
  uint32_t color_primaries;
  uint32_t color_transfer;
  uint32_t max_rows;           /**< features: the most rows one frame holds */
  uint32_t max_packet_bytes;   /**< packets */
  char codec[32];              /**< packets: FFmpeg's codec name */
  char column_names[512];      /**< features: comma-separated, one a column */
} avrig_format;

/** One plane of a frame.
 *
 * Audio has one plane: row c is channel c, `stride_bytes` apart, each 64-byte aligned, float32.
 * Video has 1 to 4: `rows` lines, `stride_bytes` apart. Features: `rows` rows of `columns`
 * floats. Packets: one row. Rows are not tightly packed: use the stride. */
typedef struct avrig_plane {
  void* data;
  uint64_t size_bytes;
  uint32_t stride_bytes;
  uint32_t rows;
} avrig_plane;

/** One frame as a stage sees it: borrowed memory and the stamps beside it. */
typedef struct avrig_frame {
  uint32_t struct_size;
  uint32_t media;       /**< AVRIG_MEDIA_* */
  uint64_t sequence;    /**< its number in its ring */
  int64_t capture_ns;   /**< CLOCK_MONOTONIC ns of the first sample / start of exposure, or the
                             file's own time where quality is FILE_PTS */
  int64_t sigma_ns;     /**< standard deviation of capture_ns; 0 = exact (a file) */
  int64_t duration_ns;  /**< 0 = unknown */
  int64_t index;        /**< its first sample, or its picture number, since the stream began */
  uint64_t epoch;       /**< stretch of the stream in which one clock map holds */
  uint32_t quality;     /**< AVRIG_QUALITY_* */
  uint32_t flags;       /**< AVRIG_FRAME_* */
  uint32_t samples;     /**< audio: samples per channel; features: rows; packets: bytes */
  uint32_t planes;      /**< planes in use */
  avrig_plane plane[AVRIG_MAX_PLANES];
} avrig_frame;

#ifdef __cplusplus
}
#endif
