// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// libav_chain IN OUT yuv420p|bgr24: decode, blur, encode with x264, write: one process, one loop,
/// FFmpeg's own calls and nothing of avrig's but the blur, which sees pictures of that pixel
/// format. What a chain of processes has to be measured against.

#include "blur.hpp"

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

namespace {

using avrig::bench::Pixels;

constexpr int kThreads = 2;

void check(int result, const char* what) {
  if (result < 0) {
    throw std::runtime_error(std::string(what) + " failed (" + std::to_string(result) + ")");
  }
}

struct Free {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
  void operator()(SwsContext* context) const { sws_freeContext(context); }
};

class Chain {
 public:
  Chain(const char* in, const char* out, Pixels pixels) : pixels_(pixels) {
    open_decoder(in);
    open_encoder(out);
    make_pictures();
  }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  ~Chain() {
    avformat_close_input(&source_);
    if (target_ != nullptr) {
      avio_closep(&target_->pb);
      avformat_free_context(target_);
    }
  }

  long run() {
    while (av_read_frame(source_, packet_.get()) >= 0) {
      if (packet_->stream_index == stream_) {
        check(avcodec_send_packet(decoder_.get(), packet_.get()), "decoding");
        take_pictures();
      }
      av_packet_unref(packet_.get());
    }
    check(avcodec_send_packet(decoder_.get(), nullptr), "decoding the rest");
    take_pictures();
    check(avcodec_send_frame(encoder_.get(), nullptr), "encoding the rest");
    write_packets();
    check(av_write_trailer(target_), "closing the file");
    return frames_;
  }

