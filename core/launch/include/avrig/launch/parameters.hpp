// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/parameter.hpp>
#include <avrig/spec/problem.hpp>
#include <avrig/stage/description.hpp>

#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::launch {

/// A stage's `with:` in canonical units, defaults included, or what is wrong with it.
struct ResolvedParameters {
  std::vector<spec::Problem> problems;
  nlohmann::json values;
};

/// Check and resolve what the file says against what the stage publishes.
///
/// Thread: any
[[nodiscard]] ResolvedParameters resolve_parameters(
    const spec::StageSpec& stage, std::span<const stage::ParameterDescription> published);

/// One value given while running (`avrig set`), as canonical JSON. Throws Error(Spec): no such
/// parameter, not one that may change, or a wrong value.
[[nodiscard]] nlohmann::json resolve_live(const spec::StageSpec& stage,
                                          std::span<const stage::ParameterDescription> published,
                                          const std::string& name,
                                          const nlohmann::json& written,
                                          const std::string& text);

/// A canonical value as the text that stages take.
[[nodiscard]] std::string canonical_text(const nlohmann::json& value);

}  // namespace avrig::launch
