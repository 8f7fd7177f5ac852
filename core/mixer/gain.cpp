// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/mixer/gain.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace avrig::mixer {

float db_to_linear(double db) noexcept {
  if (!(db > kSilenceDb)) {
    return 0.0F;
  }
  return db == 0.0 ? 1.0F : static_cast<float>(std::pow(10.0, db / 20.0));
}

Pair pan_gains(PanLaw law, float pan) noexcept {
  const float p = std::isnan(pan) ? 0.0F : std::clamp(pan, -1.0F, 1.0F);
  if (law == PanLaw::ConstantPower) {
    const double angle = (static_cast<double>(p) + 1.0) * std::numbers::pi / 4.0;
    return {p >= 1.0F ? 0.0F : static_cast<float>(std::cos(angle)),
            p <= -1.0F ? 0.0F : static_cast<float>(std::sin(angle))};
  }
  return {std::min(1.0F, 1.0F - p), std::min(1.0F, 1.0F + p)};
}

}  // namespace avrig::mixer
