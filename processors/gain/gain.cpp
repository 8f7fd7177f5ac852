// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/plugin.hpp>

using namespace avrig::plugin;

/// A maker: times twice is not times once, so an edit in place would need a before-image, which
/// costs what writing the result elsewhere costs. And the unchanged sound stays there for others.
class Gain {
 public:
  static constexpr const char* kName = "gain";
  static constexpr const char* kSummary = "make audio louder or softer";
  static constexpr Parameter kParameters[] = {{.name = "gain",
                                               .type = "level",
                                               .default_value = "0",
                                               .minimum = "-120",
                                               .maximum = "60",
                                               .doc = "added to every channel",
                                               .flags = kLiveSettable}};

  explicit Gain(const Params& params) : factor_(gain_from_db(params.get<double>("gain", 0.0))) {}

  void set_param(std::string_view, const Value& value) {
    factor_ = gain_from_db(value.as<double>());
  }

  Status process(AudioIn in, AudioOut out) noexcept {
    for (std::uint32_t c = 0; c < in.channels(); ++c) {
      std::ranges::transform(
          in.channel(c), out.channel(c).begin(), [this](float x) { return factor_ * x; });
    }
    return Status::Ok;
  }

 private:
  float factor_;
};

AVRIG_PLUGIN(Gain)
