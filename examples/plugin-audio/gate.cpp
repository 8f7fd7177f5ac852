// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/plugin.hpp>

using namespace avrig::plugin;

class Gate {
 public:
  static constexpr const char* kName = "gate";
  static constexpr const char* kSummary = "drop the blocks of audio that are too quiet";
  static constexpr Parameter kParameters[] = {
      {.name = "threshold", .type = "level", .default_value = "-40", .doc = "RMS of a block"}};

  // Set-up: once, in the stage's own process. May throw; the text is what the user reads.
  Gate(Host host, const Params& params)
      : host_(host), least_(gain_from_db(params.get<double>("threshold"))) {}

  // Per frame: data and, beside it, capture time, sigma and quality. Status::Drop gives no frame.
  Status process(AudioIn in, AudioOut out) noexcept {
    float power = 0.0F;
    for (std::uint32_t c = 0; c < in.channels(); ++c) {
      std::ranges::copy(in.channel(c), out.channel(c).begin());
      std::ranges::for_each(in.channel(c), [&](float x) { power += x * x; });
    }
    const auto count = static_cast<float>(in.samples() * in.channels());
    const bool loud = power >= least_ * least_ * count;
    last_loud_ns_ = loud ? in.capture_ns() : last_loud_ns_;
    return loud ? Status::Ok : Status::Drop;
  }

  // Tear-down: the stream is at its end.
  void stop() { host_.info("last loud block at " + std::to_string(last_loud_ns_) + " ns"); }

 private:
  Host host_;
  float least_;
  std::int64_t last_loud_ns_ = -1;
};
AVRIG_PLUGIN(Gate)
