// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "plane_blur.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

// Where several builds of a function may stand side by side, the widest that the machine has runs.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define AVRIG_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define AVRIG_WIDE
#endif
#define AVRIG_INLINE inline __attribute__((always_inline))

namespace avrig::gaussian {

namespace {

/// Pixels and sums have seven bits after the point, weights sixteen. The product keeps its high
/// half, which drops half a unit on average: `bias` puts that back.
AVRIG_INLINE std::uint16_t times(std::uint32_t pixels_q7, std::uint16_t weight) {
  return static_cast<std::uint16_t>((pixels_q7 * weight) >> 16);
}

AVRIG_INLINE std::uint16_t sum_of(std::uint16_t a, std::uint16_t b) {
  return static_cast<std::uint16_t>(a + b);
}

/// The loops for one radius, unrolled by it.
template <std::uint32_t kRadius>
AVRIG_INLINE void down_fixed(const std::uint8_t* const* __restrict lines,
                             const std::uint16_t* __restrict weights,
                             std::uint16_t* __restrict row,
                             std::size_t n) {
  const std::uint8_t* line[2 * kRadius + 1];
  std::uint16_t weight[kRadius + 1];
  std::copy_n(lines, 2 * kRadius + 1, line);
  std::copy_n(weights, kRadius + 1, weight);
  for (std::size_t x = 0; x < n; ++x) {
    std::uint16_t sum = (kRadius + 1) / 2;
    sum = sum_of(sum, times(static_cast<std::uint16_t>(line[kRadius][x] << 7), weight[0]));
    for (std::uint32_t k = 1; k <= kRadius; ++k) {
      const auto pair =
          static_cast<std::uint16_t>((line[kRadius - k][x] + line[kRadius + k][x]) << 7);
      sum = sum_of(sum, times(pair, weight[k]));
    }
    row[x] = sum;
  }
}

template <std::uint32_t kRadius>
AVRIG_INLINE void across_fixed(const std::uint16_t* __restrict row,
                               const std::uint16_t* __restrict weights,
                               std::uint8_t* __restrict to,
                               std::size_t n,
                               std::size_t step) {
  std::uint16_t weight[kRadius + 1];
  std::copy_n(weights, kRadius + 1, weight);
  for (std::size_t x = 0; x < n; ++x) {
    std::uint16_t sum = 64 + (kRadius + 1) / 2;
    sum = sum_of(sum, times(row[x], weight[0]));
    for (std::uint32_t k = 1; k <= kRadius; ++k) {
      sum = sum_of(sum, times(sum_of(row[x - k * step], row[x + k * step]), weight[k]));
    }
    to[x] = static_cast<std::uint8_t>(std::min(sum >> 7, 255));
  }
}

/// Any radius: a pass over the row for each pair of lines.
AVRIG_INLINE void down_any(const std::uint8_t* const* lines,
                           const Kernel& kernel,
                           std::uint16_t* __restrict row,
                           std::size_t n) {
  const std::uint32_t radius = kernel.radius();
  const std::uint8_t* const __restrict middle = lines[radius];
  const std::uint16_t first = kernel.weights[0];
  const auto bias = static_cast<std::uint16_t>((radius + 1) / 2);
  for (std::size_t x = 0; x < n; ++x) {
    row[x] = sum_of(bias, times(static_cast<std::uint16_t>(middle[x] << 7), first));
  }
  for (std::uint32_t k = 1; k <= radius; ++k) {
    const std::uint8_t* const __restrict above = lines[radius - k];
    const std::uint8_t* const __restrict below = lines[radius + k];
    const std::uint16_t weight = kernel.weights[k];
    for (std::size_t x = 0; x < n; ++x) {
      const auto pair = static_cast<std::uint16_t>((above[x] + below[x]) << 7);
      row[x] = sum_of(row[x], times(pair, weight));
    }
  }
}

/// In pieces that stay in registers' reach: the sums of a piece are not written between taps.
AVRIG_INLINE void across_any(const std::uint16_t* row,
                             const Kernel& kernel,
                             std::uint8_t* __restrict to,
                             std::size_t n,
                             std::size_t step) {
  constexpr std::size_t kPiece = 64;
  const std::uint32_t radius = kernel.radius();
  const auto bias = static_cast<std::uint16_t>(64 + (radius + 1) / 2);
  for (std::size_t start = 0; start < n; start += kPiece) {
    std::uint16_t sums[kPiece];
    const std::uint16_t* const at = row + start;
    for (std::size_t i = 0; i < kPiece; ++i) {
      sums[i] = sum_of(bias, times(at[i], kernel.weights[0]));
    }
    for (std::uint32_t k = 1; k <= radius; ++k) {
      const std::uint16_t weight = kernel.weights[k];
      const std::uint16_t* const left = at - k * step;
      const std::uint16_t* const right = at + k * step;
      for (std::size_t i = 0; i < kPiece; ++i) {
        sums[i] = sum_of(sums[i], times(sum_of(left[i], right[i]), weight));
      }
    }
    const std::size_t count = std::min(kPiece, n - start);
    for (std::size_t i = 0; i < count; ++i) {
      to[start + i] = static_cast<std::uint8_t>(std::min(sums[i] >> 7, 255));
    }
  }
}

AVRIG_WIDE void go_down(const std::uint8_t* const* lines,
                        const Kernel& kernel,
                        std::uint16_t* row,
                        std::size_t n) {
  switch (kernel.radius()) {
    case 1:
      return down_fixed<1>(lines, kernel.weights.data(), row, n);
    case 2:
      return down_fixed<2>(lines, kernel.weights.data(), row, n);
    case 3:
      return down_fixed<3>(lines, kernel.weights.data(), row, n);
    default:
      return down_any(lines, kernel, row, n);
  }
}

AVRIG_WIDE void go_across(const std::uint16_t* row,
                          const Kernel& kernel,
                          std::uint8_t* to,
                          std::size_t n,
                          std::size_t step) {
  switch (kernel.radius()) {
    case 1:
      return across_fixed<1>(row, kernel.weights.data(), to, n, step);
    case 2:
      return across_fixed<2>(row, kernel.weights.data(), to, n, step);
    case 3:
      return across_fixed<3>(row, kernel.weights.data(), to, n, step);
    default:
      return across_any(row, kernel, to, n, step);
  }
}

/// Repeat the first and last pixel to both sides.
void replicate_ends(std::uint16_t* row, std::size_t n, std::size_t step, std::size_t pad) {
  for (std::size_t i = 1; i <= pad; ++i) {
    for (std::size_t c = 0; c < step; ++c) {
      row[c - i * step] = row[c];
      row[n - step + c + i * step] = row[n - step + c];
    }
  }
}

constexpr std::size_t kMaxChannels = 4;
constexpr std::size_t kPad = kMaxRadius * kMaxChannels;
constexpr std::size_t kSlack = 64;  // across_any reads whole pieces

}  // namespace

Kernel make_kernel(double sigma, std::uint32_t radius) {
  std::vector<double> exact(radius + 1, 0.0);
  double sum = exact[0] = 1.0;
  for (std::uint32_t k = 1; k <= radius && sigma > 0.0; ++k) {
    exact[k] = std::exp(-0.5 * k * k / (sigma * sigma));
    sum += 2 * exact[k];
  }
  Kernel kernel;
  kernel.weights.resize(radius + 1);
  // What rounding leaves over goes on to the next weight, so that edges keep their place and the
  // sum is exact but for the middle's last unit.
  double carried = 0.0;
  std::uint32_t sides = 0;
  for (std::uint32_t k = radius; k > 0; --k) {
    const double wanted = exact[k] / sum * 65536.0 + carried;
    kernel.weights[k] = static_cast<std::uint16_t>(std::lround(wanted));
    carried = wanted - kernel.weights[k];
    sides += kernel.weights[k];
  }
  while (kernel.weights.size() > 1 && kernel.weights.back() == 0) {
    kernel.weights.pop_back();
  }
  kernel.weights[0] = static_cast<std::uint16_t>(std::min(65535U, 65536U - 2 * sides));
  return kernel;
}

void PlaneBlur::reserve(std::size_t row_bytes) {
  row_.resize(row_bytes + 2 * kPad + kSlack);
  lines_.resize(2 * kMaxRadius + 1);
}

void PlaneBlur::run(const Plane& plane, const Kernel& across, const Kernel& down) noexcept {
  const std::size_t n = std::size_t{plane.width} * plane.channels;
  const auto last = static_cast<std::ptrdiff_t>(plane.height) - 1;
  const auto radius = static_cast<std::ptrdiff_t>(down.radius());
  std::uint16_t* const row = row_.data() + kPad;
  for (std::ptrdiff_t y = 0; y <= last; ++y) {
    for (std::ptrdiff_t k = -radius; k <= radius; ++k) {
      const auto line = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(y + k, 0, last));
      lines_[static_cast<std::size_t>(k + radius)] = plane.from + line * plane.from_stride;
    }
    go_down(lines_.data(), down, row, n);
    replicate_ends(row, n, plane.channels, across.radius());
    go_across(
        row, across, plane.to + static_cast<std::size_t>(y) * plane.to_stride, n, plane.channels);
  }
}

}  // namespace avrig::gaussian
