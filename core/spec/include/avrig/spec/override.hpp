// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace avrig::spec {

/// `STAGE.PARAM=VALUE`, taken apart. VALUE is read as in the file: "21" is a number, "[1, 2]" a
/// list, "20ms" stays text until the plug-in's parameters are known.
struct Override {
  std::string stage;
  std::string param;
  nlohmann::json value;
  std::string text;     ///< VALUE as written
  std::string written;  ///< all of it
};

/// Throws: Error(ErrorCode::Spec) that says how it should look.
[[nodiscard]] Override parse_override(std::string_view text);

/// Put one `--set STAGE.PARAM=VALUE` into the spec, over what the file says. Problems found later
/// with the value name the option instead of a line.
///
/// Throws: Error(ErrorCode::Spec): not of that form, or no such stage (with a suggestion).
void apply_override(PipelineSpec& spec, std::string_view text);

}  // namespace avrig::spec
