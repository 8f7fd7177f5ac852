// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "chain.hpp"
#include <avrig/media/filter_graph.hpp>
#include <avrig/media/frame_layout.hpp>
#include <avrig/pixel_layout.hpp>
#include <avrig/plugin.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

using namespace avrig::plugin;
using avrig::media::FilterGraph;
using avrig::media::FilterStatus;

/// Any of FFmpeg's filters, one frame in, none or several out. Times are the filters' own: what a
/// filter delays comes out with the stamp it went in with, so no delay is declared.
class AvFilter {
 public:
  static constexpr const char* kName = "avfilter";
  static constexpr const char* kSummary = "run a chain of FFmpeg's filters, audio or video";
  static constexpr Parameter kParameters[] = {
      {.name = "chain",
       .type = "string",
       .doc = "as for ffmpeg's -vf or -af: hflip,eq=contrast=1.2",
       .flags = kRequired},
      {.name = "pixel-format",
       .type = "string",
       .default_value = "",
       .doc = "of the output; empty = what the chain gives"},
      {.name = "threads", .type = "int", .default_value = "1", .minimum = "1", .maximum = "64"},
      {.name = "history",
       .type = "int",
       .default_value = "0",
       .minimum = "0",
       .maximum = "100000",
       .unit = "frames",
       .doc = "earlier frames that a restarted chain needs to go on as if nothing had happened"}};

  AvFilter(Host host, const Params& params)
      : host_(host),
        medium_(avrig::avfilter::medium_of(params.get<std::string>("chain"))),
        history_(params.get<std::uint32_t>("history", 0)) {
    options_.filters = params.get<std::string>("chain");
    options_.pixel_format = params.get<std::string>("pixel-format", "");
    options_.threads = params.get<int>("threads", 1);
    if (options_.pixel_format.empty()) {
      options_.pixel_format = every_pixel_format();
    } else if (!avrig::find_pixel_layout(options_.pixel_format)) {
      throw std::invalid_argument("parameter 'pixel-format': '" + options_.pixel_format +
                                  "' is none that avrig knows");
    }
  }

  void describe(Traits& traits) {
    const std::string name = medium_ == AVRIG_MEDIA_AUDIO ? "audio" : "video";
    traits.inputs = {{.media = medium_, .name = name}};
    traits.outputs = {{.media = medium_, .name = name}};
  }

  void configure(Config& config) {
    options_.input = config.input();
    build();
    used_ = false;
    config.output() = graph_->output();
    config.output().struct_size = sizeof(avrig_format);
    block_ = std::max(1U, config.output().block_samples);
    config->history = history_;
    config->max_outputs = most_outputs(config.input(), config.output());
    config->tail = kTail;
  }

  void start() {
    if (used_) {
      build();
    }
    used_ = true;
    begin();
  }

  void discontinuity(std::uint32_t, std::uint32_t) {
    // What the filters still hold comes out before what follows the gap.
    ending_ = true;
  }

  Status process(Call& call) noexcept {
    try {
      return ending_ ? end_stretch(call) : filter(call);
    } catch (const std::exception& error) {
      return host_fail(error.what());
    }
  }

  Status drain(Call& call) noexcept {
    if (!finished_) {
      finished_ = true;
      if (graph_->finish() == FilterStatus::Failed) {
        return host_fail(graph_->error());
      }
      fetch();
    }
    if (failed_) {
      return host_fail(graph_->error());
    }
    return frame_.empty() ? Status::End : give(call);
  }

 private:
  static constexpr std::uint32_t kTail = 64;

  /// A list is as good as one name to the last filter of the graph: with all of them it converts
  /// nothing that avrig can carry.
  static std::string every_pixel_format() {
    std::string list;
    for (const avrig::PixelLayout& layout : avrig::kPixelLayouts) {
      list += (list.empty() ? "" : "|") + std::string(layout.name);
    }
    return list;
  }

