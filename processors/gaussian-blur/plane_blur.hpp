// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace avrig::gaussian {

/// One half of a symmetric kernel in fixed point: element 0 is the middle. The whole sums to 2^16.
struct Kernel {
  std::vector<std::uint16_t> weights;

  [[nodiscard]] std::uint32_t radius() const noexcept {
    return static_cast<std::uint32_t>(weights.size() - 1);
  }
};

inline constexpr std::uint32_t kMaxRadius = 127;

/// Radius 0 or a sigma that leaves all weight in the middle: a kernel that copies.
[[nodiscard]] Kernel make_kernel(double sigma, std::uint32_t radius);

/// 8-bit samples: `channels` interleaved, `width` of each in a row.
struct Plane {
  const std::uint8_t* from;
  std::size_t from_stride;
  std::uint8_t* to;
  std::size_t to_stride;
  std::uint32_t width;
  std::uint32_t height;
  std::uint32_t channels;
};

/// Separable blur with replicated edges: a row goes down its column first, into nine bits before
/// and seven after the point, and then along itself, while it is still in the first-level cache.
///
/// Thread: one at a time      RT-safe: after reserve()
class PlaneBlur {
 public:
  /// Memory for planes up to this many bytes a row.
  void reserve(std::size_t row_bytes);
  void run(const Plane& plane, const Kernel& across, const Kernel& down) noexcept;

 private:
  std::vector<std::uint16_t> row_;
  std::vector<const std::uint8_t*> lines_;
};

}  // namespace avrig::gaussian
