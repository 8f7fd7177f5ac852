// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>

#include <nlohmann/json.hpp>

namespace avrig::spec {

// Specs as JSON, to travel to stage processes and into the run folder: everything, with positions,
// quantities in ns and bytes. What is read is input: a wrong shape throws avrig::Error (Internal).

void to_json(nlohmann::json& json, const SourcePosition& position);
void from_json(const nlohmann::json& json, SourcePosition& position);
void to_json(nlohmann::json& json, const StageSpec& stage);
void from_json(const nlohmann::json& json, StageSpec& stage);
void to_json(nlohmann::json& json, const PipelineSpec& spec);
void from_json(const nlohmann::json& json, PipelineSpec& spec);

}  // namespace avrig::spec
