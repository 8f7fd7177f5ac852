// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/frame_layout.hpp>
#include <avrig/media/picture_converter.hpp>
#include <avrig/media/resampler.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::media;

namespace {

struct Picture {
  avrig_format format;
  FrameLayout layout;
  std::vector<std::uint8_t> bytes;
  avrig_frame frame{};

  explicit Picture(const avrig_format& f)
      : format(f), layout(FrameLayout::of(f)), bytes(layout.total_bytes + 64, 0) {
    const auto misfit = reinterpret_cast<std::uintptr_t>(bytes.data()) % 64;
    layout.bind(frame, bytes.data() + (misfit == 0 ? 0 : 64 - misfit));
  }
  [[nodiscard]] std::span<const avrig_plane> planes() const { return {frame.plane, frame.planes}; }
  [[nodiscard]] std::uint8_t& at(std::size_t plane, std::size_t x, std::size_t y) const {
    return static_cast<std::uint8_t*>(
        frame.plane[plane].data)[y * frame.plane[plane].stride_bytes + x];
  }
};

/// A sine resampled in blocks of the given size.
std::vector<float> resample(Resampler& sut, const std::vector<float>& in, std::uint32_t block) {
  std::vector<float> out;
  std::vector<float> piece(8192);
  for (std::size_t i = 0; i < in.size(); i += block) {
    const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(block, in.size() - i));
    const std::uint32_t got = sut.process(in.data() + i, 0, n, piece.data(), 0, 8192);
    out.insert(out.end(), piece.begin(), piece.begin() + got);
  }
  for (std::uint32_t got = 1; got > 0;) {
    got = sut.flush(piece.data(), 0, 8192);
    out.insert(out.end(), piece.begin(), piece.begin() + got);
  }
  return out;
}

std::vector<float> sine(std::size_t samples, double hz, double rate) {
  std::vector<float> out(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    out[i] = static_cast<float>(
        0.5 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / rate));
  }
  return out;
}

}  // namespace

