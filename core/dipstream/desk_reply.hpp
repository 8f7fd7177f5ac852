// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/desk.hpp>

#include <nlohmann/json.hpp>

namespace avrig::dipstream {

/// A request whose commands the engine has not all answered.
struct Desk::Reply {
  ClientId client;
  nlohmann::json id;
  nlohmann::json results;
  nlohmann::json more;
  std::size_t remaining;
  bool batch;
  std::string error;
  UniqueFd fd;  // goes with it
};

/// What a refusal means, in a sentence.
[[nodiscard]] std::string explain(mixer::Reason reason);

}  // namespace avrig::dipstream
