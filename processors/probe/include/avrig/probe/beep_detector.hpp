// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/marks/beep.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace avrig::probe {

/// Finds where beeps (avrig/marks/beep.hpp) begin, to a fraction of a sample, under voice and
/// noise.
///
/// A matched filter: at each place the likeness (cosine) of the sound and the beep, whatever their
/// loudness. Where it is above kLikeness and no place within 20 ms is better, a beep begins; a
/// cosine through the best three places tells where between the samples.
///
/// Thread: one at a time      RT-safe: add() with a capacity reserved by the constructor
class BeepDetector {
 public:
  static constexpr double kLikeness = 0.6;
  static constexpr double kLeastLevel = 0.003;  ///< -50 dBFS: below it nothing is a beep

  explicit BeepDetector(std::uint32_t sample_rate_hz, std::size_t most_samples = 65536)
      : beep_(marks::make_beep(sample_rate_hz)), apart_(sample_rate_hz / 50) {
    for (const float x : beep_) {
      energy_ += static_cast<double>(x) * static_cast<double>(x);
    }
    sound_.reserve(most_samples + beep_.size() + kPiece);
  }

  /// The next samples. `found(double place)` is called for each beep, in order; place 0 is the
  /// first sample since the beginning or forget().
  template <class Found>
  void add(std::span<const float> samples, Found&& found) {
    sound_.insert(sound_.end(), samples.begin(), samples.end());
    std::size_t done = 0;
    for (; sound_.size() - done >= beep_.size() + kPiece; done += kPiece) {
      scan(sound_.data() + done, found);
      place_ += std::int64_t{kPiece};
    }
    sound_.erase(sound_.begin(), sound_.begin() + static_cast<std::ptrdiff_t>(done));
  }

  /// No more samples.
  template <class Found>
  void finish(Found&& found) {
    const std::vector<float> silence(beep_.size() + apart_ + 2 * kPiece, 0.0F);
    add(silence, found);
  }

  /// Beeps before this place have all been told.
  [[nodiscard]] std::int64_t settled() const noexcept {
    return best_ ? std::min(best_->place, place_) : place_;
  }

  void forget() noexcept {
    sound_.clear();
    place_ = 0;
    best_.reset();
    before_ = 0.0;
    pending_ = false;
  }

 private:
  static constexpr std::size_t kPiece = 64;

  struct Peak {
    std::int64_t place = 0;
    double likeness = 0.0;
    double before = 0.0;
    double after = 0.0;
  };

  template <class Found>
  void scan(const float* sound, Found& found) {
    // Tap by tap over a piece of places, not place by place: that way it vectorises.
    std::array<float, kPiece> products{};
    for (std::size_t k = 0; k < beep_.size(); ++k) {
      const float tap = beep_[k];
      const float* const at = sound + k;
      for (std::size_t i = 0; i < kPiece; ++i) {
        products[i] += tap * at[i];
      }
    }
    double window = 0.0;
    for (std::size_t i = 0; i < beep_.size(); ++i) {
      window += square(sound[i]);
    }
    for (std::size_t i = 0; i < kPiece; ++i) {
      const double product = static_cast<double>(products[i]);
      const bool loud = std::abs(product) >= kLeastLevel * energy_;
      judge(place_ + static_cast<std::int64_t>(i),
            loud ? product / std::sqrt(energy_ * std::max(window, 1e-12)) : 0.0,
            found);
      window += square(sound[i + beep_.size()]) - square(sound[i]);
    }
  }

  template <class Found>
  void judge(std::int64_t place, double likeness, Found& found) {
    if (pending_) {
      best_->after = likeness;
      pending_ = false;
    }
    if (best_ && place > best_->place + static_cast<std::int64_t>(apart_)) {
      found(summit(*best_));
      best_.reset();
    }
    // A sound card may have turned the sound upside down.
    const double size = std::abs(likeness);
    if (size >= kLikeness && (!best_ || size > std::abs(best_->likeness))) {
      best_ = Peak{place, likeness, before_, 0.0};
      pending_ = true;
    }
    before_ = likeness;
  }

  /// Around its peak the likeness of two chirps is a cosine: fitted through three places.
  [[nodiscard]] static double summit(const Peak& peak) noexcept {
    const double turn = (peak.before + peak.after) / (2 * peak.likeness);
    if (std::abs(turn) >= 1.0) {
      return static_cast<double>(peak.place);
    }
    const double angle = std::acos(turn);
    const double slope = (peak.after - peak.before) / (2 * peak.likeness * std::sin(angle));
    return static_cast<double>(peak.place) + std::clamp(std::atan(slope) / angle, -0.5, 0.5);
  }

  [[nodiscard]] static double square(float x) noexcept {
    return static_cast<double>(x) * static_cast<double>(x);
  }

  std::vector<float> beep_;
  std::size_t apart_;
  double energy_ = 0.0;
  std::vector<float> sound_;  ///< begins at place_
  std::int64_t place_ = 0;
  std::optional<Peak> best_;
  double before_ = 0.0;
  bool pending_ = false;  ///< the likeness after the best is not known yet
};

}  // namespace avrig::probe
