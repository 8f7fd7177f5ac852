// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
/// A reader: a sine tone of a given length. `read: ./build/tone.so`
#include <avrig/plugin.hpp>

#include <numbers>

using namespace avrig::plugin;

class Tone {
 public:
  static constexpr const char* kName = "tone";
  static constexpr const char* kSummary = "a sine tone of a given length";
  static constexpr Parameter kParameters[] = {
      {.name = "frequency", .type = "frequency", .default_value = "440", .minimum = "1"},
      {.name = "length", .type = "duration", .default_value = "1000000000", .minimum = "0"}};

  explicit Tone(const Params& params)
      : step_(2.0 * std::numbers::pi * params.get<double>("frequency") / kRateHz),
        total_(params.get<std::int64_t>("length") * kRateHz / 1'000'000'000) {}

  void configure(Config& config) { config.set_audio(0, kRateHz, 1, 480); }
  void start() { next_ = 0; }

  // Left alone, the stamps of a source that is not live count from zero.
  Status read(AudioOut out) noexcept {
    if (next_ == total_)
      return Status::End;
    const std::int64_t left = total_ - next_;
    if (left < out.samples())
      out.set_samples(static_cast<std::uint32_t>(left));
    for (float& sample : out.channel(0)) {
      sample = 0.5F * static_cast<float>(std::sin(step_ * static_cast<double>(next_++)));
    }
    return Status::Ok;
  }

 private:
  static constexpr std::uint32_t kRateHz = 48000;
  double step_;
  std::int64_t total_;
  std::int64_t next_ = 0;
};

AVRIG_PLUGIN(Tone)
