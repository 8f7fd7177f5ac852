// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "container_traits.hpp"

#include <avrig/error.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

extern "C" {
#include <libavformat/avformat.h>
}

namespace avrig::media {

bool is_fragmented(std::string_view name) noexcept {
  return name == "mp4" || name == "mov" || name == "ipod" || name == "3gp" || name == "ismv";
}

ContainerTraits container_traits(const std::string& container, const std::string& path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  std::string wanted = container == "mkv" ? "matroska" : container;
  if (wanted.empty() && ending.empty()) {
    wanted = "matroska";
  }
  const AVOutputFormat* format = wanted.empty() ? av_guess_format(nullptr, path.c_str(), nullptr)
                                                : av_guess_format(wanted.c_str(), nullptr, nullptr);
  if (format == nullptr) {
    throw Error(ErrorCode::Open,
                "cannot write '" + path + "': FFmpeg knows no container " +
                    (wanted.empty() ? "for the ending '" + ending + "'" : "'" + wanted + "'") +
                    " (mkv, nut, mp4, mov, wav, flac, ogg, ...)");
  }
  constexpr std::array<std::string_view, 14> kTimeless = {"wav",
                                                          "w64",
                                                          "flac",
                                                          "aiff",
                                                          "au",
                                                          "caf",
                                                          "mp3",
                                                          "adts",
                                                          "ogg",
                                                          "oga",
                                                          "opus",
                                                          "avi",
                                                          "rf64",
                                                          "spx"};
  ContainerTraits traits;
  traits.name = format->name;
  const bool raw = (format->flags & AVFMT_NOTIMESTAMPS) != 0;
  traits.keeps_times =
      !raw && std::find(kTimeless.begin(), kTimeless.end(), traits.name) == kTimeless.end();
  traits.exact_ns = traits.name == "nut";
  traits.text_marks = traits.name == "matroska";
  return traits;
}

Options container_defaults(const std::string& container) {
  if (container == "matroska" || container == "webm") {
    return {{"cluster_time_limit", "200"}};
  }
  if (is_fragmented(container)) {
    // Without delay_moov the first picture lands at 0; with the default time scales the whole track
    // is off by up to half a millisecond.
    return {{"movflags", "+frag_custom+delay_moov+default_base_moof"},
            {"movie_timescale", "1000000"},
            {"video_track_timescale", "1000000"}};
  }
  return {};
}

std::int64_t default_flush_interval_ns(const std::string& container) noexcept {
  // A fragment or an Ogg page for each packet would cost more than the packet.
  return is_fragmented(container) || container == "ogg" ? 200'000'000 : 0;
}

}  // namespace avrig::media