TEST_SUITE("core/media/convert") {
  TEST_CASE("frame layout: planes are aligned, apart and inside the buffer") {
    for (const char* pixels : {"yuv420p", "yuv422p10le", "nv12", "bgr24", "gray", "gbrp", "rgba"}) {
      for (const std::uint32_t width : {1U, 17U, 854U, 1920U}) {
        const FrameLayout sut = FrameLayout::of_picture(pixels, width, 181);
        std::uint64_t end = 0;
        for (std::uint32_t i = 0; i < sut.planes; ++i) {
          CHECK(sut.plane[i].offset_bytes % 64 == 0);
          CHECK(sut.plane[i].stride_bytes % 64 == 0);
          CHECK(sut.plane[i].offset_bytes >= end);
          end = sut.plane[i].offset_bytes + sut.plane[i].size_bytes;
        }
        CHECK(end <= sut.total_bytes);
      }
    }
    CHECK(FrameLayout::of_audio(2, 100).plane[0].stride_bytes == 448);
    CHECK_THROWS_AS(static_cast<void>(FrameLayout::of_picture("nonsense", 8, 8)), Error);
    CHECK_THROWS_AS(static_cast<void>(FrameLayout::of_picture("yuv420p", 0, 8)), Error);
    CHECK_THROWS_AS(static_cast<void>(FrameLayout::of_picture("yuv420p", 4000000000U, 4000000000U)),
                    Error);
  }

  TEST_CASE("picture converter: RGB orders are exact, YUV and back is close") {
    Picture bgr(video_format("bgr24", 64, 48));
    for (std::size_t y = 0; y < 48; ++y) {
      for (std::size_t x = 0; x < 64 * 3; ++x) {
        bgr.at(0, x, y) = static_cast<std::uint8_t>(x / 2 + y * 2);
      }
    }
    Picture rgb(video_format("rgb24", 64, 48));
    PictureConverter swap(bgr.format, rgb.format);
    swap.convert(bgr.planes(), rgb.planes());
    for (std::size_t y = 0; y < 48; ++y) {
      for (std::size_t x = 0; x < 64; ++x) {
        REQUIRE(rgb.at(0, x * 3, y) == bgr.at(0, x * 3 + 2, y));
        REQUIRE(rgb.at(0, x * 3 + 1, y) == bgr.at(0, x * 3 + 1, y));
      }
    }
    Picture yuv(video_format("yuv444p", 64, 48));
    Picture back(bgr.format);
    PictureConverter there(bgr.format, yuv.format, Conversion::Exact);
    PictureConverter home(yuv.format, back.format, Conversion::Exact);
    there.convert(bgr.planes(), yuv.planes());
    home.convert(yuv.planes(), back.planes());
    int worst = 0;
    for (std::size_t y = 0; y < 48; ++y) {
      for (std::size_t x = 0; x < 64 * 3; ++x) {
        worst = std::max(worst, std::abs(int{back.at(0, x, y)} - int{bgr.at(0, x, y)}));
      }
    }
    CHECK(worst <= 4);
  }

  TEST_CASE("picture converter: the same format is a copy, also with another stride") {
    Picture from(video_format("yuv420p", 50, 30));
    Picture to(video_format("yuv420p", 50, 30));
    from.at(1, 24, 14) = 77;
    PictureConverter sut(from.format, to.format);
    CHECK(sut.is_copy());
    sut.convert(from.planes(), to.planes());
    CHECK(to.at(1, 24, 14) == 77);
    CHECK_THROWS_AS(PictureConverter(from.format, video_format("vaapi", 50, 30)), Error);
  }

  TEST_CASE("resampler: no shift, the right length, the same for any block size") {
    struct Case {
      std::uint32_t in;
      std::uint32_t out;
    };
    for (const Case c :
         {Case{48000, 44100}, Case{44100, 48000}, Case{16000, 48000}, Case{48000, 48000}}) {
      const auto in = sine(c.in, 997.0, c.in);
      Resampler sut(c.in, c.out, 1);
      const auto big = resample(sut, in, 1024);
      CHECK(std::abs(static_cast<double>(big.size()) - c.out) <= 1.0);
      const auto wanted = sine(c.out, 997.0, c.out);
      double noise = 0;
      double signal = 0;
      for (std::size_t i = 2000; i + 2000 < big.size(); ++i) {
        noise += std::pow(static_cast<double>(big[i]) - static_cast<double>(wanted[i]), 2);
        signal += std::pow(static_cast<double>(wanted[i]), 2);
      }
      const double snr_db = noise == 0 ? 200.0 : 10 * std::log10(signal / noise);
      CHECK(snr_db > 95.0);
      MESSAGE(c.in, " to ", c.out, " Hz: ", snr_db, " dB, ", big.size(), " samples");
      sut.reset();
      CHECK(resample(sut, in, 37) == big);
    }
  }

  TEST_CASE("resampler: says which input instant comes next") {
    Resampler sut(48000, 44100, 1);
    const auto in = sine(48000, 100, 48000);
    std::vector<float> out(4096);
    for (std::size_t i = 0; i + 512 <= in.size(); i += 512) {
      static_cast<void>(sut.process(in.data() + i, 0, 512, out.data(), 0, 4096));
      const double ideal = static_cast<double>(sut.samples_out()) * 48000.0 / 44100.0;
      CHECK(std::abs(sut.next_input_position() - ideal) < 0.01);
    }
  }

  TEST_CASE("resampler: compensation stretches by the samples asked for") {
    Resampler sut(48000, 48000, 1);
    REQUIRE(sut.compensate(10, 48000));
    const auto in = sine(48000, 997.0, 48000);
    const auto out = resample(sut, in, 480);
    CHECK(std::abs(static_cast<double>(out.size()) - 48010.0) <= 2.0);
    CHECK_THROWS_AS(Resampler(0, 48000, 1), Error);
  }
}
