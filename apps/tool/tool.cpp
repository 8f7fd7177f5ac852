// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "tool.hpp"

#include <avrig/error.hpp>

#include <cstdio>
#include <iostream>

namespace avrig::tool {

namespace po = boost::program_options;

Line::Line(const char* usage, const char* help) : usage_(usage), help_(help) {
  named_.add_options()("help,h", "this text");
}

bool Line::parse(int argc, char** argv) {
  po::options_description all(named_);
  all.add_options()("file", po::value(&file_));
  po::positional_options_description places;
  places.add("file", 1);
  po::store(po::command_line_parser(argc, argv).options(all).positional(places).run(), given_);
  po::notify(given_);
  if (has("help")) {
    std::cout << usage_ << "\n" << help_ << named_;
    return false;
  }
  return true;
}

int run(const char* name, const std::function<int()>& body) noexcept {
  try {
    return body();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return static_cast<int>(ErrorCode::Internal);
  }
}

}  // namespace avrig::tool
