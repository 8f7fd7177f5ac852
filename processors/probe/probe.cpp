// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/marks/place.hpp>
#include <avrig/plugin.hpp>
#include <avrig/probe/av_probe.hpp>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

using namespace avrig::plugin;

namespace {

/// What the report gets of a Summary; the names are the counters'.
constexpr std::size_t kCounters = 9;
using Counts = std::array<std::uint64_t, kCounters>;
constexpr std::array<const char*, kCounters> kNames = {"pictures-read",
                                                       "pictures-unreadable",
                                                       "pictures-missing",
                                                       "pictures-duplicate",
                                                       "pictures-out-of-order",
                                                       "flashes",
                                                       "beeps",
                                                       "flashes-without-beep",
                                                       "beeps-without-flash"};

Counts counts_of(const avrig::probe::Summary& seen) {
  return {seen.numbers.read,
          seen.numbers.unreadable,
          seen.numbers.missing,
          seen.numbers.duplicate,
          seen.numbers.out_of_order,
          seen.flashes,
          seen.beeps,
          seen.lonely_flashes,
          seen.lonely_beeps};
}

std::string text_of(const avrig::probe::Summary& seen) {
  std::array<char, 320> text{};
  std::snprintf(text.data(),
                text.size(),
                "A/V offset mean %+.3f ms, min %+.3f, max %+.3f over %llu pairs (sound less "
                "picture); %llu pictures read, %llu missing, %llu duplicate, %llu out of order, "
                "%llu unreadable; %llu flashes without beep, %llu beeps without flash",
                seen.offset_mean_ms,
                seen.offset_min_ms,
                seen.offset_max_ms,
                static_cast<unsigned long long>(seen.pairs),
                static_cast<unsigned long long>(seen.numbers.read),
                static_cast<unsigned long long>(seen.numbers.missing),
                static_cast<unsigned long long>(seen.numbers.duplicate),
                static_cast<unsigned long long>(seen.numbers.out_of_order),
                static_cast<unsigned long long>(seen.numbers.unreadable),
                static_cast<unsigned long long>(seen.lonely_flashes),
                static_cast<unsigned long long>(seen.lonely_beeps));
  return text.data();
}

}  // namespace

/// A row for each flash that found its beep: time_s, offset_ms (positive: the sound is late),
/// frame. A restarted probe begins anew: pairs in the making when it died are lost.
class Probe {
 public:
  static constexpr const char* kName = "probe";
  static constexpr const char* kSummary =
      "measure a marked clip: lost pictures, and how far the sound is from the picture";
  static constexpr Trigger kTrigger = Trigger::Any;
  static constexpr const char* kPixelFormats = avrig::marks::kPixelFormats;
  static constexpr std::uint32_t kMostRows = 16;
  static constexpr auto& kParameters = avrig::marks::kPlaceParameters;

  Probe(Host host, const Params& params)
      : host_(host),
        corner_(params.get<std::string>("corner", "top-left")),
        x_(params.get<std::uint32_t>("x", avrig::marks::kMargin)),
        y_(params.get<std::uint32_t>("y", avrig::marks::kMargin)) {}

  void describe(Traits& traits) {
    for (Port& port : traits.inputs) {
      port.flags = AVRIG_PORT_OPTIONAL;
    }
  }

  void configure(Config& config) {
    options_ = {};
    if (config.connected(1)) {
      const avrig_format& picture = config.input(1);
      const auto place = avrig::marks::mark_place(picture.width, picture.height, corner_, x_, y_);
      if (!place) {
        throw std::invalid_argument("a picture of " + std::to_string(picture.width) + "x" +
                                    std::to_string(picture.height) +
                                    " has no room for a mark at this place");
      }
      options_.mark = *place;
    }
    config.set_features(0, "time_s,offset_ms,frame", kMostRows);
    config->max_outputs = kMaxOutputs;
    config->tail = kMaxOutputs;
  }

  void start() {
    probe_ = avrig::probe::AvProbe(options_);
    counted_ = {};
    rows_.clear();
    finished_ = false;
  }

  void discontinuity(std::uint32_t input, std::uint32_t) {
    if (input == 0) {
      probe_.forget_sound();
    } else {
      probe_.forget_pictures();
    }
  }

  Status process(AudioIn sound, VideoIn picture, FeaturesOut out) noexcept {
    if (rows_.empty()) {
      if (sound) {
        probe_.add_sound(sound.frame(), sound.format());
      }
      if (picture) {
        probe_.add_picture(picture.frame(), picture.format());
      }
      collect();
    }
    return rows_.empty() ? Status::More : give(out);
  }

  Status drain(FeaturesOut out) noexcept {
    if (!finished_) {
      finished_ = true;
      probe_.finish();
      collect();
    }
    return rows_.empty() ? Status::End : give(out);
  }

  void stop() {
    if (!finished_) {
      probe_.finish();
      collect();
    }
    host_.info(text_of(probe_.summary()));
  }

 private:
  static constexpr std::uint32_t kMaxOutputs = 4;

  void collect() {
    const Counts now = counts_of(probe_.summary());
    for (std::size_t i = 0; i < kCounters; ++i) {
      if (now[i] > counted_[i]) {
        host_.count(kNames[i], now[i] - counted_[i]);
      }
    }
    counted_ = now;
    if (probe_.has_pairs()) {
      rows_ = probe_.take_pairs();
    }
  }

  Status give(const FeaturesOut& out) noexcept {
    const std::size_t count = std::min<std::size_t>(rows_.size(), kMostRows);
    out.set_rows(static_cast<std::uint32_t>(count));
    for (std::uint32_t r = 0; r < count; ++r) {
      const auto row = out.row(r);
      row[0] = static_cast<float>(static_cast<double>(rows_[r].flash_ns) * 1e-9);
      row[1] = static_cast<float>(static_cast<double>(rows_[r].offset_ns()) * 1e-6);
      row[2] = static_cast<float>(rows_[r].number);
    }
    out.frame().capture_ns = rows_[0].flash_ns;
    out.frame().duration_ns = 0;
    rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(count));
    return rows_.empty() ? Status::Ok : Status::Again;
  }

  Host host_;
  std::string corner_;
  std::uint32_t x_;
  std::uint32_t y_;
  avrig::probe::Options options_;
  avrig::probe::AvProbe probe_;
  Counts counted_{};
  std::vector<avrig::probe::Pair> rows_;
  bool finished_ = false;
};

AVRIG_PLUGIN(Probe)
