// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "chain.hpp"

#include <avrig/types.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <stdexcept>

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavutil/log.h>
}

namespace avrig::avfilter {

namespace {

std::string& captured() {
  static std::string lines;
  return lines;
}

void keep_line(void*, int level, const char* format, std::va_list arguments) {
  if (level > AV_LOG_ERROR) {
    return;
  }
  std::array<char, 512> line{};
  std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string text(line.data());
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  if (!text.empty()) {
    captured() += (captured().empty() ? "" : "; ") + text;
  }
}

/// The parts between commas and semicolons that are neither quoted nor escaped.
std::vector<std::string> parts_of(std::string_view chain) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const char c = chain[i];
    if (c == '\\' && !quoted && i + 1 < chain.size()) {
      parts.back() += chain.substr(i++, 2);
      continue;
    }
    quoted ^= c == '\'';
    if (!quoted && (c == ',' || c == ';')) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// "[in] scale@first=640:-2 [out]" is a "scale".
std::string name_of(std::string_view part) {
  constexpr std::string_view kBlank = " \t\n\r";
  for (;;) {
    part.remove_prefix(std::min(part.find_first_not_of(kBlank), part.size()));
    if (part.empty() || part.front() != '[') {
      break;
    }
    part.remove_prefix(std::min(part.find(']'), part.size() - 1) + 1);
  }
  return std::string(part.substr(0, part.find_first_of("=@[ \t\n\r")));
}

}  // namespace

std::vector<std::string> filter_names(std::string_view chain) {
  std::vector<std::string> names;
  for (const std::string& part : parts_of(chain)) {
    std::string name = name_of(part);
    const bool is_setting = names.empty() && name == "sws_flags";
    if (!is_setting && !name.empty()) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

std::uint32_t medium_of(std::string_view chain) {
  const std::vector<std::string> names = filter_names(chain);
  if (names.empty()) {
    throw std::invalid_argument(
        "parameter 'chain' names no filter; give one as for ffmpeg's -vf "
        "or -af, such as 'hflip' or 'volume=0.5'");
  }
  for (const std::string& name : names) {
    if (avfilter_get_by_name(name.c_str()) == nullptr) {
      throw std::invalid_argument("parameter 'chain': FFmpeg has no filter '" + name +
                                  "' (see ffmpeg -filters)");
    }
  }
  const AVFilter* const first = avfilter_get_by_name(names.front().c_str());
  const bool has_input = avfilter_filter_pad_count(first, 0) > 0;
  const AVFilterPad* const pads = has_input ? first->inputs : first->outputs;
  const bool is_audio = pads != nullptr && avfilter_pad_get_type(pads, 0) == AVMEDIA_TYPE_AUDIO;
  return is_audio ? AVRIG_MEDIA_AUDIO : AVRIG_MEDIA_VIDEO;
}

LogCapture::LogCapture() {
  captured().clear();
  av_log_set_callback(keep_line);
}

LogCapture::~LogCapture() {
  av_log_set_callback(av_log_default_callback);
}

std::string LogCapture::text() {
  return captured();
}

}  // namespace avrig::avfilter
