// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace avrig::launch {

/// Make the run's dated folder `<run_dir>/<YYYYmmdd-HHMMSS>-<pipeline>` (0700), with a number
/// behind it where that exists already. Returns its absolute path. Throws Error(Open).
[[nodiscard]] std::string make_run_folder(const spec::PipelineSpec& spec);

/// Write `text` into a file that must not exist yet (0600). Throws Error(Open).
void write_new_file(const std::string& path, const std::string& text);

/// The three versions: project, plug-in ABI, shared-memory layout.
[[nodiscard]] nlohmann::json versions();

/// What a reader of the results must know of the machine: cpu, kernel, memory, limits.
[[nodiscard]] nlohmann::json host_facts();

}  // namespace avrig::launch