 private:
  void open_decoder(const char* in) {
    check(avformat_open_input(&source_, in, nullptr, nullptr), "opening the file");
    check(avformat_find_stream_info(source_, nullptr), "looking into the file");
    const AVCodec* codec = nullptr;
    stream_ = av_find_best_stream(source_, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    check(stream_, "finding pictures");
    decoder_.reset(avcodec_alloc_context3(codec));
    check(avcodec_parameters_to_context(decoder_.get(), source_->streams[stream_]->codecpar),
          "setting the decoder");
    decoder_->thread_count = kThreads;
    check(avcodec_open2(decoder_.get(), codec, nullptr), "opening the decoder");
  }

  // The settings that `write: media` has when nothing is said.
  void open_encoder(const char* out) {
    const AVStream* from = source_->streams[stream_];
    const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
    check(codec == nullptr ? -1 : 0, "finding libx264");
    encoder_.reset(avcodec_alloc_context3(codec));
    encoder_->width = decoder_->width;
    encoder_->height = decoder_->height;
    encoder_->pix_fmt = AV_PIX_FMT_YUV420P;
    encoder_->framerate = from->avg_frame_rate;
    encoder_->time_base = av_inv_q(from->avg_frame_rate);
    encoder_->max_b_frames = 0;
    encoder_->gop_size = 60;
    encoder_->thread_count = kThreads;
    encoder_->thread_type = FF_THREAD_SLICE;
    check(avformat_alloc_output_context2(&target_, nullptr, nullptr, out), "choosing the format");
    if ((target_->oformat->flags & AVFMT_GLOBALHEADER) != 0) {
      encoder_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    }
    AVDictionary* options = nullptr;
    av_dict_set(&options, "preset", "veryfast", 0);
    av_dict_set(&options, "tune", "zerolatency", 0);
    av_dict_set(&options, "crf", "20", 0);
    const int opened = avcodec_open2(encoder_.get(), codec, &options);
    av_dict_free(&options);
    check(opened, "opening x264");
    AVStream* to = avformat_new_stream(target_, nullptr);
    to->time_base = encoder_->time_base;
    check(avcodec_parameters_from_context(to->codecpar, encoder_.get()), "setting the stream");
    check(avio_open(&target_->pb, out, AVIO_FLAG_WRITE), "making the file");
    check(avformat_write_header(target_, nullptr), "writing the header");
  }

  void make_picture(AVFrame& frame, AVPixelFormat pixels) const {
    frame.format = pixels;
    frame.width = encoder_->width;
    frame.height = encoder_->height;
    check(av_frame_get_buffer(&frame, 0), "making a picture");
  }

  std::unique_ptr<SwsContext, Free> converter(AVPixelFormat from, AVPixelFormat to) const {
    const int width = encoder_->width;
    const int height = encoder_->height;
    return std::unique_ptr<SwsContext, Free>(sws_getContext(
        width, height, from, width, height, to, SWS_BICUBIC, nullptr, nullptr, nullptr));
  }

  void make_pictures() {
    make_picture(*ready_, AV_PIX_FMT_YUV420P);
    if (pixels_ == Pixels::Bgr24) {
      make_picture(*colours_, AV_PIX_FMT_BGR24);
      make_picture(*blurred_colours_, AV_PIX_FMT_BGR24);
      to_colours_ = converter(decoder_->pix_fmt, AV_PIX_FMT_BGR24);
      from_colours_ = converter(AV_PIX_FMT_BGR24, AV_PIX_FMT_YUV420P);
    }
    blur_ = std::make_unique<avrig::bench::Blur>(pixels_,
                                                 static_cast<std::uint32_t>(encoder_->width),
                                                 static_cast<std::uint32_t>(encoder_->height));
  }

  static avrig::bench::Planes planes_of(const AVFrame& frame) {
    avrig::bench::Planes planes{};
    for (std::size_t p = 0; p < 3; ++p) {
      planes.data[p] = frame.data[p];
      planes.stride[p] = static_cast<std::size_t>(frame.linesize[p]);
    }
    return planes;
  }

  static void convert(SwsContext& context, const AVFrame& from, const AVFrame& to) {
    check(sws_scale(&context, from.data, from.linesize, 0, from.height, to.data, to.linesize),
          "converting");
  }

  void blur_picture() {
    check(av_frame_make_writable(ready_.get()), "making a picture");
    if (pixels_ == Pixels::Yuv420p) {
      blur_->run(planes_of(*picture_), planes_of(*ready_));
      return;
    }
    convert(*to_colours_, *picture_, *colours_);
    blur_->run(planes_of(*colours_), planes_of(*blurred_colours_));
    convert(*from_colours_, *blurred_colours_, *ready_);
  }

  void take_pictures() {
    while (avcodec_receive_frame(decoder_.get(), picture_.get()) >= 0) {
      blur_picture();
      ready_->pts = frames_++;
      check(avcodec_send_frame(encoder_.get(), ready_.get()), "encoding");
      write_packets();
    }
  }

  void write_packets() {
    while (avcodec_receive_packet(encoder_.get(), coded_.get()) >= 0) {
      av_packet_rescale_ts(coded_.get(), encoder_->time_base, target_->streams[0]->time_base);
      check(av_interleaved_write_frame(target_, coded_.get()), "writing");
    }
  }

  Pixels pixels_;
  AVFormatContext* source_ = nullptr;
  AVFormatContext* target_ = nullptr;
  int stream_ = -1;
  std::unique_ptr<AVCodecContext, Free> decoder_;
  std::unique_ptr<AVCodecContext, Free> encoder_;
  std::unique_ptr<AVFrame, Free> picture_{av_frame_alloc()};
  std::unique_ptr<AVFrame, Free> colours_{av_frame_alloc()};
  std::unique_ptr<AVFrame, Free> blurred_colours_{av_frame_alloc()};
  std::unique_ptr<AVFrame, Free> ready_{av_frame_alloc()};
  std::unique_ptr<SwsContext, Free> to_colours_;
  std::unique_ptr<SwsContext, Free> from_colours_;
  std::unique_ptr<AVPacket, Free> packet_{av_packet_alloc()};
  std::unique_ptr<AVPacket, Free> coded_{av_packet_alloc()};
  std::unique_ptr<avrig::bench::Blur> blur_;
  long frames_ = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::fprintf(stderr, "usage: libav_chain IN OUT yuv420p|bgr24\n");
    return 1;
  }
  av_log_set_level(AV_LOG_ERROR);
  Chain chain(argv[1], argv[2], avrig::bench::pixels_named(argv[3]));
  std::printf("{\"frames\": %ld}\n", chain.run());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "libav_chain: %s\n", error.what());
  return 1;
}
