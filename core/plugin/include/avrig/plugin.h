/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The avrig authors */
#pragma once

/** The plug-in ABI of avrig, version 1.0: readers, processors and writers as shared libraries.
 *
 * A library exports one symbol, avrig_plugin_entry(), which returns a constant descriptor with one
 * table (avrig_component) for each thing it offers. Plug-ins link to nothing of avrig. C++ authors
 * want <avrig/plugin.hpp>, the skin over this header.
 *
 * Rules that hold everywhere:
 *  - Structs begin with `struct_size` = sizeof as its filler knew it. Within a major version fields
 *    are only appended, so what lies beyond struct_size is absent. In arrays of structs the stride
 *    is the struct_size of the first element.
 *  - Strings are UTF-8. A null string means the empty string. Who allocates, frees.
 *  - Nothing is thrown across a call. A call that fails returns AVRIG_ERROR (create: null), and
 *    says why with host->set_error.
 *  - All calls on one instance come from one thread, one at a time, in this order:
 *    create describe { configure start process* drain* stop }* destroy. set_parameter comes between
 *    any two of them after create, discontinuity between start and stop. configure may be repeated
 *    before start while formats are negotiated. The instance is in a process of its own. */

#include <avrig/types.h>

#ifdef __cplusplus
#define AVRIG_NOEXCEPT noexcept
extern "C" {
#else
#define AVRIG_NOEXCEPT
#endif

#define AVRIG_EXPORT __attribute__((visibility("default")))

enum { AVRIG_PLUGIN_MAGIC = 0x41565247, AVRIG_ABI_MAJOR = 1, AVRIG_ABI_MINOR = 0 };
enum { AVRIG_MAX_PORTS = 16, AVRIG_MAX_CALL_FRAMES = 64 };

/** What a component is. */
enum { AVRIG_READER = 1, AVRIG_PROCESSOR = 2, AVRIG_WRITER = 3 };

/** What a call came to. describe, configure, start, stop, set_parameter, discontinuity: OK, ERROR.
 */
enum {
  AVRIG_OK = 0,    /**< done; process, drain: the frames in `produced` go out */
  AVRIG_DROP = 1,  /**< no frame for this input: dropped, published empty, counted */
  AVRIG_MORE = 2,  /**< the input is taken, nothing comes of it yet; readers: nothing there now */
  AVRIG_AGAIN = 3, /**< like OK, and this input (or drain) has more: call again with it */
  AVRIG_END = 4,   /**< readers: the source is at its end; drain: the tail is out. No frame */
  AVRIG_ERROR = -1 /**< it failed; process: this frame failed and counts as dropped */
};

/** How a processor treats frames (avrig_traits.work). */
enum {
  AVRIG_MAKER = 0,  /**< writes new frames of its own; its inputs are read-only memory */
  AVRIG_EDITOR = 1, /**< changes the frame where it lies: one input, outputs[0] is that frame */
  AVRIG_LOOKER = 2  /**< only reads */
};

/** How an edit that a crash left half done is healed before the frame is edited again. */
enum {
  AVRIG_HEAL_NONE = 0,
  AVRIG_HEAL_RERUN = 1, /**< editing twice gives what editing once gives */
  AVRIG_HEAL_UNDO = 2   /**< the host keeps a copy of the region (see avrig_configuration) */
};

/** When a processor with several inputs is called. Absent inputs are null. */
enum { AVRIG_TRIGGER_ALL = 0, AVRIG_TRIGGER_ANY = 1, AVRIG_TRIGGER_PAIRED = 2 };

enum {                                /* avrig_traits.flags */
       AVRIG_TRAIT_LIVE = 1u << 0,    /**< reader: a device, which cannot be read again */
       AVRIG_TRAIT_PRESENTS = 1u << 1 /**< writer: called when a frame is due, not as it comes */
};

enum {                               /* avrig_port.flags */
       AVRIG_PORT_OPTIONAL = 1u << 0 /**< the pipeline need not connect it */
};

enum {                                    /* avrig_parameter.flags */
       AVRIG_PARAMETER_LIVE = 1u << 0,    /**< may change while running, by set_parameter */
       AVRIG_PARAMETER_REQUIRED = 1u << 1 /**< has no default */
};

enum {                              /* avrig_host.flags */
       AVRIG_HOST_OFFLINE = 1u << 0 /**< nothing waits for a clock; same input, same bits */
};

enum { AVRIG_LOG_DEBUG = 0, AVRIG_LOG_INFO = 1, AVRIG_LOG_WARNING = 2, AVRIG_LOG_ERROR = 3 };

/** Why discontinuity() is called. A new format is no such case: drain, stop, configure, start. */
enum { AVRIG_BREAK_GAP = 1, AVRIG_BREAK_EPOCH = 2, AVRIG_BREAK_SOURCE = 3 };

/** What the host does for a plug-in. Outlives the instance. Not one of the calls blocks; `log` and
 * `set_error` are not for every frame, `now_ns` and `count` are. */
typedef struct avrig_host {
  uint32_t struct_size;
  uint32_t flags;         /**< AVRIG_HOST_* */
  void* context;          /**< the first argument of the calls below */
  const char* stage_id;   /**< the stage's id in the pipeline file */
  const char* run_folder; /**< this run's dated folder; empty when there is none */
  void (*log)(void* context, uint32_t level, const char* text) AVRIG_NOEXCEPT;
  /** Why the call that is about to return AVRIG_ERROR (or null) failed. Copied. */
  void (*set_error)(void* context, const char* text) AVRIG_NOEXCEPT;
  int64_t (*now_ns)(void* context) AVRIG_NOEXCEPT; /**< CLOCK_MONOTONIC, or the virtual clock */
  /** Add to a counter shown in the report. `name` must stay valid (a literal). */
  void (*count)(void* context, const char* name, uint64_t n) AVRIG_NOEXCEPT;
} avrig_host;

/** One published parameter. Values are text in *canonical* form everywhere in this ABI:
 *
 *   bool true|false   int 12   float 0.5   string, path, enum: itself   duration ns   frequency Hz
 *   size bytes   level dB   ratio 0.5 (for 50%)   rate 30/1   list: items, comma-separated
 *
 * Users write units (`-6dB`, `20ms`); the host converts, checks the range and fills defaults. */
typedef struct avrig_parameter {
  uint32_t struct_size;
  uint32_t flags;            /**< AVRIG_PARAMETER_* */
  const char* name;          /**< lower-case, words joined by `-` or `_` */
  const char* type;          /**< one of the words above */
  const char* default_value; /**< canonical; null = none */
  const char* minimum;       /**< canonical; null = unbounded */
  const char* maximum;
  const char* choices; /**< enum: comma-separated */
  const char* unit;    /**< of int and float, for display */
  const char* doc;     /**< one line */
} avrig_parameter;

/** One resolved value: given in the pipeline, or the default. */
typedef struct avrig_setting {
  uint32_t struct_size;
  uint32_t reserved;
  const char* name;
  const char* value; /**< canonical */
} avrig_setting;

/** One input or output. */
typedef struct avrig_port {
  uint32_t struct_size;
  uint32_t media;   /**< AVRIG_MEDIA_*; on an input NONE = any */
  const char* name; /**< unique on its side; `stage/name` in the pipeline file */
  /** What an input takes or an output can give, best first, comma-separated; empty = any. */
  const char* pixel_formats; /**< FFmpeg's names */
  const char* sample_rates;  /**< Hz */
  const char* channels;
  uint32_t flags; /**< AVRIG_PORT_* */
  /** Inputs: exact blocks, 0 = as they come. Audio: each frame has exactly so many samples. Others:
   * each call gets so many frames, in consecutive entries of `inputs`. The host carries the rest
   * over; the last block of a stream may be shorter (fewer samples; null entries at the end).
   * Outputs (not audio): frames a call may fill, in consecutive entries of `outputs`; 0 = 1. */
  uint32_t block;
} avrig_port;

/** What describe() answers; zeroed by the host but for struct_size. What the pointers name belongs
 * to the instance and stays until destroy. */
typedef struct avrig_traits {
  uint32_t struct_size;
  uint32_t
      work; /**< AVRIG_MAKER, AVRIG_EDITOR, AVRIG_LOOKER; readers are makers, writers lookers */
  uint32_t heal;        /**< editors: AVRIG_HEAL_* */
  uint32_t trigger;     /**< several inputs: AVRIG_TRIGGER_* */
  int64_t tolerance_ns; /**< AVRIG_TRIGGER_PAIRED: how far the capture times may be apart */
  uint32_t flags;       /**< AVRIG_TRAIT_* */
  uint32_t input_count;
  uint32_t output_count;
  uint32_t reserved;
  const avrig_port* inputs;
  const avrig_port* outputs;
} avrig_traits;

/** The question and answer of configure(). The host fills the counts and the inputs, and presets
 * each output with the format of the first input of its medium (readers: with what the graph asks
 * for, zero where it is free), and the rest with 0 but max_outputs with 1. */
typedef struct avrig_configuration {
  uint32_t struct_size;
  uint32_t input_count;
  uint32_t output_count;
  /** The most frames one input may give on one output (by AVRIG_AGAIN). */
  uint32_t max_outputs;
  const avrig_format* const* inputs; /**< by port; null = not connected */
  avrig_format* const* outputs;      /**< by port; the plug-in completes them */
  /** How much later than its stamp a sample or picture comes out; subtracted from the stamps.
   * Both add up; samples are of the first audio input. */
  int64_t delay_ns;
  int64_t delay_samples;
  /** Earlier frames per input that bring a restarted instance into the state of the one that died:
   * they are processed again, unpublished. UINT32_MAX = the whole stream. */
  uint32_t history;
  uint32_t tail;         /**< frames that drain may give per output */
  uint32_t keep_outputs; /**< published frames that process() still reads (reference pictures) */
  uint32_t undo_x;       /**< AVRIG_HEAL_UNDO: the region of the picture that it changes, pixels */
  uint32_t undo_y;
  uint32_t undo_width; /**< 0 = all of the frame (always so for audio) */
  uint32_t undo_height;
  uint32_t reserved;
} avrig_configuration;

/** One call of process() or drain(). Frames are borrowed until it returns.
 *
 * Entries lie port after port, `max(1, block)` of them a port (audio: one). Outputs arrive with
 * memory claimed for the configured format (contents undefined) and with *stamps preset*: those of
 * the first input present, less the declared delay; a further output of the same input begins
 * where the last one ended (audio) or shares its stamps. `samples` is preset to the input's, or to
 * the most that fits. **What stands in the frame on return is what is published**: a plug-in may
 * lower `samples`, set capture_ns, sigma_ns, quality and duration_ns, and add the flags
 * DISCONTINUITY and KEY; nothing else is taken. Readers find the stamps zero; where quality is
 * still NONE the host stamps the frame (live: arrival; else the stream's own time, from its count).
 * An editor's stamps and samples are its input's and stay so. */
typedef struct avrig_call {
  uint32_t struct_size;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t reserved;
  const avrig_frame* const* inputs; /**< null where absent. Their memory is read-only */
  avrig_frame* const* outputs;      /**< editors: one, the input's own memory, writable */
  uint64_t produced;                /**< out: bit i = outputs[i] is valid; preset to all */
  int64_t wait_ns; /**< out, readers with MORE: ask again after this long; 0 = soon */
} avrig_call;

/** One reader, processor or writer. Calls marked * may be null. */
typedef struct avrig_component {
  uint32_t struct_size;
  uint32_t role;    /**< AVRIG_READER, AVRIG_PROCESSOR, AVRIG_WRITER */
  const char* name; /**< lower-case, words joined by `-` or `_` */
  const char* summary;
  const avrig_parameter* parameters;
  uint32_t parameter_count;
  uint32_t reserved;

  /** Make an instance, and open what must be open to describe it. Null: failed. */
  void* (*create)(const avrig_host* host,
                  const avrig_setting* settings,
                  uint32_t count)AVRIG_NOEXCEPT;
  int32_t (*describe)(void* self, avrig_traits* traits) AVRIG_NOEXCEPT;
  int32_t (*configure)(void* self, avrig_configuration* configuration) AVRIG_NOEXCEPT; /**< * */
  int32_t (*start)(void* self)
      AVRIG_NOEXCEPT; /**< * begin of a stream: reset state, pre-allocate */
  /** One step. RT-safe: no allocation, lock, log. Readers get no inputs, writers no outputs. */
  int32_t (*process)(void* self, avrig_call* call) AVRIG_NOEXCEPT;
  /** * The tail at the end of a stream (no inputs): called while it returns AVRIG_AGAIN; OK and END
   * end it, OK with a last frame. */
  int32_t (*drain)(void* self, avrig_call* call) AVRIG_NOEXCEPT;
  /** * The stream of one input broke before its next frame (AVRIG_BREAK_*). */
  int32_t (*discontinuity)(void* self, uint32_t input, uint32_t reason) AVRIG_NOEXCEPT;
  int32_t (*stop)(void* self) AVRIG_NOEXCEPT; /**< * end of a stream: flush, close */
  /** * A live parameter changes, between two frames. */
  int32_t (*set_parameter)(void* self, const char* name, const char* value) AVRIG_NOEXCEPT;
  void (*destroy)(void* self) AVRIG_NOEXCEPT;
} avrig_component;

/** What the entry returns; constant and static. The first three words never move, in any version.
 */
typedef struct avrig_plugin_descriptor {
  uint32_t struct_size;
  uint32_t abi_major; /**< AVRIG_ABI_MAJOR at the plug-in's build; another one is refused */
  uint32_t abi_minor; /**< AVRIG_ABI_MINOR at the plug-in's build; any is taken */
  uint32_t magic;     /**< AVRIG_PLUGIN_MAGIC */
  uint32_t component_count;
  uint32_t reserved;
  const avrig_component* const* components;
  const char* version; /**< the library's own, for people */
} avrig_plugin_descriptor;

/** The one exported symbol. Runs no other code of the plug-in. */
AVRIG_EXPORT const avrig_plugin_descriptor* avrig_plugin_entry(void) AVRIG_NOEXCEPT;

#ifdef __cplusplus
}
#endif
