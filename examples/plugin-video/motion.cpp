// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/plugin.hpp>

using namespace avrig::plugin;

class Motion {
 public:
  static constexpr const char* kName = "motion";
  static constexpr const char* kSummary = "what moves: the difference from a learnt background";
  static constexpr const char* kPixelFormats = "gray";
  static constexpr Parameter kParameters[] = {
      {.name = "rate", .type = "ratio", .default_value = "0.05", .minimum = "0", .maximum = "1"}};

  explicit Motion(const Params& params) : rate_(params.get<float>("rate")) {}

  // Set-up: the format is known, so allocate here. After a crash, learn from 100 pictures again.
  void configure(Config& config) {
    learnt_.assign(std::size_t{config.input().width} * config.input().height, 0.0F);
    config->history = 100;
  }

  // Per frame. Capture time, sigma and quality go on as they are; out.set_capture() changes them.
  void process(VideoIn in, VideoOut out) noexcept {
    float* learnt = learnt_.data();
    for (std::uint32_t y = 0; y < in.height(); ++y) {
      std::ranges::transform(in.row(y), out.row(y).begin(), [&](std::uint8_t pixel) {
        const float difference = static_cast<float>(pixel) - *learnt;
        *learnt++ += rate_ * difference;
        return static_cast<std::uint8_t>(std::abs(difference));
      });
    }
  }
  void stop() { learnt_.clear(); }  // Tear-down
 private:
  float rate_;
  std::vector<float> learnt_;
};
AVRIG_PLUGIN(Motion)
