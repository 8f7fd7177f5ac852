// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace avrig::bench {

enum class Pixels { Yuv420p, Bgr24 };

/// "bgr24", else yuv420p.
[[nodiscard]] Pixels pixels_named(const char* name) noexcept;

/// The planes of a picture (bgr24 has the first alone) and the bytes from one row to the next.
struct Planes {
  std::uint8_t* data[3];
  std::size_t stride[3];
};

/// What `process: gaussian-blur, with: {kernel: 5}` does, in the caller's process.
///
/// Thread: one at a time
class Blur {
 public:
  Blur(Pixels pixels, std::uint32_t width, std::uint32_t height);
  Blur(const Blur&) = delete;
  Blur& operator=(const Blur&) = delete;
  ~Blur();

  void run(const Planes& from, const Planes& to) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::bench
