// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/marks/mark.hpp>
#include <avrig/marks/place.hpp>
#include <avrig/plugin.hpp>

#include <stdexcept>
#include <string>

using namespace avrig::plugin;

/// Draws the picture's number and time where the picture lies. The host keeps what was under the
/// mark until the edit is done: were it killed in between, the pixels below could not be had back.
class Timecode {
 public:
  static constexpr const char* kName = "timecode";
  static constexpr const char* kSummary =
      "draw the picture's number, for programs, and its time, for people";
  static constexpr Heal kHeal = Heal::Undo;
  static constexpr const char* kPixelFormats = avrig::marks::kPixelFormats;
  static constexpr auto& kParameters = avrig::marks::kPlaceParameters;

  explicit Timecode(const Params& params)
      : corner_(params.get<std::string>("corner", "top-left")),
        x_(params.get<std::uint32_t>("x", avrig::marks::kMargin)),
        y_(params.get<std::uint32_t>("y", avrig::marks::kMargin)) {}

  void configure(Config& config) {
    const avrig_format& format = config.input();
    const auto place = avrig::marks::mark_place(format.width, format.height, corner_, x_, y_);
    if (!place) {
      throw std::invalid_argument(
          "the mark takes 192x48 pixels, " + std::to_string(x_) + " and " + std::to_string(y_) +
          " from the corner; the picture has " + std::to_string(format.width) + "x" +
          std::to_string(format.height) + ". Lower x and y, or use larger pictures");
    }
    place_ = *place;
    config->undo_x = place_.x;
    config->undo_y = place_.y;
    config->undo_width = avrig::marks::kMarkWidth;
    config->undo_height = avrig::marks::kMarkHeight;
  }

  Status edit(VideoOut picture) noexcept {
    const avrig::marks::Canvas canvas(picture.frame(), picture.format());
    avrig::marks::draw_mark(
        canvas, place_, static_cast<std::uint16_t>(picture.index()), picture.capture_ns());
    return Status::Ok;
  }

 private:
  std::string corner_;
  std::uint32_t x_;
  std::uint32_t y_;
  avrig::marks::Point place_;
};

AVRIG_PLUGIN(Timecode)
