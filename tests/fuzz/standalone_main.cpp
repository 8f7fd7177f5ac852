// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// Runs a fuzz target without libFuzzer: on the files given, else on 20,000 generated inputs.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
    const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  if (argc > 1) {
    return 0;
  }
  constexpr std::uint32_t kSeed = 20260101;
  std::mt19937 random(kSeed);
  std::printf("seed %u\n", kSeed);
  for (int run = 0; run < 20'000; ++run) {
    std::vector<std::uint8_t> input(random() % 512);
    for (std::uint8_t& byte : input) {
      // Small numbers reach further into a parser than even ones do.
      byte = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : random() % 8);
    }
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  return 0;
}
