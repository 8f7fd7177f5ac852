// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/picture_converter.hpp>

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

namespace avrig::media {

struct PictureConverter::Impl {
  SwsContext* context = nullptr;  // null = a plain copy
  AVPixelFormat pixels = AV_PIX_FMT_NONE;
  int width = 0;
  int height = 0;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { sws_freeContext(context); }
};

namespace {

bool is_rgb(const avrig_format& format) {
  const AVPixFmtDescriptor* pixels =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(pixel_format_number(format.pixel_format)));
  return pixels != nullptr && (pixels->flags & AV_PIX_FMT_FLAG_RGB) != 0;
}

int matrix_of(const avrig_format& format) {
  switch (format.color_space) {
    case AVCOL_SPC_BT709:
      return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
      return SWS_CS_FCC;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
      return SWS_CS_ITU601;
    case AVCOL_SPC_SMPTE240M:
      return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return SWS_CS_BT2020;
    default:
      return format.height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601;
  }
}

bool full_range(const avrig_format& format) {
  const bool jpeg = std::string_view(format.pixel_format).starts_with("yuvj");
  return is_rgb(format) || jpeg || format.color_range == AVCOL_RANGE_JPEG;
}

bool same_color(const avrig_format& a, const avrig_format& b) {
  const bool range = full_range(a) == full_range(b) || b.color_range == AVCOL_RANGE_UNSPECIFIED;
  const bool space = a.color_space == b.color_space || b.color_space == AVCOL_SPC_UNSPECIFIED ||
                     a.color_space == AVCOL_SPC_UNSPECIFIED;
  return range && (space || is_rgb(a));
}

/// What the target does not say about colour is as in the source, so that nothing is converted
/// that nobody asked for.
avrig_format with_colors_of(avrig_format to, const avrig_format& from) {
  const bool cross = is_rgb(from) != is_rgb(to);
  if (to.color_space == AVCOL_SPC_UNSPECIFIED && !cross) {
    to.color_space = static_cast<std::uint32_t>(
        from.color_space == AVCOL_SPC_UNSPECIFIED && !is_rgb(from)
            ? (from.height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M)
            : static_cast<AVColorSpace>(from.color_space));
  }
  if (to.color_range == AVCOL_RANGE_UNSPECIFIED && !cross) {
    to.color_range =
        static_cast<std::uint32_t>(full_range(from) ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG);
  }
  return to;
}

int flags_of(Conversion conversion) {
  constexpr int kExact = SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;
  return SWS_BICUBIC | (conversion == Conversion::Exact ? kExact : 0);
}

}  // namespace

PictureConverter::PictureConverter(const avrig_format& from,
                                   const avrig_format& to,
                                   Conversion conversion)
    : impl_(std::make_unique<Impl>()) {
  impl_->pixels = static_cast<AVPixelFormat>(pixel_format_number(from.pixel_format));
  impl_->width = static_cast<int>(from.width);
  impl_->height = static_cast<int>(from.height);
  if (same_layout(from, to) && same_color(from, to)) {
    return;
  }
  const auto target = static_cast<AVPixelFormat>(pixel_format_number(to.pixel_format));
  const std::string what = "cannot convert " + describe(from) + " to " + describe(to);
  if (sws_isSupportedInput(impl_->pixels) == 0 || sws_isSupportedOutput(target) == 0) {
    throw Error(ErrorCode::Open,
                what +
                    ": swscale does not know one of the pixel formats (yuv420p, bgr24, rgb24, "
                    "gray and gbrp always work)");
  }
  impl_->context = sws_getContext(impl_->width,
                                  impl_->height,
                                  impl_->pixels,
                                  static_cast<int>(to.width),
                                  static_cast<int>(to.height),
                                  target,
                                  flags_of(conversion),
                                  nullptr,
                                  nullptr,
                                  nullptr);
  if (impl_->context == nullptr) {
    throw Error(ErrorCode::Open, what + ": swscale refuses the sizes");
  }
  const avrig_format out = with_colors_of(to, from);
  sws_setColorspaceDetails(impl_->context,
                           sws_getCoefficients(matrix_of(from)),
                           full_range(from),
                           sws_getCoefficients(matrix_of(out)),
                           full_range(out),
                           0,
                           1 << 16,
                           1 << 16);
}

PictureConverter::PictureConverter(PictureConverter&&) noexcept = default;
PictureConverter& PictureConverter::operator=(PictureConverter&&) noexcept = default;
PictureConverter::~PictureConverter() = default;

bool PictureConverter::is_copy() const noexcept {
  return impl_->context == nullptr;
}

void PictureConverter::convert(std::span<const avrig_plane> from,
                               std::span<const avrig_plane> to) noexcept {
  const std::uint8_t* in[4] = {};
  std::uint8_t* out[4] = {};
  int in_strides[4] = {};
  int out_strides[4] = {};
  for (std::size_t i = 0; i < from.size() && i < 4; ++i) {
    in[i] = static_cast<const std::uint8_t*>(from[i].data);
    in_strides[i] = static_cast<int>(from[i].stride_bytes);
  }
  for (std::size_t i = 0; i < to.size() && i < 4; ++i) {
    out[i] = static_cast<std::uint8_t*>(to[i].data);
    out_strides[i] = static_cast<int>(to[i].stride_bytes);
  }
  if (impl_->context == nullptr) {
    av_image_copy(out, out_strides, in, in_strides, impl_->pixels, impl_->width, impl_->height);
  } else {
    sws_scale(impl_->context, in, in_strides, 0, impl_->height, out, out_strides);
  }
}

}  // namespace avrig::media
