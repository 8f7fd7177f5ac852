// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "picture_lease.hpp"

#include <algorithm>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

namespace avrig::media {

struct PictureLeases::Lease {
  std::shared_ptr<PictureLeases> owner;
  std::uint64_t cookie;
};

BufferSource::Outcome PictureLeases::lease(AVFrame& frame, std::uint64_t bytes) {
  const BufferSource::Claim claim = source_->claim(bytes);
  if (claim.outcome != BufferSource::Outcome::Claimed) {
    return claim.outcome;
  }
  auto* data = static_cast<std::uint8_t*>(claim.data);
  auto lease = std::make_unique<Lease>(Lease{shared_from_this(), claim.cookie});
  {
    const std::lock_guard lock(mutex_);
    out_.emplace_back(data, claim.cookie);
  }
  frame.buf[0] = av_buffer_create(data, bytes, &PictureLeases::release, lease.get(), 0);
  if (frame.buf[0] == nullptr) {
    forget(data);
    source_->let_go(claim.cookie);
    return BufferSource::Outcome::TooBig;
  }
  static_cast<void>(lease.release());  // freed by release()
  return BufferSource::Outcome::Claimed;
}

std::optional<std::uint64_t> PictureLeases::cookie_of(const AVFrame& frame) const {
  if (frame.buf[0] == nullptr) {
    return std::nullopt;
  }
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(out_.begin(), out_.end(), [&](const auto& entry) {
    return entry.first == frame.buf[0]->data;
  });
  return found == out_.end() ? std::nullopt : std::optional(found->second);
}

void PictureLeases::release(void* opaque, std::uint8_t* data) {
  const std::unique_ptr<Lease> lease(static_cast<Lease*>(opaque));
  lease->owner->forget(data);
  lease->owner->source_->let_go(lease->cookie);
}

void PictureLeases::forget(const void* data) {
  const std::lock_guard lock(mutex_);
  std::erase_if(out_, [data](const auto& entry) { return entry.first == data; });
}

CodedLayout coded_layout(AVCodecContext& context, int pixels, int width, int height) {
  CodedLayout layout;
  const auto format = static_cast<AVPixelFormat>(pixels);
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  constexpr std::uint64_t kRefused = AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL;
  if (description == nullptr || (description->flags & kRefused) != 0 || width <= 0 || height <= 0) {
    return layout;
  }
  int align[AV_NUM_DATA_POINTERS] = {};
  int w = width;
  int h = height;
  avcodec_align_dimensions2(&context, &w, &h, align);
  // As FFmpeg's own allocator: widen until every plane's stride is aligned, so that the planes'
  // strides keep the ratio that some codecs rely on.
  for (bool aligned = false; !aligned;) {
    if (av_image_fill_linesizes(layout.strides, format, w) < 0) {
      return {};
    }
    aligned = true;
    for (int i = 0; i < 4; ++i) {
      aligned = aligned && layout.strides[i] % std::max(align[i], 64) == 0;
    }
    w += aligned ? 0 : (w & ~(w - 1));
  }
  const std::ptrdiff_t strides[4] = {
      layout.strides[0], layout.strides[1], layout.strides[2], layout.strides[3]};
  std::size_t sizes[4] = {};
  if (av_image_fill_plane_sizes(sizes, format, h, strides) < 0) {
    return {};
  }
  constexpr std::uint64_t kSlack = 128;  // FFmpeg's allocator adds 16 + alignment - 1
  for (int i = 0; i < 4 && sizes[i] > 0; ++i) {
    layout.offsets[i] = layout.total_bytes;
    layout.total_bytes += ((sizes[i] + 63) & ~std::uint64_t{63}) + kSlack;
    layout.planes = i + 1;
  }
  return layout;
}

}  // namespace avrig::media
