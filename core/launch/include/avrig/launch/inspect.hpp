// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace avrig::launch {

/// What a plug-in offers: a library's path, or a built-in processor's name. It is loaded by the
/// program plugin_inspector, never by this process. Throws Error(Open) with what is wrong with it.
[[nodiscard]] nlohmann::json inspect_plugin(const std::string& plugin);

/// The same for people.
[[nodiscard]] std::string describe_plugin(const nlohmann::json& plugin);

}  // namespace avrig::launch
