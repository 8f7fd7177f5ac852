// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <functional>
#include <string>

#include <boost/program_options.hpp>

namespace avrig::tool {

/// The command line of a program of one purpose: options, and one file.
///
///     Line line("avrig-probe FILE [options]", "Look into a recording ...\n\n");
///     line.options()("json", "for programs");
///     if (!line.parse(argc, argv)) return 0;   // --help
class Line {
 public:
  Line(const char* usage, const char* help);

  boost::program_options::options_description_easy_init options() { return named_.add_options(); }
  /// False when --help was asked for, and given. Throws boost's errors.
  [[nodiscard]] bool parse(int argc, char** argv);

  /// The one positional argument, or "".
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] bool has(const char* name) const { return given_.count(name) != 0; }

 private:
  const char* usage_;
  const char* help_;
  std::string file_;
  boost::program_options::options_description named_{"Options"};
  boost::program_options::variables_map given_;
};

/// What main() returns: what `body` does, or of an exception its text as one line and its code.
[[nodiscard]] int run(const char* name, const std::function<int()>& body) noexcept;

}  // namespace avrig::tool
