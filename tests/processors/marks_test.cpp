// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/marks/beep.hpp>
#include <avrig/marks/mark.hpp>

#include <string>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::marks;

TEST_CASE("every frame number survives its blocks, and neighbours differ by one Gray bit") {
  for (std::uint32_t n = 0; n < 65536; ++n) {
    const std::uint32_t blocks = encode_number(static_cast<std::uint16_t>(n));
    REQUIRE(decode_blocks(blocks) == n);
    REQUIRE(blocks != 0);
    REQUIRE(blocks != 0xFFFFFF);
    const std::uint32_t next = encode_number(static_cast<std::uint16_t>(n + 1));
    REQUIRE(__builtin_popcount((blocks ^ next) >> 8) == 1);
  }
}

TEST_CASE("one or two wrong blocks are never taken for another number") {
  for (const int n : {0, 1, 299, 32767, 65535}) {
    const std::uint32_t blocks = encode_number(static_cast<std::uint16_t>(n));
    for (int a = 0; a < 24; ++a) {
      for (int b = a; b < 24; ++b) {
        const std::uint32_t wrong = blocks ^ ((1U << a) | (1U << b));
        CHECK_FALSE(decode_blocks(wrong).has_value());
      }
    }
  }
}

TEST_CASE("the code is read back from every pixel format it is drawn in") {
  std::string list = kPixelFormats;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    const std::string name = list.substr(at, comma - at);
    at = comma + 1;
    CAPTURE(name);
    const rig::Frame picture(rig::video(name, 320, 180));
    const Point place = mark_place(320, 180, "bottom-right").value();
    draw_mark(Canvas(*picture.get(), picture.format()), place, 4711, 0);
    CHECK(read_code(Luma(*picture.get(), picture.format()), place) == 4711);
  }
}

TEST_CASE("a picture without a code, or a blend of two, gives no number") {
  rig::Frame picture(rig::video("gray", 320, 180));
  const Luma luma(*picture.get(), picture.format());
  CHECK_FALSE(read_code(luma, {16, 16}).has_value());
  CHECK_FALSE(read_code(luma, {200, 16}).has_value());
  rig::Frame other(picture);
  draw_code(Canvas(*picture.get(), picture.format()), {16, 16}, 1000);
  draw_code(Canvas(*other.get(), other.format()), {16, 16}, 1500);
  for (std::uint32_t y = 0; y < 180; ++y) {
    for (std::uint32_t x = 0; x < 320; ++x) {
      picture.row(0, y)[x] =
          static_cast<std::uint8_t>((picture.row(0, y)[x] + other.row(0, y)[x]) / 2);
    }
  }
  CHECK_FALSE(read_code(luma, {16, 16}).has_value());
}

TEST_CASE("times are written as people read them") {
  const auto text = [](std::int64_t ns) {
    const TimeText time = format_time(ns);
    return std::string(time.begin(), time.end());
  };
  CHECK(text(0) == "00:00:00.000");
  CHECK(text(33'366'667) == "00:00:00.033");
  CHECK(text(((3 * 60 + 25) * 60 + 59) * 1'000'000'000LL + 999'999'999) == "03:25:59.999");
  CHECK(text(100 * 3600 * 1'000'000'000LL) == "00:00:00.000");
  CHECK(text(-5) == "00:00:00.000");
}

TEST_CASE("marks and patch stay inside the picture, at even places") {
  CHECK_FALSE(mark_place(191, 100, "top-left", 0, 0).has_value());
  CHECK_FALSE(mark_place(200, 64, "top-left", 16, 0).has_value());
  const Point corner = mark_place(641, 361, "bottom-right").value();
  CHECK(corner.x == 432);
  CHECK(corner.y == 296);
  const Rect patch = flash_patch(640, 360);
  CHECK(patch.width == 80);
  CHECK(patch.x + patch.width == 624);
  CHECK(patch.y + patch.height == 344);
  const Rect tiny = flash_patch(8, 8);
  CHECK(tiny.x + tiny.width <= 8);
}

TEST_CASE("the beep has one sharp peak when correlated with itself") {
  const auto beep = make_beep(48000);
  CHECK(beep.size() == 240);
  double energy = 0;
  for (const float x : beep) {
    energy += static_cast<double>(x) * static_cast<double>(x);
  }
  for (std::size_t lag = 8; lag < 240; ++lag) {
    double sum = 0;
    for (std::size_t i = lag; i < 240; ++i) {
      sum += static_cast<double>(beep[i]) * static_cast<double>(beep[i - lag]);
    }
    CHECK(std::abs(sum) < 0.5 * energy);
  }
}
