// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/unique_fd.hpp>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace avrig::app {

/// A running rig, as this user's tools find it.
struct Rig {
  std::string id;    ///< "talking-head-4711"
  std::string path;  ///< its control socket
  nlohmann::json status;
};

/// What a rig answered, with the descriptors that came along.
struct Answer {
  nlohmann::json json;
  std::vector<UniqueFd> fds;
};

/// The rigs of this user. Sockets that nobody listens at any more are taken away.
[[nodiscard]] std::vector<Rig> list_rigs();

/// The rig that `name` means: its id, its pipeline's name or its pid; empty: the only one. Throws
/// Error(Open) when there is none, or more than one.
[[nodiscard]] Rig find_rig(const std::string& name);

/// Ask a rig. Throws Error(Open) when it does not answer, Error(Spec) with what it refused.
[[nodiscard]] Answer ask_rig(const Rig& rig, const nlohmann::json& request);

}  // namespace avrig::app
