// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// Measures a stream of marked pictures and one of beeps: are all pictures there, and how far is
/// the sound from them?

#include <avrig/marks/mark.hpp>
#include <avrig/probe/beep_detector.hpp>
#include <avrig/probe/flash_detector.hpp>
#include <avrig/probe/number_check.hpp>
#include <avrig/probe/pairing.hpp>
#include <avrig/types.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace avrig::probe {

struct Options {
  marks::Point mark{marks::kMargin, marks::kMargin};
  std::optional<marks::Rect> patch;  ///< empty = marks::flash_patch of the picture
};

/// Offsets are sound less picture: positive = the sound is late.
struct Summary {
  NumberCounts numbers;
  std::uint64_t flashes = 0;
  std::uint64_t beeps = 0;
  std::uint64_t pairs = 0;
  std::uint64_t lonely_flashes = 0;
  std::uint64_t lonely_beeps = 0;
  double offset_mean_ms = 0.0;
  double offset_min_ms = 0.0;
  double offset_max_ms = 0.0;
};

/// Thread: one at a time      RT-safe: no (a pair now and then allocates)
class AvProbe {
 public:
  explicit AvProbe(Options options = {}) : options_(options) {}

  /// The next picture; in one of marks::kPixelFormats.
  void add_picture(const avrig_frame& frame, const avrig_format& format) {
    const marks::Luma luma(frame, format);
    const auto number = marks::read_code(luma, options_.mark);
    numbers_.add(number);
    const marks::Rect patch =
        options_.patch.value_or(marks::flash_patch(format.width, format.height));
    if (flash_.add(luma.mean(patch))) {
      ++summary_.flashes;
      pairing_.add_flash(frame.capture_ns, number ? std::int32_t{*number} : -1);
      settle();
    }
  }

  /// The next block; its channels are mixed.
  void add_sound(const avrig_frame& frame, const avrig_format& format) {
    if (!beep_ || format.sample_rate_hz != rate_) {
      rate_ = format.sample_rate_hz;
      forget_sound();
      beep_.emplace(rate_);
    }
    mix(frame);
    blocks_.push_back({samples_, frame.capture_ns});
    samples_ += frame.samples;
    beep_->add(mixed_, [this](double place) { add_beep(place); });
    while (blocks_.size() > 1 && blocks_[1].place <= beep_->settled()) {
      blocks_.pop_front();
    }
    settle();
  }

  /// The stream of pictures broke, or began anew.
  void forget_pictures() noexcept {
    numbers_.forget();
    flash_.forget();
  }
  /// The stream of sound broke.
  void forget_sound() {
    if (beep_) {
      beep_->finish([this](double place) { add_beep(place); });
      beep_->forget();
    }
    blocks_.clear();
    samples_ = 0;
  }

  /// Both streams are at their end.
  void finish() {
    forget_sound();
    pairing_.finish([this](const Pair& pair) { keep(pair); });
  }

  /// The pairs found since the last call, in order.
  [[nodiscard]] std::vector<Pair> take_pairs() { return std::exchange(found_, {}); }
  [[nodiscard]] bool has_pairs() const noexcept { return !found_.empty(); }

  [[nodiscard]] Summary summary() const noexcept {
    Summary summary = summary_;
    summary.numbers = numbers_.counts();
    summary.lonely_flashes = pairing_.lonely_flashes();
    summary.lonely_beeps = pairing_.lonely_beeps();
    summary.offset_mean_ms =
        summary.pairs == 0 ? 0.0 : sum_ms_ / static_cast<double>(summary.pairs);
    return summary;
  }

 private:
  struct Block {
    std::int64_t place;
    std::int64_t capture_ns;
  };

  void mix(const avrig_frame& frame) {
    mixed_.assign(frame.samples, 0.0F);
    const std::uint32_t channels = frame.plane[0].rows;
    for (std::uint32_t c = 0; c < channels; ++c) {
      const auto row = marks::detail::row_of<const std::byte>(frame.plane[0], c);
      const void* const start = row.data();
      const std::span samples(static_cast<const float*>(start), frame.samples);
      for (std::size_t n = 0; n < samples.size(); ++n) {
        mixed_[n] += samples[n];
      }
    }
    const float scale = 1.0F / static_cast<float>(std::max(channels, 1U));
    for (float& x : mixed_) {
      x *= scale;
    }
  }

  /// By the stamp of the block that the place lies in.
  [[nodiscard]] std::int64_t time_of(double place) const noexcept {
    Block block = blocks_.front();
    for (const Block& next : blocks_) {
      if (static_cast<double>(next.place) > place) {
        break;
      }
      block = next;
    }
    const double since = (place - static_cast<double>(block.place)) / rate_;
    return block.capture_ns + std::llround(since * 1e9);
  }

  void add_beep(double place) {
    if (!blocks_.empty()) {
      ++summary_.beeps;
      pairing_.add_beep(time_of(place));
    }
  }

  void settle() {
    if (!blocks_.empty()) {
      pairing_.settle(time_of(static_cast<double>(beep_->settled())),
                      [this](const Pair& pair) { keep(pair); });
    }
  }

  void keep(const Pair& pair) {
    const double ms = static_cast<double>(pair.offset_ns()) * 1e-6;
    summary_.offset_min_ms = summary_.pairs == 0 ? ms : std::min(summary_.offset_min_ms, ms);
    summary_.offset_max_ms = summary_.pairs == 0 ? ms : std::max(summary_.offset_max_ms, ms);
    sum_ms_ += ms;
    ++summary_.pairs;
    found_.push_back(pair);
  }

  Options options_;
  Summary summary_;
  double sum_ms_ = 0.0;
  NumberCheck numbers_;
  FlashDetector flash_;
  std::optional<BeepDetector> beep_;
  std::uint32_t rate_ = 0;
  std::int64_t samples_ = 0;
  std::deque<Block> blocks_;
  std::vector<float> mixed_;
  Pairing pairing_;
  std::vector<Pair> found_;
};

}  // namespace avrig::probe
