// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>

#include <string>
#include <string_view>
#include <sys/types.h>

namespace avrig::launch {

/// By how much a stage of an offline run is nicer than the launcher: 0 for one that nobody follows,
/// 10 for the one before it, 15 before that, then 19.
///
/// With more stages than cores the last one, mostly an encoder, is what the others wait for. Where
/// a stage yields to those behind it, these run whenever they can, and the others fill the gaps: a
/// chain of decoder, blur and x264 on two cores passes an eighth more pictures a second
/// (docs/architecture.md).
[[nodiscard]] int offline_niceness(const spec::PipelineSpec& spec, std::string_view stage);

/// Give a stage's process its cores, nice value and real-time priority. Returns what the system
/// refused, " cpus nice"; empty: nothing. A refusal costs quality, not the run.
[[nodiscard]] std::string apply_scheduling(const spec::PipelineSpec& spec,
                                           const spec::StageSpec& stage,
                                           pid_t pid);

enum class Haste { No, Yes };

/// Let a stage that comes back start ahead of what else runs: the others wait for it. Live only,
/// not where the file says how it is to run, and only if the system lets us (root, or a limit on
/// `nice` of the user's: 'avrig doctor').
[[nodiscard]] Haste hasten(const spec::PipelineSpec& spec,
                           const spec::StageSpec& stage,
                           pid_t pid) noexcept;
/// It is there: it, with the threads that it has made meanwhile, runs as apply_scheduling() says.
void end_haste(const spec::PipelineSpec& spec, const spec::StageSpec& stage, pid_t pid) noexcept;

}  // namespace avrig::launch
