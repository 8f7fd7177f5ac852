// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "blur.hpp"

#include "plane_blur.hpp"

#include <cstring>

namespace avrig::bench {
namespace {

// OpenCV's choice for a kernel of 5, as the processor makes it.
constexpr double kSigma = 0.3 * ((5 - 1) * 0.5 - 1) + 0.8;
constexpr std::uint32_t kRadius = 2;

}  // namespace

Pixels pixels_named(const char* name) noexcept {
  return std::strcmp(name, "bgr24") == 0 ? Pixels::Bgr24 : Pixels::Yuv420p;
}

struct Blur::Impl {
  std::uint32_t channels;
  std::uint32_t width;
  std::uint32_t height;
  gaussian::Kernel luma = gaussian::make_kernel(kSigma, kRadius);
  gaussian::Kernel chroma = gaussian::make_kernel(kSigma / 2, kRadius / 2);
  gaussian::PlaneBlur blur{};
};

Blur::Blur(Pixels pixels, std::uint32_t width, std::uint32_t height)
    : impl_(std::make_unique<Impl>(
          Impl{.channels = pixels == Pixels::Bgr24 ? 3U : 1U, .width = width, .height = height})) {
  impl_->blur.reserve(std::size_t{width} * impl_->channels);
}

Blur::~Blur() = default;

void Blur::run(const Planes& from, const Planes& to) noexcept {
  const std::size_t planes = impl_->channels == 3 ? 1 : 3;
  for (std::size_t p = 0; p < planes; ++p) {
    const std::uint32_t scale = p == 0 ? 1 : 2;
    const gaussian::Kernel& kernel = p == 0 ? impl_->luma : impl_->chroma;
    impl_->blur.run({.from = from.data[p],
                     .from_stride = from.stride[p],
                     .to = to.data[p],
                     .to_stride = to.stride[p],
                     .width = impl_->width / scale,
                     .height = impl_->height / scale,
                     .channels = impl_->channels},
                    kernel,
                    kernel);
  }
}

}  // namespace avrig::bench
