/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The avrig authors */

/** The header is C11, and C sees the sizes that C++ sees. */
#include <avrig/plugin.h>

#include <stddef.h>

const uint64_t kAbiSizesInC[] = {sizeof(avrig_plane),
                                 sizeof(avrig_frame),
                                 sizeof(avrig_format),
                                 sizeof(avrig_host),
                                 sizeof(avrig_parameter),
                                 sizeof(avrig_setting),
                                 sizeof(avrig_port),
                                 sizeof(avrig_traits),
                                 sizeof(avrig_configuration),
                                 sizeof(avrig_call),
                                 sizeof(avrig_component),
                                 sizeof(avrig_plugin_descriptor)};
