// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/pipeline.hpp>

#include <cstdio>

/// louder IN OUT: 6 dB more, everything else as it was, as fast as it goes.
int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s IN OUT\n", argv[0]);
    return 1;
  }
  try {
    avrig::Pipeline rig("louder");
    rig.read("clip", "media", {{"url", argv[1]}})
        .process("loud", "gain", {"clip/audio"}, {{"gain", "6dB"}})
        .write("out", "media", {"loud", "clip/video"}, {{"url", argv[2]}})
        .offline();
    rig.start();
    rig.wait();
    std::printf("%s\n", rig.last_run_folder().c_str());
  } catch (const avrig::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
