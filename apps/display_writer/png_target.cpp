// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "png_target.hpp"

#include <avrig/error.hpp>
#include <avrig/media/formats.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

namespace avrig::display_writer {
namespace {

media::EncoderSettings png_settings(const avrig_format& rgb) {
  media::EncoderSettings settings;
  settings.input = rgb;
  settings.codec = "png";
  settings.threads = 1;
  return settings;
}

}  // namespace

PngTarget::PngTarget(std::string folder, const avrig_format& format, std::int64_t every)
    : folder_(std::move(folder)),
      every_(every),
      rgb_(media::video_format("rgb24", format.width, format.height)),
      layout_(media::FrameLayout::of(rgb_)),
      converter_(format, rgb_),
      encoder_(png_settings(rgb_)),
      picture_(layout_.total_bytes) {
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  if (failed) {
    throw Error(ErrorCode::Open,
                "cannot make the folder '" + folder_ + "' for pictures: " + failed.message());
  }
}

void PngTarget::take(const avrig_frame& frame) {
  wanted_ = taken_++ % every_ == 0;
  if (wanted_) {
    avrig_frame target{};
    layout_.bind(target, picture_.data());
    converter_.convert({frame.plane, frame.planes}, {target.plane, target.planes});
    index_ = frame.index;
  }
}

void PngTarget::show() {
  if (!wanted_) {
    return;
  }
  wanted_ = false;
  avrig_frame target{};
  target.struct_size = sizeof target;
  target.media = AVRIG_MEDIA_VIDEO;
  layout_.bind(target, picture_.data());
  media::Packet packet;
  if (encoder_.encode(target, taken_) != media::EncodeStatus::Ok || !encoder_.receive(packet)) {
    throw Error(ErrorCode::Open, "cannot write a picture as PNG: " + encoder_.error());
  }
  char name[32];
  std::snprintf(name, sizeof name, "%08lld.png", static_cast<long long>(index_));
  const std::string path = (std::filesystem::path(folder_) / name).string();
  std::ofstream file(path, std::ios::binary);
  const auto bytes = packet.bytes();
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) {
    throw Error(ErrorCode::Open, "cannot write '" + path + "' (is the disk full?)");
  }
}

}  // namespace avrig::display_writer
