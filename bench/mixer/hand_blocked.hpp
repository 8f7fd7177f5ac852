// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>

namespace avrig::bench {

/// One voice of the hand-written loop: nothing but what the sum needs.
struct Plain {
  const float* data;
  std::size_t length;
  std::size_t at;
  float left;
  float right;
};

/// Sum all voices into two rows, four a pass, the next eight prefetched.
void hand_blocked(Plain* voices, std::size_t count, float* l, float* r, std::size_t n);

/// Only read what hand_blocked() reads: the floor that the memory sets.
float read_only(Plain* voices, std::size_t count, std::size_t n);

}  // namespace avrig::bench
