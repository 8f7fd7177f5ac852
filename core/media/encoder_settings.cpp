// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "encoder_settings.hpp"

#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>
#include <thread>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

namespace avrig::media {
namespace {

[[noreturn]] void refuse(const std::string& name,
                         const EncoderSettings& settings,
                         const std::string& why) {
  throw Error(ErrorCode::Open,
              "cannot encode " + describe(settings.input) + " with " + name + ": " + why);
}

std::string codec_name(const EncoderSettings& settings) {
  if (!settings.codec.empty()) {
    return settings.codec;
  }
  return settings.input.media == AVRIG_MEDIA_AUDIO ? "pcm_f32le" : "libx264";
}

const AVCodec& find_codec(const std::string& name, const EncoderSettings& settings) {
  const AVCodec* codec = avcodec_find_encoder_by_name(name.c_str());
  if (codec == nullptr) {
    refuse(name,
           settings,
           "this FFmpeg has no such encoder (libx264, ffv1, pcm_f32le, pcm_s24le, pcm_s16le, flac, "
           "libopus, aac; all: ffmpeg -encoders)");
  }
  const bool is_audio = settings.input.media == AVRIG_MEDIA_AUDIO;
  if (codec->type != (is_audio ? AVMEDIA_TYPE_AUDIO : AVMEDIA_TYPE_VIDEO)) {
    refuse(name, settings, is_audio ? "it encodes pictures" : "it encodes sound");
  }
  return *codec;
}

bool is_zero(const Options& options, const char* key) {
  const auto found = options.find(key);
  return found != options.end() && found->second == "0";
}

void check_lossless(const AVCodec& codec, const EncoderSettings& settings) {
  if (!settings.lossless) {
    return;
  }
  const AVCodecDescriptor* description = avcodec_descriptor_get(codec.id);
  const int props = description == nullptr ? 0 : description->props;
  const bool lossless = (props & AV_CODEC_PROP_LOSSLESS) != 0;
  const bool lossy = (props & AV_CODEC_PROP_LOSSY) != 0;
  const bool asked = is_zero(settings.options, "qp") || is_zero(settings.options, "crf");
  if (!lossless || (lossy && !asked)) {
    refuse(codec.name,
           settings,
           lossless ? "lossless was asked for: add the option qp=0"
                    : "lossless was asked for, and it is not (ffv1, flac and pcm_* are)");
  }
}

// --- pictures ---

bool takes(const AVCodec& codec, AVPixelFormat pixels) {
  for (const AVPixelFormat* p = codec.pix_fmts; p != nullptr && *p != AV_PIX_FMT_NONE; ++p) {
    if (*p == pixels) {
      return true;
    }
  }
  return codec.pix_fmts == nullptr;
}

/// The old names of full-range YUV mean the same bytes as the new ones.
AVPixelFormat without_j(AVPixelFormat pixels) {
  const std::string name = pixel_format_name(pixels);
  return name.starts_with("yuvj")
             ? static_cast<AVPixelFormat>(pixel_format_number("yuv" + name.substr(4)))
             : pixels;
}

AVPixelFormat nearest(const AVCodec& codec, AVPixelFormat from, const EncoderSettings& settings) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(from);
  const int alpha = (description->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 ? 1 : 0;
  int loss = 0;
  const AVPixelFormat best = avcodec_find_best_pix_fmt_of_list(codec.pix_fmts, from, alpha, &loss);
  if (settings.lossless && loss != 0) {
    refuse(codec.name,
           settings,
           "no pixel format of the codec holds " + std::string(settings.input.pixel_format) +
               " without loss (nearest: " + pixel_format_name(best) + ")");
  }
  const AVCodecDescriptor* codec_description = avcodec_descriptor_get(codec.id);
  const bool lossy =
      codec_description != nullptr && (codec_description->props & AV_CODEC_PROP_LOSSY) != 0;
  // What plays everywhere, unless every bit is to be kept.
  if (lossy && !settings.lossless && takes(codec, AV_PIX_FMT_YUV420P)) {
    return AV_PIX_FMT_YUV420P;
  }
  return best;
}

void choose_pixels(const AVCodec& codec, const EncoderSettings& settings, OpenEncoder& out) {
  const auto from = static_cast<AVPixelFormat>(pixel_format_number(settings.input.pixel_format));
  if (from == AV_PIX_FMT_NONE) {
    refuse(codec.name, settings, "unknown pixel format");
  }
  if (!settings.pixel_format.empty()) {
    const auto wanted = static_cast<AVPixelFormat>(pixel_format_number(settings.pixel_format));
    if (wanted == AV_PIX_FMT_NONE || !takes(codec, wanted)) {
      refuse(codec.name, settings, "it does not take pixel format '" + settings.pixel_format + "'");
    }
    out.pixels = wanted;
    out.convert = wanted != from;
    return;
  }
  if (takes(codec, from) || takes(codec, without_j(from))) {
    out.pixels = takes(codec, from) ? from : without_j(from);
    return;
  }
  out.pixels = nearest(codec, from, settings);
  out.convert = true;
}

AVRational rate_or_default(const avrig_format& input) {
  if (input.frame_rate_num == 0 || input.frame_rate_den == 0) {
    return {30, 1};
  }
  return {static_cast<int>(input.frame_rate_num), static_cast<int>(input.frame_rate_den)};
}

void set_colors(AVCodecContext& context, const avrig_format& input, bool convert) {
  const AVPixFmtDescriptor* from =
      av_pix_fmt_desc_get(static_cast<AVPixelFormat>(pixel_format_number(input.pixel_format)));
  const AVPixFmtDescriptor* to = av_pix_fmt_desc_get(context.pix_fmt);
  const bool from_rgb = (from->flags & AV_PIX_FMT_FLAG_RGB) != 0;
  const bool to_rgb = (to->flags & AV_PIX_FMT_FLAG_RGB) != 0;
  context.color_primaries = static_cast<AVColorPrimaries>(input.color_primaries);
  context.color_trc = static_cast<AVColorTransferCharacteristic>(input.color_transfer);
  if (from_rgb == to_rgb) {
    context.color_range = static_cast<AVColorRange>(input.color_range);
    context.colorspace = static_cast<AVColorSpace>(input.color_space);
    if (!convert && std::string_view(input.pixel_format).starts_with("yuvj")) {
      context.color_range = AVCOL_RANGE_JPEG;
    }
  } else if (from_rgb) {  // what PictureConverter makes of RGB
    context.color_range = AVCOL_RANGE_MPEG;
    context.colorspace = input.height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  }
}

void set_video(AVCodecContext& context, const EncoderSettings& settings, OpenEncoder& out) {
  const avrig_format& input = settings.input;
  choose_pixels(*context.codec, settings, out);
  context.width = static_cast<int>(input.width);
  context.height = static_cast<int>(input.height);
  context.pix_fmt = static_cast<AVPixelFormat>(out.pixels);
  set_colors(context, input, out.convert);
  context.sample_aspect_ratio = {static_cast<int>(input.sample_aspect_num),
                                 static_cast<int>(std::max(input.sample_aspect_den, 1U))};
  // The codec counts pictures; their true times travel beside it (encoder.cpp). So a variable rate
  // costs no codec its time base, and streams say their nominal rate.
  context.framerate = rate_or_default(input);
  context.time_base = av_inv_q(context.framerate);
  context.max_b_frames = 0;
  const int two_seconds = std::max(1, static_cast<int>(av_q2d(context.framerate) * 2.0 + 0.5));
  context.gop_size = settings.keyframe_interval > 0 ? settings.keyframe_interval : two_seconds;
  if (context.codec_id == AV_CODEC_ID_FFV1) {
    context.gop_size = 1;
    context.level = 3;
    context.slices = input.width >= 64 && input.height >= 64 ? 4 : 0;
  }
  constexpr std::array<std::string_view, 7> kBorrowing = {
      "libx264", "libx264rgb", "ffv1", "rawvideo", "huffyuv", "ffvhuff", "utvideo"};
  out.borrows = std::find(kBorrowing.begin(), kBorrowing.end(), out.name) != kBorrowing.end();
}

// --- sound ---

AVSampleFormat choose_samples(const AVCodec& codec, int wanted_bits) {
  constexpr std::array kByQuality = {AV_SAMPLE_FMT_FLTP,
                                     AV_SAMPLE_FMT_FLT,
                                     AV_SAMPLE_FMT_DBL,
                                     AV_SAMPLE_FMT_S32,
                                     AV_SAMPLE_FMT_S32P,
                                     AV_SAMPLE_FMT_S16,
                                     AV_SAMPLE_FMT_S16P,
                                     AV_SAMPLE_FMT_U8,
                                     AV_SAMPLE_FMT_U8P};
  const auto offers = [&codec](AVSampleFormat format) {
    for (const AVSampleFormat* f = codec.sample_fmts; f != nullptr && *f != AV_SAMPLE_FMT_NONE;
         ++f) {
      if (*f == format) {
        return true;
      }
    }
    return false;
  };
  if (wanted_bits == 16 && offers(AV_SAMPLE_FMT_S16)) {
    return AV_SAMPLE_FMT_S16;
  }
  const auto* found = std::find_if(kByQuality.begin(), kByQuality.end(), offers);
  return found == kByQuality.end() ? AV_SAMPLE_FMT_NONE : *found;
}

void check_rate(const AVCodec& codec, const EncoderSettings& settings) {
  if (codec.supported_samplerates == nullptr) {
    return;
  }
  std::string rates;
  for (const int* rate = codec.supported_samplerates; *rate != 0; ++rate) {
    if (static_cast<std::uint32_t>(*rate) == settings.input.sample_rate_hz) {
      return;
    }
    rates += (rates.empty() ? "" : ", ") + std::to_string(*rate);
  }
  refuse(codec.name, settings, "it takes only " + rates + " Hz; resample before it");
}

void set_audio(AVCodecContext& context, const EncoderSettings& settings, OpenEncoder& out) {
  const avrig_format& input = settings.input;
  if (input.sample_rate_hz == 0 || input.channels == 0) {
    refuse(out.name, settings, "no sample rate or no channels");
  }
  check_rate(*context.codec, settings);
  const std::string_view name = out.name;
  const bool is_24 = name == "flac" || name.find("s24") != std::string_view::npos;
  out.sample_bits = name == "flac" && settings.sample_bits == 16 ? 16 : (is_24 ? 24 : 0);
  context.sample_fmt = choose_samples(*context.codec, out.sample_bits);
  context.sample_rate = static_cast<int>(input.sample_rate_hz);
  context.time_base = {1, context.sample_rate};
  context.bits_per_raw_sample = out.sample_bits == 24 ? 24 : 0;
  const bool has_mask = input.channel_mask != 0 && __builtin_popcountll(input.channel_mask) ==
                                                       static_cast<int>(input.channels);
  if (!has_mask || av_channel_layout_from_mask(&context.ch_layout, input.channel_mask) < 0) {
    av_channel_layout_default(&context.ch_layout, static_cast<int>(input.channels));
  }
}

// --- both ---

AVDictionary* codec_options(const EncoderSettings& settings, const OpenEncoder& encoder) {
  AVDictionary* dictionary = nullptr;
  if (encoder.name == "libx264" || encoder.name == "libx264rgb") {
    av_dict_set(&dictionary, "preset", "veryfast", 0);
    av_dict_set(&dictionary, "tune", "zerolatency", 0);
    const bool rated = settings.bit_rate > 0 || settings.options.contains("qp") ||
                       settings.options.contains("crf");
    if (!rated) {
      av_dict_set(&dictionary, "crf", "20", 0);
    }
  } else if (encoder.name == "ffv1") {
    av_dict_set(&dictionary, "slicecrc", "1", 0);
  } else if (encoder.name == "libvpx-vp9") {
    av_dict_set(&dictionary, "deadline", "realtime", 0);
    av_dict_set(&dictionary, "cpu-used", "6", 0);
    av_dict_set(&dictionary, "row-mt", "1", 0);
    av_dict_set(&dictionary, "lag-in-frames", "0", 0);
    if (settings.bit_rate == 0) {
      av_dict_set(&dictionary, "crf", "24", 0);
    }
  }
  for (const auto& [key, value] : settings.options) {
    av_dict_set(&dictionary, key.c_str(), value.c_str(), 0);
  }
  return dictionary;
}

void open(const OpenEncoder& encoder, const EncoderSettings& settings) {
  AVDictionary* dictionary = codec_options(settings, encoder);
  const int result = avcodec_open2(encoder.context.get(), encoder.context->codec, &dictionary);
  const AVDictionaryEntry* unknown = av_dict_get(dictionary, "", nullptr, AV_DICT_IGNORE_SUFFIX);
  const std::string left = unknown == nullptr ? "" : unknown->key;
  av_dict_free(&dictionary);
  if (!left.empty() && settings.options.contains(left)) {
    refuse(encoder.name, settings, "the codec has no option '" + left + "'");
  }
  if (result < 0) {
    refuse(encoder.name,
           settings,
           error_text(result) + " (check the size, e.g. yuv420p wants even ones, and the options)");
  }
}

}  // namespace

bool is_prompt_encoder(std::string_view name) {
  return name == "libx264" || name == "libx264rgb" || name == "ffv1" || name == "libvpx-vp9";
}

OpenEncoder open_encoder(const EncoderSettings& settings) {
  OpenEncoder out;
  out.name = codec_name(settings);
  if (settings.input.media != AVRIG_MEDIA_AUDIO && settings.input.media != AVRIG_MEDIA_VIDEO) {
    refuse(out.name, settings, "only pictures and sound can be encoded");
  }
  const AVCodec& codec = find_codec(out.name, settings);
  check_lossless(codec, settings);
  out.context.reset(avcodec_alloc_context3(&codec));
  if (!out.context) {
    throw std::bad_alloc();
  }
  AVCodecContext& context = *out.context;
  if (settings.input.media == AVRIG_MEDIA_VIDEO) {
    set_video(context, settings, out);
  } else {
    set_audio(context, settings, out);
  }
  context.bit_rate = settings.bit_rate;
  context.flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  if (settings.bitexact) {
    context.flags |= AV_CODEC_FLAG_BITEXACT;
  }
  const int cores = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
  context.thread_count = settings.threads > 0 ? settings.threads : cores;
  context.thread_type = FF_THREAD_SLICE;
  open(out, settings);
  return out;
}

}  // namespace avrig::media