  static std::uint32_t most_outputs(const avrig_format& in, const avrig_format& out) {
    const std::uint64_t from = std::uint64_t{in.frame_rate_num} * out.frame_rate_den;
    const std::uint64_t to = std::uint64_t{out.frame_rate_num} * in.frame_rate_den;
    const std::uint64_t ratio = from == 0 ? 1 : (to + from - 1) / from;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(ratio + 1, 16, 256));
  }

  void build() {
    const avrig::avfilter::LogCapture capture;
    try {
      graph_.emplace(options_);
    } catch (const std::exception& error) {
      const std::string why = avrig::avfilter::LogCapture::text();
      throw std::runtime_error(error.what() + (why.empty() ? "" : ". FFmpeg says: " + why));
    }
  }

  void begin() {
    ending_ = false;
    finished_ = false;
    busy_ = false;
    failed_ = false;
    frame_.reset();
    offset_ = 0;
  }

  Status filter(Call& call) {
    if (!busy_) {
      const avrig_frame& in = *call.raw().inputs[0];
      if (graph_->push(in, in.capture_ns, in.duration_ns) != FilterStatus::Ok) {
        return host_fail(graph_->error());
      }
      busy_ = true;
      fetch();
    }
    if (failed_) {
      failed_ = false;
      busy_ = false;
      return host_fail(graph_->error());
    }
    if (frame_.empty()) {
      busy_ = false;
      return Status::More;
    }
    const Status status = give(call);
    busy_ = status == Status::Again;
    return status;
  }

  /// The tail of the stretch before a gap, then the input that came after it.
  Status end_stretch(Call& call) {
    if (!finished_) {
      finished_ = true;
      if (graph_->finish() == FilterStatus::Failed) {
        return host_fail(graph_->error());
      }
      fetch();
    }
    if (!frame_.empty()) {
      give(call);
      return Status::Again;
    }
    build();
    begin();
    return filter(call);
  }

  /// The next frame out of the graph, if there is one.
  void fetch() {
    offset_ = 0;
    failed_ = graph_->pull(frame_) == FilterStatus::Failed;
    if (failed_) {
      frame_.reset();
    }
  }

  /// The frame in hand, or as much of it as fits; then the next is fetched.
  Status give(Call& call) noexcept {
    if (medium_ == AVRIG_MEDIA_AUDIO) {
      give_sound(call.out<AudioOut>(0));
    } else {
      give_picture(call.out<VideoOut>(0));
    }
    if (frame_.empty()) {
      fetch();
    }
    return frame_.empty() && !failed_ ? Status::Ok : Status::Again;
  }

  void give_picture(const VideoOut& out) noexcept {
    // Not row by row from bind(): filters such as vflip give pictures that lie upside down.
    avrig::media::FrameLayout layout;
    layout.planes = out.planes();
    const auto* const start = static_cast<const std::byte*>(out.frame().plane[0].data);
    for (std::uint32_t p = 0; p < layout.planes; ++p) {
      const avrig_plane& plane = out.frame().plane[p];
      layout.plane[p].offset_bytes =
          static_cast<std::uint64_t>(static_cast<const std::byte*>(plane.data) - start);
      layout.plane[p].stride_bytes = plane.stride_bytes;
    }
    frame_.copy_picture(layout, out.frame().plane[0].data);
    out.frame().capture_ns = frame_.pts_ns().value_or(out.capture_ns());
    out.frame().duration_ns = frame_.duration_ns();
    frame_.reset();
  }

  void give_sound(const AudioOut& out) noexcept {
    const std::uint32_t count = std::min(block_, frame_.samples() - offset_);
    out.set_samples(count);
    frame_.copy_samples(offset_, count, out.channel(0).data(), out.frame().plane[0].stride_bytes);
    const std::int64_t rate = graph_->output().sample_rate_hz;
    const auto since = [rate](std::int64_t samples) {
      return samples * 1'000'000'000 / rate;
    };
    out.frame().capture_ns = frame_.pts_ns().value_or(out.capture_ns()) + since(offset_);
    out.frame().duration_ns = since(count);
    offset_ += count;
    if (offset_ >= frame_.samples()) {
      frame_.reset();
    }
  }

  Status host_fail(const std::string& text) noexcept { return host_.fail(text.c_str()); }

  Host host_;
  std::uint32_t medium_;
  std::uint32_t history_;
  avrig::media::FilterGraphOptions options_;
  std::optional<FilterGraph> graph_;
  std::uint32_t block_ = 1;
  avrig::media::MediaFrame frame_;  ///< out of the graph, not given yet
  std::uint32_t offset_ = 0;        ///< of its samples given
  bool used_ = false;
  bool busy_ = false;      ///< the input in hand is in the graph
  bool ending_ = false;    ///< a gap came
  bool finished_ = false;  ///< the graph was told that no more comes
  bool failed_ = false;
};

AVRIG_PLUGIN(AvFilter)
