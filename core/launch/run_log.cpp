// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/run_log.hpp>
#include <avrig/monotonic.hpp>

#include <array>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace avrig::launch {
namespace {

constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warning", "error"};

}  // namespace

std::string_view to_string(stage::Level level) noexcept {
  return kLevels[static_cast<std::size_t>(level) % kLevels.size()];
}

stage::Level level_from(std::string_view text) noexcept {
  for (std::size_t index = 0; index < kLevels.size(); ++index) {
    if (kLevels[index] == text) {
      return static_cast<stage::Level>(index);
    }
  }
  return stage::Level::Info;
}

RunLog::RunLog(stage::Level echo) : echo_(echo), began_ns_(monotonic_ns()) {}

RunLog::~RunLog() {
  progress({});
  if (file_ != nullptr) {
    (void)std::fclose(file_);
  }
}

void RunLog::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_APPEND, 0600);
  if (fd < 0) {
    throw errno_error(ErrorCode::Open, "cannot write the run's log '" + path + "'");
  }
  file_ = ::fdopen(fd, "a");
  (void)std::fputs(before_.c_str(), file_);
  (void)std::fflush(file_);
  before_.clear();
}

void RunLog::write(const std::string& line) noexcept {
  if (file_ != nullptr) {
    (void)std::fputs(line.c_str(), file_);
    (void)std::fflush(file_);
  } else {
    before_ += line;
  }
}

void RunLog::line(std::string_view stage, stage::Level level, std::string_view text) noexcept {
  const double seconds = static_cast<double>(monotonic_ns() - began_ns_) * 1e-9;
  const std::size_t width = progress_width_;
  if (level >= echo_ && width > 0) {
    progress({});
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() && !text.empty()) {
      continue;
    }
    std::array<char, 64> head{};
    (void)std::snprintf(head.data(), head.size(), "%12.6f ", seconds);
    const std::string level_text(to_string(level));
    write(head.data() + std::string(stage) + " " + level_text + " " + std::string(part) + "\n");
    if (level >= echo_) {
      const std::string shown = (stage == "avrig" ? std::string("avrig") : std::string(stage)) +
                                ": " + (level >= stage::Level::Warning ? level_text + ": " : "") +
                                std::string(part) + "\n";
      (void)!::write(STDERR_FILENO, shown.data(), shown.size());
    }
  }
}

void RunLog::progress(const std::string& text) noexcept {
  if (text.empty() && progress_width_ == 0) {
    return;
  }
  std::string shown = "\r" + text;
  if (text.size() < progress_width_) {
    shown.append(progress_width_ - text.size(), ' ');
  }
  if (text.empty()) {
    shown += "\r";
  }
  progress_width_ = text.size();
  (void)!::write(STDERR_FILENO, shown.data(), shown.size());
}

}  // namespace avrig::launch
