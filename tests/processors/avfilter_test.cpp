// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using namespace avrig;

namespace {

constexpr std::int64_t kPictureNs = 1'000'000'000 / 30;

rig::Frame picture(const avrig_format& format, std::int64_t n) {
  rig::Frame made(format);
  for (std::uint32_t p = 0; p < made->planes; ++p) {
    for (std::uint32_t y = 0; y < made->plane[p].rows; ++y) {
      for (std::uint32_t x = 0; x < made->plane[p].stride_bytes; ++x) {
        made.row(p, y)[x] = static_cast<std::uint8_t>(x * 3 + y * 5 + n);
      }
    }
  }
  made->index = n;
  made->capture_ns = n * 1'000'000'000 / 30;
  made->duration_ns = kPictureNs;
  return made;
}

/// A tone of 1 kHz through the chain.
rig::Frames play_tone(rig::Rig& sut, const avrig_format& format, std::uint32_t blocks) {
  rig::Frames out;
  std::int64_t at = 0;
  for (std::uint32_t b = 0; b < blocks; ++b) {
    rig::Frame block(format);
    block->index = at;
    block->capture_ns = at * 1'000'000'000 / format.sample_rate_hz;
    for (std::uint32_t n = 0; n < format.block_samples; ++n, ++at) {
      for (std::uint32_t c = 0; c < format.channels; ++c) {
        block.channel(c)[n] =
            0.5F * static_cast<float>(std::sin(2 * std::numbers::pi * 1000.0 *
                                               static_cast<double>(at) / format.sample_rate_hz));
      }
    }
    REQUIRE(sut.process(block, out) >= 0);
  }
  sut.drain(out);
  return out;
}

}  // namespace

