// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/pixel_layout.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig;

namespace {

/// Noise with hard black and white edges: what a filter gets wrong shows there.
void paint(const rig::Frame& picture) {
  std::mt19937 random(7);
  for (std::uint32_t p = 0; p < picture->planes; ++p) {
    for (std::uint32_t y = 0; y < picture->plane[p].rows; ++y) {
      for (std::uint32_t x = 0; x < picture->plane[p].stride_bytes; ++x) {
        const std::uint32_t tile = (x / 24 + y / 16) % 4;
        picture.row(p, y)[x] = static_cast<std::uint8_t>(tile == 0   ? 0
                                                         : tile == 1 ? 255
                                                         : tile == 2 ? random() & 255U
                                                                     : x + y);
      }
    }
  }
}

std::vector<double> weights(double sigma, int radius) {
  std::vector<double> list;
  double sum = 0;
  for (int k = -radius; k <= radius; ++k) {
    list.push_back(std::exp(-0.5 * k * k / (sigma * sigma)));
    sum += list.back();
  }
  for (double& w : list) {
    w /= sum;
  }
  return list;
}

struct Sides {
  double sigma;
  int radius;
};

/// One pixel of the direct two-dimensional sum.
double direct(const rig::Frame& in,
              std::uint32_t plane,
              int x,
              int y,
              int width,
              int step,
              int lane,
              Sides across,
              Sides down) {
  const auto wx = weights(across.sigma, across.radius);
  const auto wy = weights(down.sigma, down.radius);
  const int height = static_cast<int>(in->plane[plane].rows);
  double sum = 0;
  for (int j = -down.radius; j <= down.radius; ++j) {
    const auto line = static_cast<std::uint32_t>(std::clamp(y + j, 0, height - 1));
    for (int i = -across.radius; i <= across.radius; ++i) {
      const int column = std::clamp(x + i, 0, width - 1) * step + lane;
      sum += wy[static_cast<std::size_t>(j + down.radius)] *
             wx[static_cast<std::size_t>(i + across.radius)] * in.row(plane, line)[column];
    }
  }
  return sum;
}

/// The largest difference from the reference over a grid of pixels that holds all edges.
double worst(const rig::Frame& in, const rig::Frame& out, double sigma, int radius) {
  const PixelLayout layout = find_pixel_layout(in.format().pixel_format).value();
  double most = 0;
  for (std::uint32_t p = 0; p < in->planes; ++p) {
    const bool chroma = p == 1 || p == 2;
    const int step = chroma ? layout.chroma_bytes : layout.bytes;
    const int width = static_cast<int>(layout.row_bytes(in.format().width, p)) / step;
    const int height = static_cast<int>(in->plane[p].rows);
    const auto side = [&](int shift) {
      const int scale = chroma ? 1 << shift : 1;
      return Sides{sigma / scale, (radius + scale - 1) / scale};
    };
    for (int y = 0; y < height; y += y < 3 || y > height - 5 ? 1 : 3) {
      for (int x = 0; x < width; x += x < 3 || x > width - 5 ? 1 : 5) {
        const int lane = (x + y) % step;
        const double reference =
            direct(in, p, x, y, width, step, lane, side(layout.shift_x), side(layout.shift_y));
        const double seen = out.row(p, static_cast<std::uint32_t>(y))[x * step + lane];
        most = std::max(most, std::abs(seen - reference));
      }
    }
  }
  return most;
}

}  // namespace

TEST_CASE("gaussian-blur is within one level of the direct sum in every pixel format") {
  for (const std::string name :
       {"yuv420p", "yuv422p", "yuv444p", "nv12", "gray", "bgr24", "rgb24", "rgba", "yuv411p"}) {
    CAPTURE(name);
    rig::Rig sut("gaussian-blur", {{"kernel", "5"}});
    const avrig_format format = rig::video(name, 101, 67);
    sut.open(format);
    const rig::Frame in(format);
    paint(in);
    rig::Frames out;
    REQUIRE(sut.process(in, out) == AVRIG_OK);
    CHECK(worst(in, *out.at(0), 1.1, 2) <= 1.0);
  }
}

TEST_CASE("every size of kernel is within one level of the direct sum") {
  for (const double sigma : {0.3, 0.8, 1.5, 2.7, 6.0, 14.0}) {
    CAPTURE(sigma);
    rig::Rig sut("gaussian-blur", {{"sigma", std::to_string(sigma)}});
    const avrig_format format = rig::video("yuv420p", 90, 70);
    sut.open(format);
    const rig::Frame in(format);
    paint(in);
    rig::Frames out;
    REQUIRE(sut.process(in, out) == AVRIG_OK);
    CHECK(worst(in, *out.at(0), sigma, static_cast<int>(std::ceil(3 * sigma))) <= 1.0);
  }
}

TEST_CASE("an even picture stays as it is, black and white included") {
  rig::Rig sut("gaussian-blur", {{"sigma", "9"}});
  const avrig_format format = rig::video("gray", 64, 48);
  sut.open(format);
  for (const int level : {0, 1, 127, 254, 255}) {
    const rig::Frame in(format);
    std::fill_n(in.row(0, 0), in->plane[0].size_bytes, static_cast<std::uint8_t>(level));
    rig::Frames out;
    REQUIRE(sut.process(in, out) == AVRIG_OK);
    int most = 0;
    for (std::uint32_t y = 0; y < 48; ++y) {
      for (std::uint32_t x = 0; x < 64; ++x) {
        most = std::max(most, std::abs(out.at(0)->row(0, y)[x] - level));
      }
    }
    CHECK(most == 0);
  }
}

TEST_CASE("pictures smaller than the kernel are blurred too") {
  rig::Rig sut("gaussian-blur", {{"kernel", "31"}});
  const avrig_format format = rig::video("yuv420p", 3, 1);
  sut.open(format);
  const rig::Frame in(format);
  paint(in);
  rig::Frames out;
  REQUIRE(sut.process(in, out) == AVRIG_OK);
  CHECK(worst(in, *out.at(0), 0.3 * 14 + 0.8, 15) <= 1.0);
}

TEST_CASE("sigma can change while pictures go through") {
  rig::Rig sut("gaussian-blur", {{"sigma", "1"}});
  const avrig_format format = rig::video("gray", 64, 48);
  sut.open(format);
  const rig::Frame in(format);
  paint(in);
  sut.set("sigma", "3");
  rig::Frames out;
  REQUIRE(sut.process(in, out) == AVRIG_OK);
  CHECK(worst(in, *out.at(0), 3.0, 9) <= 1.0);
}

TEST_CASE("an even kernel is refused with the next odd one") {
  CHECK_THROWS_WITH_AS(rig::Rig("gaussian-blur", {{"kernel", "4"}}),
                       doctest::Contains("give 5"),
                       std::runtime_error);
}
