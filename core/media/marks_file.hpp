// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/unique_fd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace avrig::media {

/// Marks beside a recording whose container has no text track: a table "time_ns,text".
class MarksFile {
 public:
  /// Adds a line; the file, `name`, is made with the first. Returns what went wrong, or "".
  [[nodiscard]] std::string write(const std::string& name,
                                  std::int64_t time_ns,
                                  std::string_view text);

 private:
  UniqueFd file_;
};

}  // namespace avrig::media
