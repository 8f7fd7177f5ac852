// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// What a plug-in says is input: these functions read it and name the first thing that is wrong.
///
/// Pure functions. Pointers are taken to be null or good; everything else is doubted.
///
/// Thread: any      RT-safe: no
/// Returns: empty when nothing is wrong, else the fault in words ("component 2: it has no name")

#include <avrig/plugin.h>

#include <optional>
#include <string>
#include <string_view>

namespace avrig::plugin {

using Fault = std::optional<std::string>;

/// Header, version, and all tables of a library.
[[nodiscard]] Fault find_descriptor_fault(const avrig_plugin_descriptor* descriptor);

/// What describe() answered, for a component of this role.
[[nodiscard]] Fault find_traits_fault(const avrig_traits& traits, std::uint32_t role);

/// A format that configure() completed for a port of this medium.
[[nodiscard]] Fault find_format_fault(const avrig_format& format, std::uint32_t media);

/// What configure() answered beside the formats: delays, counts, the region to undo.
[[nodiscard]] Fault find_configuration_fault(const avrig_configuration& configuration);

/// A value in canonical form, against the parameter's type, range and choices.
[[nodiscard]] Fault find_value_fault(const avrig_parameter& parameter, std::string_view value);

/// "reader", "processor", "writer".
[[nodiscard]] std::string_view role_name(std::uint32_t role) noexcept;

/// Parameter `i`, by the stride that the plug-in was built with.
[[nodiscard]] const avrig_parameter& parameter_at(const avrig_component& component,
                                                  std::uint32_t i) noexcept;

/// Port `i` of a list, by the stride that the plug-in was built with.
[[nodiscard]] const avrig_port& port_at(const avrig_port* ports, std::uint32_t i) noexcept;

}  // namespace avrig::plugin