TEST_CASE("avfilter flips a picture exactly and passes its stamps on") {
  rig::Rig sut("avfilter", {{"chain", "hflip"}});
  const avrig_format format = rig::video("yuv420p", 66, 34);
  sut.open(format);
  CHECK(std::string(sut.output().pixel_format) == "yuv420p");
  rig::Frames out;
  for (std::int64_t n = 0; n < 3; ++n) {
    REQUIRE(sut.process(picture(format, n), out) == AVRIG_OK);
  }
  sut.drain(out);
  REQUIRE(out.size() == 3);
  const rig::Frame in = picture(format, 2);
  CHECK(out[2]->get()->capture_ns == in->capture_ns);
  std::size_t wrong = 0;
  for (std::uint32_t p = 0; p < 3; ++p) {
    const std::uint32_t width = p == 0 ? 66 : 33;
    for (std::uint32_t y = 0; y < in->plane[p].rows; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        wrong += out[2]->row(p, y)[x] != in.row(p, y)[width - 1 - x] ? 1U : 0U;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a picture turned upside down lies the right way round in memory") {
  rig::Rig sut("avfilter", {{"chain", "vflip"}});
  const avrig_format format = rig::video("gray", 40, 30);
  sut.open(format);
  const rig::Frame in = picture(format, 1);
  rig::Frames out;
  REQUIRE(sut.process(in, out) == AVRIG_OK);
  std::size_t wrong = 0;
  for (std::uint32_t y = 0; y < 30; ++y) {
    for (std::uint32_t x = 0; x < 40; ++x) {
      wrong += out.at(0)->row(0, y)[x] != in.row(0, 29 - y)[x] ? 1U : 0U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("the output's format is the chain's own") {
  const avrig_format format = rig::video("yuv420p", 64, 48);
  const auto output_of = [&](const std::string& chain, const std::string& pixels) {
    rig::Rig sut("avfilter", {{"chain", chain}, {"pixel-format", pixels}});
    sut.open(format);
    return sut.output();
  };
  const avrig_format scaled = output_of("scale=32:24,format=gray", "");
  CHECK(scaled.width == 32);
  CHECK(scaled.height == 24);
  CHECK(std::string(scaled.pixel_format) == "gray");
  CHECK(std::string(output_of("hflip,eq=contrast=1.2", "").pixel_format) == "yuv420p");
  CHECK(std::string(output_of("hflip", "bgr24").pixel_format) == "bgr24");
  CHECK(output_of("fps=60", "").frame_rate_num == 60);
}

TEST_CASE("a chain may give more frames than it gets, or fewer, with times of their own") {
  const avrig_format format = rig::video("gray", 32, 32);
  for (const auto& [chain, wanted] : {std::pair<std::string, std::size_t>{"fps=60", 20},
                                      {"fps=15", 5},
                                      {"select=not(mod(n\\,2))", 5}}) {
    CAPTURE(chain);
    rig::Rig sut("avfilter", {{"chain", chain}});
    sut.open(format);
    rig::Frames out;
    for (std::int64_t n = 0; n < 10; ++n) {
      REQUIRE(sut.process(picture(format, n), out) >= 0);
    }
    sut.drain(out);
    CHECK(out.size() == wanted);
    for (std::size_t i = 1; i < out.size(); ++i) {
      CHECK(out[i]->get()->capture_ns > out[i - 1]->get()->capture_ns);
    }
    CHECK(out.at(0)->get()->capture_ns == 0);
  }
}

TEST_CASE("sound goes through with its length, level and times") {
  rig::Rig sut("avfilter", {{"chain", "volume=0.5"}});
  CHECK(sut.traits().inputs[0].media == AVRIG_MEDIA_AUDIO);
  const avrig_format format = rig::audio(48000, 2, 480);
  sut.open(format);
  const rig::Frames out = play_tone(sut, format, 20);
  std::int64_t total = 0;
  for (const auto& frame : out) {
    CHECK(frame->get()->capture_ns == total * 1'000'000'000 / 48000);
    total += frame->get()->samples;
  }
  CHECK(total == 9600);
  CHECK(out.at(0)->channel(1)[12] == doctest::Approx(0.25).epsilon(0.001));
}

TEST_CASE("half the tempo gives twice the sound, in blocks that fit") {
  rig::Rig sut("avfilter", {{"chain", "atempo=0.5"}});
  const avrig_format format = rig::audio(48000, 1, 256);
  sut.open(format);
  const rig::Frames out = play_tone(sut, format, 200);
  std::uint64_t total = 0;
  for (const auto& frame : out) {
    CHECK(frame->get()->samples <= 256);
    total += frame->get()->samples;
  }
  CHECK(std::abs(static_cast<double>(total) - 2 * 256 * 200) < 4096);
}

TEST_CASE("what a chain holds back goes out before a gap and at the end") {
  rig::Rig sut("avfilter", {{"chain", "tmix=frames=1,fps=30"}});
  const avrig_format format = rig::video("gray", 32, 32);
  sut.open(format);
  rig::Frames out;
  for (std::int64_t n = 0; n < 5; ++n) {
    REQUIRE(sut.process(picture(format, n), out) >= 0);
  }
  sut.break_stream(0, AVRIG_BREAK_GAP);
  for (std::int64_t n = 100; n < 105; ++n) {
    REQUIRE(sut.process(picture(format, n), out) >= 0);
  }
  sut.drain(out);
  CHECK(out.size() == 10);
  CHECK(std::abs(out.at(5)->get()->capture_ns - 100 * 1'000'000'000LL / 30) < 1000);
  sut.restart();
  out.clear();
  REQUIRE(sut.process(picture(format, 0), out) >= 0);
  sut.drain(out);
  CHECK(out.size() == 1);
}

TEST_CASE("wrong chains are refused by name before a frame comes") {
  const auto error_of = [](const std::string& chain) -> std::string {
    try {
      rig::Rig sut("avfilter", {{"chain", chain}});
      sut.open(sut.traits().inputs[0].media == AVRIG_MEDIA_AUDIO ? rig::audio(48000, 2, 480)
                                                                 : rig::video("yuv420p", 64, 48));
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(error_of("hflip,hflop")
            .ends_with("parameter 'chain': FFmpeg has no filter 'hflop' (see ffmpeg -filters)"));
  CHECK(error_of(" ").find("names no filter") != std::string::npos);
  CHECK(error_of("eq=contrst=2").find("contrst") != std::string::npos);
  CHECK(error_of("split").find("'split'") != std::string::npos);
  CHECK(error_of("color=red").find("one input") != std::string::npos);
  CHECK(error_of("scale@a=32:24 [x]; [x] hflip").empty());
  CHECK(error_of("drawtext=text='a,b'").find("'b'") == std::string::npos);
}
