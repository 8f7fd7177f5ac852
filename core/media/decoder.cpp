// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "picture_lease.hpp"
#include <avrig/error.hpp>
#include <avrig/media/decoder.hpp>
#include <avrig/media/formats.hpp>

#include <algorithm>
#include <atomic>
#include <thread>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
}

namespace avrig::media {

struct Decoder::Impl {
  std::shared_ptr<PictureLeases> leases;  // null: FFmpeg's own memory
  AVRational time_base{0, 1};
  bool is_video = false;
  bool direct = false;
  int held = 0;
  std::uint64_t bytes = 0;
  std::atomic<bool> ended{false};
  std::uint64_t frames = 0;
  std::uint64_t copied = 0;
  std::uint64_t corrupt = 0;
  std::string error;
  CodecContextPtr context;  // last: closing it may still call the leases

  void open(const StreamInfo& stream, const DecoderOptions& options);
  void hook(BufferSource* source);
  [[nodiscard]] DecodeStatus failed(int result);
  [[nodiscard]] DecodeStatus settle(MediaFrame& frame);
  [[nodiscard]] DecodeStatus copy_into_buffer(MediaFrame& frame);
  static int get_buffer(AVCodecContext* context, AVFrame* frame, int flags) noexcept;
};

namespace {

/// The decoded picture buffer of an H.264 level, in macroblocks (table A-1 of the standard).
int h264_dpb_macroblocks(int level) {
  struct Row {
    int level;
    int macroblocks;
  };
  constexpr Row kRows[] = {{10, 396},
                           {11, 900},
                           {13, 2376},
                           {20, 2376},
                           {21, 4752},
                           {30, 8100},
                           {31, 18000},
                           {32, 20480},
                           {41, 32768},
                           {42, 34816},
                           {50, 110400},
                           {52, 184320},
                           {62, 696320}};
  const auto* found = std::find_if(
      std::begin(kRows), std::end(kRows), [level](const Row& row) { return level <= row.level; });
  return level <= 0 || found == std::end(kRows) ? 0 : found->macroblocks;
}

int reference_pictures(const AVCodecParameters& parameters) {
  switch (parameters.codec_id) {
    case AV_CODEC_ID_H264: {
      const int size = ((parameters.width + 15) / 16) * ((parameters.height + 15) / 16);
      const int dpb = h264_dpb_macroblocks(parameters.level);
      return dpb == 0 || size == 0 ? 16 : std::clamp(dpb / size, 1, 16);
    }
    case AV_CODEC_ID_HEVC:
      return 16;
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1:
      return 8;
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_THEORA:
      return 4;
    default:
      return 2;
  }
}

/// Pictures that the decoder itself may refer to at once: references, reordering, one in work a
/// frame thread, and the one just finished.
int most_held(const AVCodecContext& context, const AVCodecParameters& parameters) {
  const bool frame_threads = (context.active_thread_type & FF_THREAD_FRAME) != 0;
  return reference_pictures(parameters) + std::max(context.has_b_frames, parameters.video_delay) +
         (frame_threads ? context.thread_count : 1) + 1;
}

int thread_types(Threading threading) {
  switch (threading) {
    case Threading::Slices:
      return FF_THREAD_SLICE;
    case Threading::Frames:
      return FF_THREAD_FRAME;
    case Threading::Both:
      break;
  }
  return FF_THREAD_SLICE | FF_THREAD_FRAME;
}

void set_thread_safe(AVCodecContext& context) {
  // Without it FFmpeg 5.1 calls get_buffer2 from the main thread only, at the price of a wait.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  context.thread_safe_callbacks = 1;
#pragma GCC diagnostic pop
}

void open_codec(AVCodecContext& context,
                const AVCodec& codec,
                const StreamInfo& stream,
                const Options& options) {
  const std::string what =
      "cannot decode stream " + std::to_string(stream.index) + " (" + stream.codec + ")";
  AVDictionary* dictionary = nullptr;
  for (const auto& [key, value] : options) {
    av_dict_set(&dictionary, key.c_str(), value.c_str(), 0);
  }
  const int result = avcodec_open2(&context, &codec, &dictionary);
  const AVDictionaryEntry* unknown = av_dict_get(dictionary, "", nullptr, AV_DICT_IGNORE_SUFFIX);
  const std::string left = unknown == nullptr ? "" : unknown->key;
  av_dict_free(&dictionary);
  if (result < 0) {
    throw Error(
        ErrorCode::Open,
        what + ": " + error_text(result) + " (its header is damaged, or the codec is misused)");
  }
  if (!left.empty()) {
    throw Error(ErrorCode::Open, what + ": the decoder has no option '" + left + "'");
  }
}

}  // namespace

int Decoder::Impl::get_buffer(AVCodecContext* context, AVFrame* frame, int flags) noexcept {
  auto* impl = static_cast<Impl*>(context->opaque);
  try {
    const CodedLayout layout = coded_layout(*context, frame->format, frame->width, frame->height);
    if (layout.total_bytes == 0) {
      return avcodec_default_get_buffer2(context, frame, flags);
    }
    switch (impl->leases->lease(*frame, layout.total_bytes)) {
      case BufferSource::Outcome::TooBig:
        return avcodec_default_get_buffer2(context, frame, flags);
      case BufferSource::Outcome::Ended:
        impl->ended = true;
        return AVERROR_EXIT;
      case BufferSource::Outcome::Claimed:
        break;
    }
    for (int i = 0; i < layout.planes; ++i) {
      frame->data[i] = frame->buf[0]->data + layout.offsets[i];
      frame->linesize[i] = layout.strides[i];
    }
    frame->extended_data = frame->data;
    return 0;
  } catch (...) {
    return AVERROR(ENOMEM);
  }
}

void Decoder::Impl::hook(BufferSource* source) {
  if (source == nullptr) {
    return;
  }
  leases = std::make_shared<PictureLeases>(*source);
  direct = (context->codec->capabilities & AV_CODEC_CAP_DR1) != 0;
  if (direct) {
    context->opaque = this;
    context->get_buffer2 = &Impl::get_buffer;
    set_thread_safe(*context);
  }
}

void Decoder::Impl::open(const StreamInfo& stream, const DecoderOptions& options) {
  const AVCodec* codec = avcodec_find_decoder(stream.parameters->codec_id);
  if (codec == nullptr) {
    throw Error(ErrorCode::Open,
                "cannot decode stream " + std::to_string(stream.index) +
                    ": this FFmpeg has no decoder for " + stream.codec);
  }
  context.reset(avcodec_alloc_context3(codec));
  if (!context || avcodec_parameters_to_context(context.get(), stream.parameters) < 0) {
    throw std::bad_alloc();
  }
  time_base = stream.time_base;
  is_video = stream.media == AVRIG_MEDIA_VIDEO;
  context->codec = codec;
  context->pkt_timebase = stream.time_base;
  const int cores = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
  context->thread_count = options.threads > 0 ? options.threads : cores;
  context->thread_type = thread_types(options.threading);
  if (is_video) {
    hook(options.buffers);
  }
  open_codec(*context, *codec, stream, options.options);
  if (is_video) {
    held = most_held(*context, *stream.parameters);
    const int width = std::max(stream.parameters->width, context->coded_width);
    const int height = std::max(stream.parameters->height, context->coded_height);
    const FrameLayout plain = FrameLayout::of(stream.format);
    bytes = std::max(plain.total_bytes,
                     coded_layout(*context, stream.parameters->format, width, height).total_bytes);
  }
}

Decoder::Decoder(const StreamInfo& stream, DecoderOptions options)
    : impl_(std::make_unique<Impl>()) {
  impl_->open(stream, options);
}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

DecodeStatus Decoder::Impl::failed(int result) {
  if (ended) {
    return DecodeStatus::Ended;
  }
  if (result == AVERROR(ENOMEM) || result == AVERROR(EINVAL)) {
    error = "the decoder failed: " + error_text(result);
    return DecodeStatus::Failed;
  }
  ++corrupt;
  return DecodeStatus::Corrupt;
}

DecodeStatus Decoder::send(const Packet& packet) {
  const int result = avcodec_send_packet(impl_->context.get(), packet.get());
  if (result == AVERROR(EAGAIN)) {
    return DecodeStatus::Again;
  }
  return result < 0 ? impl_->failed(result) : DecodeStatus::Ok;
}

DecodeStatus Decoder::send_end() {
  const int result = avcodec_send_packet(impl_->context.get(), nullptr);
  return result < 0 && result != AVERROR_EOF ? impl_->failed(result) : DecodeStatus::Ok;
}

DecodeStatus Decoder::receive(MediaFrame& frame) {
  frame.reset();
  const int result = avcodec_receive_frame(impl_->context.get(), frame.get());
  if (result == AVERROR(EAGAIN)) {
    return DecodeStatus::Again;
  }
  if (result == AVERROR_EOF) {
    return DecodeStatus::End;
  }
  return result < 0 ? impl_->failed(result) : impl_->settle(frame);
}

DecodeStatus Decoder::Impl::settle(MediaFrame& frame) {
  AVFrame& raw = *frame.get();
  frame.set_time_base(time_base);
  if (is_video) {
    raw.pts = raw.best_effort_timestamp;
  }
  ++frames;
  if (!is_video || !leases) {
    return DecodeStatus::Ok;
  }
  frame.set_cookie(leases->cookie_of(raw));
  const bool upside_down = raw.linesize[0] < 0;
  return frame.cookie() && !upside_down ? DecodeStatus::Ok : copy_into_buffer(frame);
}

DecodeStatus Decoder::Impl::copy_into_buffer(MediaFrame& frame) {
  const AVFrame& raw = *frame.get();
  MediaFrame copy;
  const FrameLayout layout = FrameLayout::of(frame.format());
  switch (leases->lease(*copy.get(), layout.total_bytes)) {
    case BufferSource::Outcome::Ended:
      ended = true;
      frame.reset();
      return DecodeStatus::Ended;
    case BufferSource::Outcome::TooBig:
      frame.set_cookie(std::nullopt);
      return DecodeStatus::Ok;  // stays in FFmpeg's memory: the caller sees no cookie
    case BufferSource::Outcome::Claimed:
      break;
  }
  AVFrame& target = *copy.get();
  frame.copy_picture(layout, target.buf[0]->data);
  av_frame_copy_props(&target, &raw);
  target.format = raw.format;
  target.width = raw.width;
  target.height = raw.height;
  for (std::uint32_t i = 0; i < layout.planes; ++i) {
    target.data[i] = target.buf[0]->data + layout.plane[i].offset_bytes;
    target.linesize[i] = static_cast<int>(layout.plane[i].stride_bytes);
  }
  copy.set_time_base(time_base);
  copy.set_cookie(leases->cookie_of(target));
  frame = std::move(copy);
  ++copied;
  return DecodeStatus::Ok;
}

void Decoder::flush() {
  avcodec_flush_buffers(impl_->context.get());
  impl_->ended = false;
}

bool Decoder::direct() const noexcept {
  return impl_->direct;
}
std::uint64_t Decoder::buffer_bytes() const {
  return impl_->bytes;
}
int Decoder::held_buffers() const noexcept {
  return impl_->held;
}
std::uint64_t Decoder::frames() const noexcept {
  return impl_->frames;
}
std::uint64_t Decoder::copied_pictures() const noexcept {
  return impl_->copied;
}
std::uint64_t Decoder::corrupt_packets() const noexcept {
  return impl_->corrupt;
}
const std::string& Decoder::error() const noexcept {
  return impl_->error;
}

}  // namespace avrig::media
