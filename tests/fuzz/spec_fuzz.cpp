// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "properties.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

// Any bytes as a pipeline file. Run: build/fuzz/fuzz_bin/spec_fuzz -max_len=4096 CORPUS
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string broken = avrig::spec::test::broken_property(std::string(data, data + size));
  if (!broken.empty()) {
    std::fprintf(stderr, "%s\n", broken.c_str());
    std::abort();
  }
  return 0;
}
