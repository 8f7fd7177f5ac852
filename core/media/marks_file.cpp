// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "marks_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace avrig::media {
namespace {

std::string csv_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    out += c == '"' ? "\"\"" : std::string(1, c);
  }
  return out + "\"";
}

}  // namespace

std::string MarksFile::write(const std::string& name, std::int64_t time_ns, std::string_view text) {
  std::string line;
  if (!file_) {
    file_.reset(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
    line = "time_ns,text\n";
  }
  line += std::to_string(time_ns) + "," + csv_quoted(text) + "\n";
  if (!file_ ||
      ::write(file_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return "cannot write a mark to '" + name + "': " + std::strerror(errno);
  }
  return {};
}

}  // namespace avrig::media
