// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/media/filter_graph.hpp>
#include <avrig/media/formats.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <libavutil/imgutils.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

namespace avrig::media {
namespace {

struct GraphFree {
  void operator()(AVFilterGraph* graph) const noexcept { avfilter_graph_free(&graph); }
};
struct InOutFree {
  void operator()(AVFilterInOut* in_out) const noexcept { avfilter_inout_free(&in_out); }
};
using InOutPtr = std::unique_ptr<AVFilterInOut, InOutFree>;

}  // namespace

struct FilterGraph::Impl {
  FilterGraphOptions options;
  std::unique_ptr<AVFilterGraph, GraphFree> graph;
  AVFilterContext* source = nullptr;
  AVFilterContext* sink = nullptr;
  avrig_format output{};
  std::int64_t pushed_ns = INT64_MIN;
  std::int64_t end_ns = 0;  ///< where the newest input ends
  std::int64_t delay_ns = 0;
  std::string error;

  [[nodiscard]] bool is_audio() const { return options.input.media == AVRIG_MEDIA_AUDIO; }
  [[noreturn]] void refuse(const std::string& why) const;
  void build();
  void add_ends();
  void set_source();
  void parse();
  void read_output();
  [[nodiscard]] std::string chain(const std::string& pixels) const;
  [[nodiscard]] std::int64_t length_ns(const avrig_frame& in, std::int64_t duration_ns) const;
  [[nodiscard]] FramePtr frame_of(const avrig_frame& frame, std::int64_t pts_ns) const;
};

void FilterGraph::Impl::refuse(const std::string& why) const {
  throw Error(ErrorCode::Open,
              "cannot set up the filters '" + options.filters + "' for " + describe(options.input) +
                  ": " + why);
}

void FilterGraph::Impl::set_source() {
  AVBufferSrcParameters* parameters = av_buffersrc_parameters_alloc();
  if (parameters == nullptr) {
    throw std::bad_alloc();
  }
  const avrig_format& in = options.input;
  parameters->time_base = kNanoseconds;
  AVChannelLayout layout{};
  if (is_audio()) {
    parameters->format = AV_SAMPLE_FMT_FLTP;
    parameters->sample_rate = static_cast<int>(in.sample_rate_hz);
    const bool has_mask = __builtin_popcountll(in.channel_mask) == static_cast<int>(in.channels) &&
                          av_channel_layout_from_mask(&layout, in.channel_mask) >= 0;
    if (!has_mask) {
      av_channel_layout_default(&layout, static_cast<int>(in.channels));
    }
    parameters->ch_layout = layout;
  } else {
    parameters->format = pixel_format_number(in.pixel_format);
    parameters->width = static_cast<int>(in.width);
    parameters->height = static_cast<int>(in.height);
    parameters->sample_aspect_ratio = {static_cast<int>(in.sample_aspect_num),
                                       static_cast<int>(std::max(in.sample_aspect_den, 1U))};
    parameters->frame_rate = {static_cast<int>(in.frame_rate_num),
                              static_cast<int>(std::max(in.frame_rate_den, 1U))};
  }
  const int result = av_buffersrc_parameters_set(source, parameters);
  av_channel_layout_uninit(&layout);
  av_free(parameters);
  if (result < 0 || avfilter_init_str(source, nullptr) < 0) {
    refuse("FFmpeg does not take that as input of a filter chain");
  }
}

void FilterGraph::Impl::add_ends() {
  const char* in = is_audio() ? "abuffer" : "buffer";
  const char* out = is_audio() ? "abuffersink" : "buffersink";
  source = avfilter_graph_alloc_filter(graph.get(), avfilter_get_by_name(in), "in");
  sink = avfilter_graph_alloc_filter(graph.get(), avfilter_get_by_name(out), "out");
  if (source == nullptr || sink == nullptr || avfilter_init_str(sink, nullptr) < 0) {
    throw std::bad_alloc();
  }
  set_source();
}

/// The user's chain, and behind it what makes its output one of avrig's formats.
std::string FilterGraph::Impl::chain(const std::string& pixels) const {
  const std::string filters =
      options.filters.empty() ? (is_audio() ? "anull" : "null") : options.filters;
  if (!is_audio()) {
    return filters + ",format=pix_fmts=" + pixels;
  }
  std::string text = filters + ",aformat=sample_fmts=fltp";
  if (options.sample_rate_hz > 0) {
    text += ":sample_rates=" + std::to_string(options.sample_rate_hz);
  }
  return text;
}

void FilterGraph::Impl::parse() {
  AVFilterInOut* inputs = nullptr;
  AVFilterInOut* outputs = nullptr;
  const std::string pixels =
      options.pixel_format.empty() ? options.input.pixel_format : options.pixel_format;
  const int result = avfilter_graph_parse2(graph.get(), chain(pixels).c_str(), &inputs, &outputs);
  const InOutPtr free_inputs(inputs);
  const InOutPtr free_outputs(outputs);
  if (result < 0) {
    refuse(error_text(result) +
           " (is each a filter of this FFmpeg, with options it has, one input and one output, for "
           "this medium? ffmpeg -filters; ffmpeg -h filter=NAME)");
  }
  const bool one = inputs != nullptr && inputs->next == nullptr && outputs != nullptr &&
                   outputs->next == nullptr;
  if (!one) {
    refuse("the chain must have one input and one output left open");
  }
  const AVMediaType wanted = is_audio() ? AVMEDIA_TYPE_AUDIO : AVMEDIA_TYPE_VIDEO;
  const auto type_in = avfilter_pad_get_type(inputs->filter_ctx->input_pads, inputs->pad_idx);
  const auto type_out = avfilter_pad_get_type(outputs->filter_ctx->output_pads, outputs->pad_idx);
  if (type_in != wanted || type_out != wanted) {
    refuse("it must take and give the medium of its input");
  }
  if (avfilter_link(source, 0, inputs->filter_ctx, static_cast<unsigned>(inputs->pad_idx)) < 0 ||
      avfilter_link(outputs->filter_ctx, static_cast<unsigned>(outputs->pad_idx), sink, 0) < 0) {
    refuse("its ends do not fit");
  }
}

void FilterGraph::Impl::read_output() {
  if (is_audio()) {
    const int channels = av_buffersink_get_channels(sink);
    output = audio_format(static_cast<std::uint32_t>(av_buffersink_get_sample_rate(sink)),
                          static_cast<std::uint32_t>(channels),
                          options.input.block_samples);
    AVChannelLayout layout{};
    if (av_buffersink_get_ch_layout(sink, &layout) >= 0 &&
        layout.order == AV_CHANNEL_ORDER_NATIVE) {
      output.channel_mask = layout.u.mask;
    }
    av_channel_layout_uninit(&layout);
    return;
  }
  output = options.input;  // colour properties, unless the frames say otherwise
  const std::string pixels = pixel_format_name(av_buffersink_get_format(sink));
  const avrig_format geometry = video_format(pixels,
                                             static_cast<std::uint32_t>(av_buffersink_get_w(sink)),
                                             static_cast<std::uint32_t>(av_buffersink_get_h(sink)));
  output.width = geometry.width;
  output.height = geometry.height;
  std::copy(std::begin(geometry.pixel_format),
            std::end(geometry.pixel_format),
            std::begin(output.pixel_format));
  const AVRational rate = av_buffersink_get_frame_rate(sink);
  output.frame_rate_num = static_cast<std::uint32_t>(std::max(rate.num, 0));
  output.frame_rate_den = rate.num > 0 ? static_cast<std::uint32_t>(rate.den) : 0;
  const AVRational aspect = av_buffersink_get_sample_aspect_ratio(sink);
  output.sample_aspect_num = static_cast<std::uint32_t>(std::max(aspect.num, 0));
  output.sample_aspect_den = aspect.num > 0 ? static_cast<std::uint32_t>(aspect.den) : 0;
}

void FilterGraph::Impl::build() {
  if (options.input.media != AVRIG_MEDIA_AUDIO && options.input.media != AVRIG_MEDIA_VIDEO) {
    refuse("only pictures and sound can be filtered");
  }
  graph.reset(avfilter_graph_alloc());
  if (!graph) {
    throw std::bad_alloc();
  }
  graph->nb_threads = std::max(options.threads, 1);
  add_ends();
  parse();
  if (const int result = avfilter_graph_config(graph.get(), nullptr); result < 0) {
    refuse(error_text(result) + " (a filter does not take this format or size)");
  }
  read_output();
  pushed_ns = INT64_MIN;
  end_ns = 0;
  delay_ns = 0;
}

/// How long a frame lasts; a picture that does not say so, by the nominal rate.
std::int64_t FilterGraph::Impl::length_ns(const avrig_frame& in, std::int64_t duration_ns) const {
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (is_audio()) {
    return in.samples * kSecond / std::max(options.input.sample_rate_hz, 1U);
  }
  const bool known = duration_ns > 0 || options.input.frame_rate_num == 0;
  return known ? duration_ns
               : options.input.frame_rate_den * kSecond / options.input.frame_rate_num;
}

FramePtr FilterGraph::Impl::frame_of(const avrig_frame& in, std::int64_t pts_ns) const {
  FramePtr frame = make_frame();
  frame->pts = pts_ns;
  if (is_audio()) {
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->sample_rate = static_cast<int>(options.input.sample_rate_hz);
    frame->nb_samples = static_cast<int>(in.samples);
    const AVFilterLink* link = source->outputs[0];
    if (av_channel_layout_copy(&frame->ch_layout, &link->ch_layout) < 0 ||
        av_frame_get_buffer(frame.get(), 0) < 0) {
      throw std::bad_alloc();
    }
    for (std::uint32_t c = 0; c < options.input.channels; ++c) {
      const auto* row = static_cast<const std::uint8_t*>(in.plane[0].data) +
                        std::size_t{c} * in.plane[0].stride_bytes;
      std::copy_n(row, std::size_t{in.samples} * 4, frame->extended_data[c]);
    }
    return frame;
  }
  const avrig_format& format = options.input;
  frame->format = pixel_format_number(format.pixel_format);
  frame->width = static_cast<int>(format.width);
  frame->height = static_cast<int>(format.height);
  frame->color_range = static_cast<AVColorRange>(format.color_range);
  frame->colorspace = static_cast<AVColorSpace>(format.color_space);
  frame->color_primaries = static_cast<AVColorPrimaries>(format.color_primaries);
  frame->color_trc = static_cast<AVColorTransferCharacteristic>(format.color_transfer);
  frame->sample_aspect_ratio = source->outputs[0]->sample_aspect_ratio;
  if (av_frame_get_buffer(frame.get(), 64) < 0) {
    throw std::bad_alloc();
  }
  const std::uint8_t* from[4] = {};
  int strides[4] = {};
  for (std::uint32_t i = 0; i < in.planes; ++i) {
    from[i] = static_cast<const std::uint8_t*>(in.plane[i].data);
    strides[i] = static_cast<int>(in.plane[i].stride_bytes);
  }
  av_image_copy(frame->data,
                frame->linesize,
                from,
                strides,
                static_cast<AVPixelFormat>(frame->format),
                frame->width,
                frame->height);
  return frame;
}

FilterGraph::FilterGraph(FilterGraphOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  impl_->build();
}
FilterGraph::FilterGraph(FilterGraph&&) noexcept = default;
FilterGraph& FilterGraph::operator=(FilterGraph&&) noexcept = default;
FilterGraph::~FilterGraph() = default;

const avrig_format& FilterGraph::output() const noexcept {
  return impl_->output;
}

FilterStatus FilterGraph::push(const avrig_frame& frame,
                               std::int64_t pts_ns,
                               std::int64_t duration_ns) {
  const avrig_format& in = impl_->options.input;
  const bool fits = frame.media == in.media && frame.planes > 0 &&
                    frame.plane[0].rows == (impl_->is_audio() ? in.channels : in.height);
  if (!fits) {
    impl_->error = "a frame that is not " + describe(in) + " came to the filters";
    return FilterStatus::Failed;
  }
  const FramePtr copy = impl_->frame_of(frame, pts_ns);
  copy->pkt_duration = duration_ns;
  const int result = av_buffersrc_add_frame(impl_->source, copy.get());
  if (result < 0) {
    impl_->error = "the filters '" + impl_->options.filters + "' failed: " + error_text(result);
    return FilterStatus::Failed;
  }
  impl_->pushed_ns = std::max(impl_->pushed_ns, pts_ns);
  impl_->end_ns = std::max(impl_->end_ns, pts_ns + impl_->length_ns(frame, duration_ns));
  return FilterStatus::Ok;
}

FilterStatus FilterGraph::finish() {
  // With the end's time: filters that fill time (fps, tpad) would else drop the last picture.
  const int result = av_buffersrc_close(impl_->source, impl_->end_ns, AV_BUFFERSRC_FLAG_PUSH);
  return result < 0 && result != AVERROR_EOF ? FilterStatus::Failed : FilterStatus::Ok;
}

FilterStatus FilterGraph::pull(MediaFrame& frame) {
  frame.reset();
  const int result = av_buffersink_get_frame(impl_->sink, frame.get());
  if (result == AVERROR(EAGAIN)) {
    return FilterStatus::Again;
  }
  if (result == AVERROR_EOF) {
    return FilterStatus::End;
  }
  if (result < 0) {
    impl_->error = "the filters '" + impl_->options.filters + "' failed: " + error_text(result);
    return FilterStatus::Failed;
  }
  frame.set_time_base(av_buffersink_get_time_base(impl_->sink));
  if (const auto at = frame.pts_ns(); at && impl_->pushed_ns != INT64_MIN) {
    impl_->delay_ns = std::max<std::int64_t>(impl_->pushed_ns - *at, 0);
  }
  return FilterStatus::Ok;
}

void FilterGraph::reset() {
  impl_->build();
}

bool FilterGraph::command(const std::string& target,
                          const std::string& name,
                          const std::string& value) {
  char reply[256] = {};
  for (unsigned i = 0; i < impl_->graph->nb_filters; ++i) {
    const AVFilterContext* filter = impl_->graph->filters[i];
    const bool meant = target == "all" || target == filter->name || target == filter->filter->name;
    if (meant && filter != impl_->source && filter != impl_->sink &&
        avfilter_graph_send_command(impl_->graph.get(),
                                    filter->name,
                                    name.c_str(),
                                    value.c_str(),
                                    reply,
                                    sizeof reply,
                                    0) >= 0) {
      return true;
    }
  }
  return false;
}

std::int64_t FilterGraph::delay_ns() const noexcept {
  return impl_->delay_ns;
}
const std::string& FilterGraph::error() const noexcept {
  return impl_->error;
}

}  // namespace avrig::media
