// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "command.hpp"

#include <avrig/error.hpp>

#include <iostream>

namespace avrig::app {

namespace po = boost::program_options;

CommandLine::CommandLine(const Command& command) : command_(&command), visible_("Options") {
  visible_.add_options()("help,h", "show this");
}

void CommandLine::positional(const char* name, bool required) {
  hidden_.add_options()(name, po::value<std::string>(), "");
  positions_.add(name, 1);
  if (required) {
    required_.emplace_back(name);
  }
}

bool CommandLine::parse(const std::vector<std::string>& arguments) {
  po::options_description all;
  all.add(visible_).add(hidden_);
  const std::string help = " ('avrig " + std::string(command_->name) + " --help' shows how)";
  try {
    po::store(po::command_line_parser(arguments).options(all).positional(positions_).run(),
              values_);
    po::notify(values_);
  } catch (const po::error& error) {
    throw Error(ErrorCode::Internal, error.what() + help);
  }
  if (has("help")) {
    print_help();
    return false;
  }
  for (const std::string& name : required_) {
    if (!has(name.c_str())) {
      throw Error(ErrorCode::Internal, "usage: avrig " + std::string(command_->usage) + help);
    }
  }
  return true;
}

void CommandLine::print_help() const {
  std::cout << "avrig " << command_->usage << "\n"
            << command_->summary << "\n\n"
            << visible_ << "\nExample:\n  " << command_->example << "\n";
}

}  // namespace avrig::app
