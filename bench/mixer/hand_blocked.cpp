// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "hand_blocked.hpp"

#include <cstring>

namespace avrig::bench {

void hand_blocked(
    Plain* voices, std::size_t count, float* __restrict l, float* __restrict r, std::size_t n) {
  std::memset(l, 0, n * sizeof(float));
  std::memset(r, 0, n * sizeof(float));
  std::size_t v = 0;
  for (; v + 4 <= count; v += 4) {
    const float* x[4];
    for (std::size_t k = 0; k < 4; ++k) {
      Plain& one = voices[v + k];
      one.at = one.at + n > one.length ? 0 : one.at;
      x[k] = one.data + one.at;
      one.at += n;
      if (v + k + 8 < count) {
        const Plain& ahead = voices[v + k + 8];
        for (std::size_t i = 0; i < n; i += 16) {
          __builtin_prefetch(ahead.data + ahead.at + i);
        }
      }
    }
    const float* __restrict a = x[0];
    const float* __restrict b = x[1];
    const float* __restrict c = x[2];
    const float* __restrict d = x[3];
    const float al = voices[v].left, ar = voices[v].right;
    const float bl = voices[v + 1].left, br = voices[v + 1].right;
    const float cl = voices[v + 2].left, cr = voices[v + 2].right;
    const float dl = voices[v + 3].left, dr = voices[v + 3].right;
    for (std::size_t i = 0; i < n; ++i) {
      l[i] += a[i] * al + b[i] * bl + c[i] * cl + d[i] * dl;
      r[i] += a[i] * ar + b[i] * br + c[i] * cr + d[i] * dr;
    }
  }
  for (; v < count; ++v) {
    Plain& one = voices[v];
    one.at = one.at + n > one.length ? 0 : one.at;
    for (std::size_t i = 0; i < n; ++i) {
      l[i] += one.data[one.at + i] * one.left;
      r[i] += one.data[one.at + i] * one.right;
    }
    one.at += n;
  }
}

float read_only(Plain* voices, std::size_t count, std::size_t n) {
  float sum = 0.0F;
  for (std::size_t v = 0; v < count; ++v) {
    Plain& one = voices[v];
    one.at = one.at + n > one.length ? 0 : one.at;
    for (std::size_t i = 0; i < n; ++i) {
      sum += one.data[one.at + i];
    }
    one.at += n;
  }
  return sum;
}

}  // namespace avrig::bench
