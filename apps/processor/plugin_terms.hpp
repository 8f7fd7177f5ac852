// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// The plug-in's words as the stage's, and back. Pure but for the plug-in's own configure().

#include "terms.hpp"
#include <avrig/plugin/instance.hpp>
#include <avrig/stage/stage.hpp>

#include <span>
#include <string>
#include <vector>

namespace avrig::processor {

/// AVRIG_READER for "read", AVRIG_WRITER for "write", else AVRIG_PROCESSOR.
[[nodiscard]] std::uint32_t role_of(const std::string& word) noexcept;

/// What a component publishes, as `with:` is checked against it.
[[nodiscard]] std::vector<stage::ParameterDescription> published_parameters(
    const avrig_component& component);

/// A JSON object of canonical values as canonical texts.
[[nodiscard]] std::vector<plugin::Setting> settings_from(const std::string& parameters);

/// What a plug-in said of itself, as a stage's description.
[[nodiscard]] stage::Description description_of(const avrig_traits& traits,
                                                const avrig_component& component);

/// The ports and the way of working, formats open. Throws Error(Spec) for an unknown trigger.
[[nodiscard]] Terms terms_of(const avrig_traits& traits,
                             const avrig_component& component,
                             const stage::Request& request);

/// Settle the formats with the plug-in: `inputs` by connected input in the order of ports.
/// Fills `terms` and answers for the stage. Throws Error.
[[nodiscard]] stage::Configured settle(Terms& terms,
                                       const avrig_traits& traits,
                                       plugin::PluginInstance& instance,
                                       std::span<const avrig_format> inputs,
                                       std::span<const stage::Wish> wishes);

/// Are frames of `a` frames of `b`, byte for byte?
[[nodiscard]] bool same_frames(const avrig_format& a, const avrig_format& b) noexcept;

}  // namespace avrig::processor
