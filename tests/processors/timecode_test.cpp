// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/marks/mark.hpp>

#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using namespace avrig;

namespace {

/// A picture full of a pattern.
rig::Frame pattern(const avrig_format& format) {
  rig::Frame picture(format);
  for (std::uint32_t p = 0; p < picture->planes; ++p) {
    for (std::uint32_t y = 0; y < picture->plane[p].rows; ++y) {
      for (std::uint32_t x = 0; x < picture->plane[p].stride_bytes; ++x) {
        picture.row(p, y)[x] = static_cast<std::uint8_t>(x * 7 + y * 13);
      }
    }
  }
  return picture;
}

}  // namespace

TEST_CASE("timecode is an editor whose region is undone") {
  rig::Rig sut("timecode", {{"corner", "bottom-right"}, {"x", "0"}, {"y", "8"}});
  CHECK(sut.traits().work == AVRIG_EDITOR);
  CHECK(sut.traits().heal == AVRIG_HEAL_UNDO);
  sut.open(rig::video("yuv420p", 640, 360));
  CHECK(sut.configuration().undo_x == 448);
  CHECK(sut.configuration().undo_y == 304);
  CHECK(sut.configuration().undo_width == 192);
  CHECK(sut.configuration().undo_height == 48);
}

TEST_CASE("timecode writes the picture's number and changes nothing outside its region") {
  for (const std::string name : {"yuv420p", "nv12", "gray", "bgr24", "rgb24", "yuv422p"}) {
    for (const std::string corner : {"top-left", "top-right", "bottom-left", "bottom-right"}) {
      CAPTURE(name);
      CAPTURE(corner);
      rig::Rig sut("timecode", {{"corner", corner}});
      sut.open(rig::video(name, 321, 241));
      rig::Frame picture = pattern(rig::video(name, 321, 241));
      const rig::Frame before(picture);
      picture->index = 65536 + 77;
      picture->capture_ns = 1'234'567'890;
      REQUIRE(sut.edit(picture) == AVRIG_OK);
      const marks::Luma luma(*picture.get(), picture.format());
      const marks::Point at{sut.configuration().undo_x, sut.configuration().undo_y};
      CHECK(marks::read_code(luma, at) == 77);

      const rig::Frame& kept = before;
      const std::uint32_t bytes = name.ends_with("24") ? 3 : 1;
      std::size_t outside = 0;
      for (std::uint32_t y = 0; y < 241; ++y) {
        for (std::uint32_t x = 0; x < 321 * bytes; ++x) {
          const bool inside =
              y >= at.y && y < at.y + 48 && x >= at.x * bytes && x < (at.x + 192) * bytes;
          outside += !inside && picture.row(0, y)[x] != kept.row(0, y)[x] ? 1U : 0U;
        }
      }
      CHECK(outside == 0);
    }
  }
}

TEST_CASE("a picture too small for the mark is refused with both sizes") {
  rig::Rig sut("timecode");
  CHECK_THROWS_WITH_AS(
      sut.open(rig::video("gray", 160, 120)), doctest::Contains("160x120"), std::runtime_error);
}
