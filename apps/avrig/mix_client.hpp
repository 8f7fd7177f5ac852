// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/unique_fd.hpp>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace avrig::app {

/// The sockets of the mixers in a rig (its `write: jack` stages), by its process and run folder.
[[nodiscard]] std::vector<std::string> mixers_of(const nlohmann::json& status);

/// The mixer that `name` means: a rig with one, RIG/STAGE, or the path of a socket. Throws
/// Error(Open).
[[nodiscard]] std::string find_mixer(const std::string& name);

/// A connection to a mixer.
class MixClient {
 public:
  /// Throws Error(Open).
  explicit MixClient(const std::string& path);

  /// The reply; events before it are passed over. Throws Error(Open).
  [[nodiscard]] nlohmann::json ask(const nlohmann::json& request);
  /// Throws Error(Open) when the mixer ends.
  [[nodiscard]] std::string next_line();

 private:
  UniqueFd fd_;
  std::string pending_;
};

}  // namespace avrig::app
