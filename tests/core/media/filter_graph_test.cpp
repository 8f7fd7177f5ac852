// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/media/filter_graph.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/frame_layout.hpp>

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::media;

namespace {

avrig_format gray_video() {
  avrig_format format = video_format("gray", 32, 16);
  format.frame_rate_num = 25;
  format.frame_rate_den = 1;
  return format;
}

struct Block {
  explicit Block(const avrig_format& format)
      : layout(FrameLayout::of(format)), bytes(layout.total_bytes, 0) {
    frame.media = format.media;
    frame.samples = format.block_samples;
    layout.bind(frame, bytes.data());
  }
  FrameLayout layout;
  std::vector<std::uint8_t> bytes;
  avrig_frame frame{};
};

std::string refusal(const std::string& filters, const avrig_format& format) {
  FilterGraphOptions options;
  options.filters = filters;
  options.input = format;
  try {
    const FilterGraph graph(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_SUITE("core/media/filter_graph") {
  TEST_CASE("filter graph: pictures come out filtered, with their times") {
    set_ffmpeg_log(FfmpegLog::Silent);
    FilterGraphOptions options;
    options.filters = "negate,scale=64:32";
    options.input = gray_video();
    FilterGraph sut(options);
    CHECK(sut.output().width == 64);
    CHECK(sut.output().height == 32);
    CHECK(std::string(sut.output().pixel_format) == "gray");
    Block block(options.input);
    std::fill(block.bytes.begin(), block.bytes.end(), std::uint8_t{200});
    MediaFrame out;
    for (std::int64_t i = 0; i < 5; ++i) {
      REQUIRE(sut.push(block.frame, 1'234'567'891 + i * 33'333'333) == FilterStatus::Ok);
      REQUIRE(sut.pull(out) == FilterStatus::Ok);
      CHECK(out.pts_ns() == 1'234'567'891 + i * 33'333'333);
      avrig_frame view{};
      out.bind(view);
      CHECK(static_cast<const std::uint8_t*>(view.plane[0].data)[5] == 55);
      CHECK(sut.pull(out) == FilterStatus::Again);
    }
    REQUIRE(sut.finish() == FilterStatus::Ok);
    CHECK(sut.pull(out) == FilterStatus::End);
    sut.reset();
    CHECK(sut.push(block.frame, 0) == FilterStatus::Ok);
    CHECK(sut.pull(out) == FilterStatus::Ok);
  }

  TEST_CASE("filter graph: sound stays planar float, a delay is measured, the tail comes out") {
    FilterGraphOptions options;
    options.input = audio_format(48000, 2, 480);
    options.filters = "volume=0.5:precision=float";
    FilterGraph sut(options);
    Block block(options.input);
    for (float* p = reinterpret_cast<float*>(block.bytes.data());
         p < reinterpret_cast<float*>(block.bytes.data()) + 960;
         ++p) {
      *p = 0.25F;
    }
    REQUIRE(sut.push(block.frame, 1'000'000'007) == FilterStatus::Ok);
    MediaFrame out;
    REQUIRE(sut.pull(out) == FilterStatus::Ok);
    REQUIRE(out.samples() == 480);
    std::vector<float> rows(960);
    out.copy_samples(0, 480, rows.data(), 480 * 4);
    CHECK(rows[0] == 0.125F);
    CHECK(std::abs(*out.pts_ns() - 1'000'000'007) <= 10'417);

    options.filters = "asetnsamples=n=1024:p=0";
    FilterGraph reblock(options);
    std::uint64_t got = 0;
    for (std::int64_t i = 0; i < 20; ++i) {
      REQUIRE(reblock.push(block.frame, i * 10'000'000) == FilterStatus::Ok);
      while (reblock.pull(out) == FilterStatus::Ok) {
        got += out.samples();
      }
    }
    CHECK(got == 9216);
    CHECK(reblock.delay_ns() > 0);
    REQUIRE(reblock.finish() == FilterStatus::Ok);
    while (reblock.pull(out) == FilterStatus::Ok) {
      got += out.samples();
    }
    CHECK(got == 9600);
  }

  TEST_CASE("filter graph: a running filter takes a command") {
    FilterGraphOptions options;
    options.filters = "volume=1.0:precision=float";
    options.input = audio_format(48000, 1, 64);
    FilterGraph sut(options);
    CHECK(sut.command("all", "volume", "0.25"));
    CHECK_FALSE(sut.command("all", "nonsense", "1"));
  }

  TEST_CASE("filter graph: what cannot be is said plainly") {
    CHECK(refusal("nosuchfilter", gray_video()).find("'nosuchfilter'") != std::string::npos);
    CHECK(refusal("scale=w=nonsense(", gray_video()).find("scale=w=nonsense(") !=
          std::string::npos);
    CHECK(refusal("split", gray_video()).find("one input and one output") != std::string::npos);
    CHECK(refusal("volume=1", gray_video()).find("this medium") != std::string::npos);
    CHECK(refusal("hue=s=0", audio_format(48000, 2, 64)).find("this medium") != std::string::npos);
  }
}
