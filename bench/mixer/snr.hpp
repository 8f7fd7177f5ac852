// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

namespace avrig::bench {

/// How clean each interpolation is: a sum of tones played at several pitches through the engine and
/// through OpenAL Soft. What the tones themselves, at the pitch they ought to have, do not explain
/// of the output is noise.
void measure_snr();

}  // namespace avrig::bench
