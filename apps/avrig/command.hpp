// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <string>
#include <vector>

#include <boost/program_options.hpp>

namespace avrig::app {

/// One command of `avrig`: its words for --help, and what it does.
struct Command {
  const char* name;
  const char* usage;    ///< "run [OPTION...] SPEC"
  const char* summary;  ///< one line
  const char* example;
  int (*main)(const Command& command, const std::vector<std::string>& arguments);
};

/// Reads a command's options. Positional arguments are read in order; what is missing or too much
/// ends in one line and exit code 1.
class CommandLine {
 public:
  explicit CommandLine(const Command& command);

  boost::program_options::options_description_easy_init options() { return visible_.add_options(); }
  /// A positional argument; `required` ones first.
  void positional(const char* name, bool required);

  /// False when --help was asked for, and given. Throws Error(Internal) on a wrong line.
  [[nodiscard]] bool parse(const std::vector<std::string>& arguments);

  [[nodiscard]] bool has(const char* name) const { return values_.count(name) > 0; }
  [[nodiscard]] std::string text(const char* name) const {
    return has(name) ? values_[name].as<std::string>() : std::string();
  }
  [[nodiscard]] std::vector<std::string> list(const char* name) const {
    return has(name) ? values_[name].as<std::vector<std::string>>() : std::vector<std::string>();
  }

 private:
  void print_help() const;

  const Command* command_;
  boost::program_options::options_description visible_;
  boost::program_options::options_description hidden_;
  boost::program_options::positional_options_description positions_;
  std::vector<std::string> required_;
  boost::program_options::variables_map values_;
};

int run_command(const Command& command, const std::vector<std::string>& arguments);
int validate_command(const Command& command, const std::vector<std::string>& arguments);
int graph_command(const Command& command, const std::vector<std::string>& arguments);
int inspect_command(const Command& command, const std::vector<std::string>& arguments);
int schema_command(const Command& command, const std::vector<std::string>& arguments);
int ps_command(const Command& command, const std::vector<std::string>& arguments);
int top_command(const Command& command, const std::vector<std::string>& arguments);
int set_command(const Command& command, const std::vector<std::string>& arguments);
int mix_command(const Command& command, const std::vector<std::string>& arguments);
int mark_command(const Command& command, const std::vector<std::string>& arguments);
int stop_command(const Command& command, const std::vector<std::string>& arguments);
int doctor_command(const Command& command, const std::vector<std::string>& arguments);

}  // namespace avrig::app
