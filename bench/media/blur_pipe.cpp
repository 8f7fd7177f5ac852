// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// blur_pipe WIDTH HEIGHT: raw yuv420p pictures from standard input to standard output, blurred.
/// The stage in the middle of three processes that are joined by pipes.

#include "blur.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace {

using avrig::bench::Pixels;
using avrig::bench::Planes;

bool read_all(std::vector<std::uint8_t>& picture) {
  std::size_t done = 0;
  while (done < picture.size()) {
    const ssize_t count = ::read(STDIN_FILENO, picture.data() + done, picture.size() - done);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      return false;
    }
    done += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  return true;
}

bool write_all(const std::vector<std::uint8_t>& picture) {
  std::size_t done = 0;
  while (done < picture.size()) {
    const ssize_t count = ::write(STDOUT_FILENO, picture.data() + done, picture.size() - done);
    if (count < 0 && errno != EINTR) {
      return false;
    }
    done += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  return true;
}

Planes planes_of(std::vector<std::uint8_t>& picture,
                 Pixels pixels,
                 std::size_t width,
                 std::size_t height) {
  std::uint8_t* const first = picture.data();
  if (pixels == Pixels::Bgr24) {
    return {{first, nullptr, nullptr}, {width * 3, 0, 0}};
  }
  std::uint8_t* const chroma = first + width * height;
  return {{first, chroma, chroma + width * height / 4}, {width, width / 2, width / 2}};
}

}  // namespace

int main(int argc, char** argv) {
  const auto width = static_cast<std::uint32_t>(argc > 1 ? std::atoi(argv[1]) : 0);
  const auto height = static_cast<std::uint32_t>(argc > 2 ? std::atoi(argv[2]) : 0);
  if (argc < 4 || width == 0 || height == 0 || width % 2 != 0 || height % 2 != 0) {
    std::fprintf(stderr, "usage: blur_pipe WIDTH HEIGHT (even) yuv420p|bgr24\n");
    return 1;
  }
  // As large as an unprivileged program may: fewer switches between the processes.
  for (const int pipe : {STDIN_FILENO, STDOUT_FILENO}) {
    (void)::fcntl(pipe, F_SETPIPE_SZ, 1 << 20);
  }
  const Pixels pixels = avrig::bench::pixels_named(argv[3]);
  const std::size_t samples = std::size_t{width} * height;
  std::vector<std::uint8_t> in(pixels == Pixels::Bgr24 ? samples * 3 : samples * 3 / 2);
  std::vector<std::uint8_t> out(in.size());
  avrig::bench::Blur blur(pixels, width, height);
  while (read_all(in)) {
    blur.run(planes_of(in, pixels, width, height), planes_of(out, pixels, width, height));
    if (!write_all(out)) {
      return 1;
    }
  }
  return 0;
}
