// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace avrig::launch {

/// What a plug-in offers: a library's path, or a built-in processor's name. It is loaded by the
/// program plugin_inspector, never by this process. Throws Error(Open) with what is wrong with it.
[[nodiscard]] nlohmann::json inspect_plugin(const std::string& plugin);

/// The same of a reader or writer of avrig's own, "read:media" or "write:jack": its program is
/// asked what `with:` takes. Throws Error(Spec) for one that there is not, Error(Open).
[[nodiscard]] nlohmann::json inspect_built_in(const std::string& name);
/// Does the name ask for one of those?
[[nodiscard]] bool is_built_in(const std::string& name) noexcept;

/// The same for people.
[[nodiscard]] std::string describe_plugin(const nlohmann::json& plugin);

}  // namespace avrig::launch
