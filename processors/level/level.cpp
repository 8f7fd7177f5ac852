// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/plugin.hpp>

#include <algorithm>
#include <cmath>
#include <string>

using namespace avrig::plugin;

/// One row a block: RMS and peak of each channel in dB of full scale.
class Level {
 public:
  static constexpr const char* kName = "level";
  static constexpr const char* kSummary = "measure RMS and peak in dBFS, per block and channel";
  static constexpr Parameter kParameters[] = {
      {.name = "block",
       .type = "int",
       .default_value = "0",
       .minimum = "0",
       .maximum = "1048576",
       .unit = "samples",
       .doc = "a row for every so many samples; 0 = for each block as it comes"}};
  /// What silence measures, and anything below it.
  static constexpr float kFloorDb = -120.0F;

  explicit Level(const Params& params) : block_(params.get<std::uint32_t>("block", 0)) {}

  void describe(Traits& traits) { traits.inputs[0].block = block_; }

  /// Columns rms_1,peak_1,rms_2,peak_2,...
  void configure(Config& config) {
    std::string columns;
    for (std::uint32_t c = 1; c <= config.input().channels; ++c) {
      const std::string number = std::to_string(c);
      columns += (c > 1 ? ",rms_" : "rms_") + number + ",peak_" + number;
    }
    config.set_features(0, columns, 1);
  }

  Status process(AudioIn in, FeaturesOut out) noexcept {
    if (in.samples() == 0) {
      return Status::More;
    }
    out.set_rows(1);
    const auto row = out.row(0);
    for (std::uint32_t c = 0; c < in.channels() && 2 * c + 1 < row.size(); ++c) {
      double sum = 0.0;
      float peak = 0.0F;
      for (const float x : in.channel(c)) {
        sum += static_cast<double>(x) * static_cast<double>(x);
        peak = std::max(peak, std::abs(x));
      }
      row[2 * c] = to_db(std::sqrt(sum / in.samples()));
      row[2 * c + 1] = to_db(static_cast<double>(peak));
    }
    return Status::Ok;
  }

 private:
  static float to_db(double level) noexcept {
    return level > 0.0 ? std::max(kFloorDb, static_cast<float>(20.0 * std::log10(level)))
                       : kFloorDb;
  }

  std::uint32_t block_;
};

AVRIG_PLUGIN(Level)
