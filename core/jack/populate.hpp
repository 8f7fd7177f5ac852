// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

namespace avrig::jack {

/// Have the pages of our program, of libjack and of the C library in memory, so that the callback
/// never waits for one that it is the first to run or to look at. Without effect on old kernels.
///
/// Thread: control
void populate_program() noexcept;

}  // namespace avrig::jack
