// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/stage/io.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace avrig::launch {

/// The merged log of a run: a line per event, `seconds stage level text`, seconds of
/// CLOCK_MONOTONIC since the run was set up.
///
/// Thread: control
class RunLog {
 public:
  /// `echo` and worse also go to stderr.
  explicit RunLog(stage::Level echo);
  ~RunLog();
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  /// From now on write into `path`, which must not exist; what was logged before goes there first.
  /// Throws Error(Open).
  void open(const std::string& path);
  /// Text of several lines becomes several lines. `stage`: its id, or "avrig".
  void line(std::string_view stage, stage::Level level, std::string_view text) noexcept;
  void info(std::string_view text) noexcept { line("avrig", stage::Level::Info, text); }
  void warn(std::string_view text) noexcept { line("avrig", stage::Level::Warning, text); }
  void error(std::string_view text) noexcept { line("avrig", stage::Level::Error, text); }

  /// A line on the terminal that is written over: how far the run is. Empty = take it away.
  void progress(const std::string& text) noexcept;

  [[nodiscard]] std::int64_t began_ns() const noexcept { return began_ns_; }

 private:
  void write(const std::string& line) noexcept;

  stage::Level echo_;
  std::int64_t began_ns_;
  std::FILE* file_ = nullptr;
  std::string before_;
  std::size_t progress_width_ = 0;
};

/// "info" and so on; and back (anything else is Info).
[[nodiscard]] std::string_view to_string(stage::Level level) noexcept;
[[nodiscard]] stage::Level level_from(std::string_view text) noexcept;

/// Cuts a byte stream into lines; what a dying process left unfinished is a line too.
class LineSplitter {
 public:
  static constexpr std::size_t kLongest = 4096;

  template <class Line>
  void feed(std::string_view bytes, Line&& line) {
    for (const char byte : bytes) {
      if (byte == '\n' || pending_.size() == kLongest) {
        flush(line);
      }
      if (byte != '\n') {
        pending_.push_back(byte);
      }
    }
  }
  template <class Line>
  void flush(Line&& line) {
    if (!pending_.empty()) {
      line(std::string_view(pending_));
      pending_.clear();
    }
  }

 private:
  std::string pending_;
};

}  // namespace avrig::launch
