// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "plane_blur.hpp"
#include <avrig/plugin.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string_view>

using namespace avrig::plugin;

/// A maker: each pixel needs its unblurred neighbours, so it cannot be done in place.
class GaussianBlur {
 public:
  static constexpr const char* kName = "gaussian-blur";
  static constexpr const char* kSummary = "blur pictures with a Gaussian";
  static constexpr const char* kPixelFormats =
      "yuv420p,yuvj420p,yuv422p,yuvj422p,yuv444p,yuvj444p,nv12,gray,bgr24,rgb24,yuv411p,yuv410p,"
      "yuv440p,nv21,nv16,gbrp,bgr0,rgb0,bgra,rgba,yuva420p,yuva422p,yuva444p,gbrap";
  static constexpr Parameter kParameters[] = {
      {.name = "sigma",
       .type = "float",
       .default_value = "0",
       .minimum = "0",
       .maximum = "42",
       .unit = "px",
       .doc = "standard deviation in full-size pixels; 0 = what suits the kernel",
       .flags = kLiveSettable},
      {.name = "kernel",
       .type = "int",
       .default_value = "0",
       .minimum = "0",
       .maximum = "255",
       .unit = "px",
       .doc = "width in full-size pixels, odd; 0 = three sigma to each side; neither: 5",
       .flags = kLiveSettable}};

  explicit GaussianBlur(const Params& params) {
    choose(params.get<double>("sigma", 0.0), params.get<std::uint32_t>("kernel", 0));
  }

  void configure(Config& config) {
    const avrig_format& format = config.input();
    layout_ = avrig::find_pixel_layout(format.pixel_format);
    if (!layout_) {
      throw std::invalid_argument("cannot blur pixel format '" + std::string(format.pixel_format) +
                                  "'");
    }
    blur_.reserve(std::size_t{format.width} * 4);
    make_kernels();
  }

  void set_param(std::string_view name, const Value& value) {
    choose(name == "sigma" ? value.as<double>() : asked_sigma_,
           name == "kernel" ? value.as<std::uint32_t>() : asked_kernel_);
    make_kernels();
  }

  Status process(VideoIn in, VideoOut out) noexcept {
    for (std::uint32_t p = 0; p < in.planes(); ++p) {
      const bool chroma = p == 1 || p == 2;
      const std::uint32_t bytes =
          chroma ? std::uint32_t{layout_->chroma_bytes} : std::uint32_t{layout_->bytes};
      const auto from = in.row(p, 0);
      blur_.run({.from = from.data(),
                 .from_stride = in.stride_bytes(p),
                 .to = out.row(p, 0).data(),
                 .to_stride = out.stride_bytes(p),
                 .width = static_cast<std::uint32_t>(from.size()) / bytes,
                 .height = in.rows(p),
                 .channels = bytes},
                chroma ? chroma_across_ : luma_,
                chroma ? chroma_down_ : luma_);
    }
    return Status::Ok;
  }

 private:
  void choose(double sigma, std::uint32_t kernel) {
    if (kernel != 0 && kernel % 2 == 0) {
      throw std::invalid_argument("parameter 'kernel': " + std::to_string(kernel) +
                                  " is even; a kernel has a middle, so give " +
                                  std::to_string(kernel + 1));
    }
    asked_sigma_ = sigma;
    asked_kernel_ = kernel;
    if (sigma <= 0.0) {
      kernel = kernel == 0 ? 5 : kernel;
      // The customary choice (OpenCV's), so that a kernel of n looks the same everywhere.
      sigma = 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8;
    } else if (kernel == 0) {
      kernel = 2 * static_cast<std::uint32_t>(std::ceil(3 * sigma)) + 1;
    }
    sigma_ = sigma;
    radius_ = std::min(kernel / 2, avrig::gaussian::kMaxRadius);
  }

  /// Subsampled planes get a Gaussian as much smaller as they are.
  [[nodiscard]] avrig::gaussian::Kernel kernel_for(std::uint32_t shift) const {
    const std::uint32_t scale = 1U << shift;
    return avrig::gaussian::make_kernel(sigma_ / scale, (radius_ + scale - 1) / scale);
  }

  void make_kernels() {
    luma_ = kernel_for(0);
    if (layout_) {
      chroma_across_ = kernel_for(layout_->shift_x);
      chroma_down_ = kernel_for(layout_->shift_y);
    }
  }

  double asked_sigma_ = 0.0;
  std::uint32_t asked_kernel_ = 0;
  double sigma_ = 0.0;
  std::uint32_t radius_ = 0;
  std::optional<avrig::PixelLayout> layout_;
  avrig::gaussian::Kernel luma_;
  avrig::gaussian::Kernel chroma_across_;
  avrig::gaussian::Kernel chroma_down_;
  avrig::gaussian::PlaneBlur blur_;
};

AVRIG_PLUGIN(GaussianBlur)
