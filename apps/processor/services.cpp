// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "services.hpp"

#include <algorithm>
#include <exception>

namespace avrig::processor {
namespace {

// A plug-in that numbers its errors must not fill the log.
constexpr std::size_t kMostTexts = 16;

stage::Level level_of(std::uint32_t level) noexcept {
  switch (level) {
    case AVRIG_LOG_DEBUG:
      return stage::Level::Debug;
    case AVRIG_LOG_INFO:
      return stage::Level::Info;
    case AVRIG_LOG_WARNING:
      return stage::Level::Warning;
    default:
      return stage::Level::Error;
  }
}

}  // namespace

void Services::log(std::uint32_t level, std::string_view text) noexcept {
  if (io_ == nullptr) {
    HostServices::log(level, text);
    return;
  }
  try {
    io_->log(level_of(level), std::string(text));
  } catch (const std::exception&) {
    // A line that cannot be built is not worth the run.
  }
}

void Services::count(const char* name, std::uint64_t n) noexcept {
  if (io_ != nullptr) {
    io_->count(name, static_cast<std::int64_t>(n));
  }
}

void Services::note_failure(std::string_view text) noexcept {
  count("errors", 1);
  try {
    if (seen_.size() == kMostTexts || std::ranges::find(seen_, text) != seen_.end()) {
      return;
    }
    seen_.emplace_back(text);
    log(AVRIG_LOG_WARNING,
        "a frame failed and counts as dropped: " +
            (text.empty() ? std::string("the plug-in gave no reason") : seen_.back()) +
            " (said once)");
  } catch (const std::exception&) {
    // As above.
  }
}

}  // namespace avrig::processor
