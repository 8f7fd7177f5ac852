// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>

#include <string>
#include <vector>

namespace avrig::launch {

/// The program that plays a stage: "media_reader", "processor", ... Empty: there is none for its
/// target.
[[nodiscard]] std::string program_for(spec::Role role, const std::string& target);

/// The targets that a role knows by name ("media", "jack", ...), for suggestions.
[[nodiscard]] std::vector<std::string> known_targets(spec::Role role);

/// Does the stage speak to a JACK server?
[[nodiscard]] bool needs_jack(const spec::StageSpec& stage) noexcept;

/// Where the stage programs lie: $AVRIG_PROGRAM_DIR, else beside this executable (or in ../bin from
/// it), else where avrig was installed. Throws Error(Open) when they are nowhere.
[[nodiscard]] std::string find_program_dir();

}  // namespace avrig::launch
