// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>

#include <string>

namespace avrig::spec {

/// The spec as a pipeline file; parse_text() of it has the same_meaning(). Values that equal the
/// defaults are left out, `defaults:` is merged into the stages, paths count from `folder:`.
///
/// Thread: any
[[nodiscard]] std::string to_yaml(const PipelineSpec& spec);

}  // namespace avrig::spec
