// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#define AVRIG_MIXER_KERNELS kernels_avx2
#include "kernels_impl.inc"
