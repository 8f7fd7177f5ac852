// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "device_rig.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace avrig;
using namespace avrig::jack::test;

namespace {

/// What any client does at least.
class Trivial final : public clock::OutputRenderer {
 public:
  void render(const clock::OutputCycle&,
              std::uint32_t samples,
              float* const* outputs) noexcept override {
    for (int output = 0; output < 2; ++output) {
      std::fill_n(outputs[output], samples, 0.0F);
    }
  }
};

double seconds_each() {
  const char* text = std::getenv("AVRIG_SECONDS");
  return text == nullptr ? 6.0 : std::strtod(text, nullptr);
}

/// Xruns within so many seconds of a renderer.
std::uint64_t xruns_of(DeviceRig& rig, clock::OutputRenderer& renderer, double seconds) {
  rig.client.play(renderer);
  const std::uint64_t before = rig.recorder.xruns();
  rig.run(seconds);
  return rig.recorder.xruns() - before;
}

}  // namespace

TEST_SUITE("core/jack load") {
  TEST_CASE("SX-15 device: 64 voices at 20 ms have no more xruns than a trivial client, plus 2") {
    Trivial trivial;
    DeviceRig rig(2, {48000, 960}, 4096);
    for (int voice = 0; voice < 64; ++voice) {
      const std::uint64_t number = rig.add(ramp(static_cast<std::size_t>(4800 + voice)));
      rig.good({{"do", "start"}, {"voice", number}, {"loop", true}});
    }
    bool good = false;
    // What else the machine does can hit one of the two more often than the other.
    for (int round = 0; round < 5 && !good; ++round) {
      std::uint64_t mixed = 0;
      std::uint64_t idle = 0;
      for (int turn = 0; turn < 4; ++turn) {
        mixed += xruns_of(rig, rig.host, seconds_each() / 4);
        idle += xruns_of(rig, trivial, seconds_each() / 4);
      }
      std::printf("xruns: %llu with 64 voices, %llu of a trivial client\n",
                  static_cast<unsigned long long>(mixed),
                  static_cast<unsigned long long>(idle));
      std::fflush(stdout);
      good = mixed <= idle + 2;
    }
    CHECK(good);
  }
}
