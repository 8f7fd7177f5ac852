// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>
#include <avrig/spec/problem.hpp>

#include <vector>

namespace avrig::spec {

/// What can be said of a pipeline without opening anything: ids, roles, inputs, cycles, groups.
///
/// parse_text() calls it; so must whoever builds a PipelineSpec in code. Time and memory are linear
/// in stages and edges.
///
/// Thread: any
[[nodiscard]] std::vector<Problem> check(const PipelineSpec& spec);

}  // namespace avrig::spec
