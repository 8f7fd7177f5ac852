// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/plugin/checks.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <set>

namespace avrig::plugin {
namespace {

constexpr std::uint32_t kMostComponents = 256;
constexpr std::uint32_t kMostParameters = 256;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestText = 4096;

constexpr std::array<std::string_view, 13> kTypes = {"bool",
                                                     "int",
                                                     "float",
                                                     "string",
                                                     "enum",
                                                     "duration",
                                                     "frequency",
                                                     "size",
                                                     "level",
                                                     "ratio",
                                                     "rate",
                                                     "path",
                                                     "list"};

std::string_view text_of(const char* text) noexcept {
  return text == nullptr ? std::string_view{}
                         : std::string_view{text, ::strnlen(text, kLongestText)};
}

bool is_one_of(std::string_view word, std::string_view list) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == word) {
      return true;
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

Fault find_name_fault(const char* text) {
  const std::string_view name = text_of(text);
  if (name.empty()) {
    return "it has no name";
  }
  if (name.size() > kLongestName) {
    return "its name is longer than " + std::to_string(kLongestName) + " bytes";
  }
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!plain) {
    return "its name has other characters than a-z 0-9 - _";
  }
  return std::nullopt;
}

Fault find_size_fault(std::string_view what, std::uint32_t seen, std::size_t least) {
  if (seen >= least && seen <= 4096 && seen % alignof(void*) == 0) {
    return std::nullopt;
  }
  return std::string(what) + ": its struct_size is " + std::to_string(seen) + ", not " +
         std::to_string(least) + " or more";
}

template <class T>
std::optional<T> parse(std::string_view text) noexcept {
  T value{};
  const auto seen = std::from_chars(text.data(), text.data() + text.size(), value);
  if (seen.ec != std::errc{} || seen.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

bool is_whole(std::string_view type) noexcept {
  return type == "int" || type == "duration" || type == "size";
}

bool is_real(std::string_view type) noexcept {
  return type == "float" || type == "frequency" || type == "level" || type == "ratio";
}

template <class T>
Fault find_number_fault(const avrig_parameter& parameter, std::string_view value) {
  const auto number = parse<T>(value);
  if (!number) {
    return "'" + std::string(value) + "' is no " + std::string(text_of(parameter.type));
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(*number)) {
      return "'" + std::string(value) + "' is not a number";
    }
  }
  const auto least = parse<T>(text_of(parameter.minimum));
  const auto most = parse<T>(text_of(parameter.maximum));
  if ((least && *number < *least) || (most && *number > *most)) {
    return "'" + std::string(value) + "' lies outside " +
           std::string(least ? text_of(parameter.minimum) : "-inf") + " to " +
           std::string(most ? text_of(parameter.maximum) : "inf");
  }
  return std::nullopt;
}

/// "30/1", "30000/1001".
bool is_rate(std::string_view value) noexcept {
  const std::size_t slash = value.find('/');
  if (slash == std::string_view::npos) {
    return false;
  }
  const auto above = parse<std::uint32_t>(value.substr(0, slash));
  const auto below = parse<std::uint32_t>(value.substr(slash + 1));
  return above && below && *above > 0 && *below > 0;
}

Fault find_parameter_fault(const avrig_parameter& parameter) {
  if (Fault fault = find_name_fault(parameter.name)) {
    return fault;
  }
  const std::string name = "'" + std::string(text_of(parameter.name)) + "'";
  const std::string_view type = text_of(parameter.type);
  if (std::ranges::find(kTypes, type) == kTypes.end()) {
    return name + " has the unknown type '" + std::string(type) + "'";
  }
  if (type == "enum" && text_of(parameter.choices).empty()) {
    return name + " is an enum without choices";
  }
  const bool required = (parameter.flags & AVRIG_PARAMETER_REQUIRED) != 0;
  if (required && parameter.default_value != nullptr) {
    return name + " is required and has a default";
  }
  if (parameter.default_value != nullptr) {
    if (Fault fault = find_value_fault(parameter, text_of(parameter.default_value))) {
      return name + ", its default: " + *fault;
    }
  }
  return std::nullopt;
}

Fault find_parameters_fault(const avrig_component& component) {
  if (component.parameter_count == 0) {
    return std::nullopt;
  }
  if (component.parameter_count > kMostParameters || component.parameters == nullptr) {
    return std::to_string(component.parameter_count) + " parameters where up to " +
           std::to_string(kMostParameters) + " can be, or no table of them";
  }
  if (Fault fault = find_size_fault(
          "its parameters", component.parameters->struct_size, sizeof(avrig_parameter))) {
    return fault;
  }
  std::set<std::string_view> names;
  for (std::uint32_t i = 0; i < component.parameter_count; ++i) {
    const avrig_parameter& parameter = parameter_at(component, i);
    if (Fault fault = find_parameter_fault(parameter)) {
      return "parameter " + std::to_string(i + 1) + ": " + *fault;
    }
    if (!names.insert(text_of(parameter.name)).second) {
      return "two parameters are named '" + std::string(text_of(parameter.name)) + "'";
    }
  }
  return std::nullopt;
}

Fault find_component_fault(const avrig_component* component) {
  if (component == nullptr) {
    return "its table is missing";
  }
  if (Fault fault = find_size_fault("its table", component->struct_size, sizeof(avrig_component))) {
    return fault;
  }
  if (Fault fault = find_name_fault(component->name)) {
    return fault;
  }
  if (role_name(component->role).empty()) {
    return "its role " + std::to_string(component->role) + " is unknown";
  }
  if (component->create == nullptr || component->describe == nullptr ||
      component->process == nullptr || component->destroy == nullptr) {
    return "create, describe, process or destroy is missing";
  }
  return find_parameters_fault(*component);
}

Fault find_version_fault(const avrig_plugin_descriptor& descriptor) {
  if (descriptor.struct_size < 4 * sizeof(std::uint32_t)) {
    return "its descriptor has " + std::to_string(descriptor.struct_size) +
           " bytes, too few for any version";
  }
  if (descriptor.abi_major != AVRIG_ABI_MAJOR) {
    return "it speaks plug-in ABI " + std::to_string(descriptor.abi_major) + "." +
           std::to_string(descriptor.abi_minor) + ", this avrig speaks " +
           std::to_string(AVRIG_ABI_MAJOR) + "." + std::to_string(AVRIG_ABI_MINOR) +
           " (build it again with this avrig's headers)";
  }
  if (descriptor.magic != AVRIG_PLUGIN_MAGIC) {
    return "avrig_plugin_entry returned something else than an avrig descriptor";
  }
  return find_size_fault("its descriptor", descriptor.struct_size, sizeof(descriptor));
}

Fault find_port_fault(const avrig_port& port, bool is_input) {
  if (Fault fault = find_name_fault(port.name)) {
    return fault;
  }
  const std::uint32_t least = is_input ? AVRIG_MEDIA_NONE : AVRIG_MEDIA_AUDIO;
  if (port.media < least || port.media > AVRIG_MEDIA_PACKETS) {
    return "'" + std::string(text_of(port.name)) + "' has the unknown medium " +
           std::to_string(port.media);
  }
  return std::nullopt;
}

/// Entries of a call that these ports take.
std::uint64_t entries_of(const avrig_port* ports, std::uint32_t count) {
  std::uint64_t entries = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const avrig_port& port = port_at(ports, i);
    entries += port.media == AVRIG_MEDIA_AUDIO ? 1 : std::max(1U, port.block);
  }
  return entries;
}

Fault find_ports_fault(const avrig_port* ports, std::uint32_t count, bool is_input) {
  const std::string side = is_input ? "input " : "output ";
  if (count > AVRIG_MAX_PORTS || (count > 0 && ports == nullptr)) {
    return std::to_string(count) + " " + side + "ports where up to " +
           std::to_string(AVRIG_MAX_PORTS) + " can be, or no table of them";
  }
  if (count == 0) {
    return std::nullopt;
  }
  if (Fault fault = find_size_fault(side + "ports", ports->struct_size, sizeof(avrig_port))) {
    return fault;
  }
  std::set<std::string_view> names;
  for (std::uint32_t i = 0; i < count; ++i) {
    const avrig_port& port = port_at(ports, i);
    if (Fault fault = find_port_fault(port, is_input)) {
      return side + std::to_string(i + 1) + ": " + *fault;
    }
    if (!names.insert(text_of(port.name)).second) {
      return "two " + side + "ports are named '" + std::string(text_of(port.name)) + "'";
    }
  }
  if (entries_of(ports, count) > AVRIG_MAX_CALL_FRAMES) {
    return "its " + side + "blocks need more than " + std::to_string(AVRIG_MAX_CALL_FRAMES) +
           " frames a call";
  }
  return std::nullopt;
}

Fault find_role_fault(const avrig_traits& traits, std::uint32_t role) {
  if (role == AVRIG_READER && (traits.input_count != 0 || traits.output_count == 0)) {
    return "a reader has outputs and no inputs";
  }
  if (role == AVRIG_WRITER && (traits.input_count == 0 || traits.output_count != 0)) {
    return "a writer has inputs and no outputs";
  }
  if (role == AVRIG_PROCESSOR && traits.input_count == 0) {
    return "a processor has inputs";
  }
  return std::nullopt;
}

Fault find_work_fault(const avrig_traits& traits, std::uint32_t role) {
  if (traits.work > AVRIG_LOOKER) {
    return "its class of work " + std::to_string(traits.work) + " is unknown";
  }
  if (traits.trigger > AVRIG_TRIGGER_PAIRED || traits.tolerance_ns < 0) {
    return "its trigger or tolerance is unknown";
  }
  if (role == AVRIG_PROCESSOR && traits.work == AVRIG_LOOKER && traits.output_count != 0) {
    return "a looker has no outputs (a maker looks and writes)";
  }
  if (role != AVRIG_PROCESSOR || traits.work != AVRIG_EDITOR) {
    return std::nullopt;
  }
  if (traits.input_count != 1 || traits.output_count != 1 ||
      traits.inputs->media != traits.outputs->media) {
    return "an editor has one input and one output of the same medium";
  }
  if (traits.inputs->block > 0) {
    return "an editor takes its frames as they come, without blocks";
  }
  if (traits.heal != AVRIG_HEAL_RERUN && traits.heal != AVRIG_HEAL_UNDO) {
    return "an editor says how a half-done edit is healed (rerun or undo)";
  }
  return std::nullopt;
}

bool is_terminated(const char* text, std::size_t size) noexcept {
  return ::strnlen(text, size) < size;
}

}  // namespace

const avrig_parameter& parameter_at(const avrig_component& component, std::uint32_t i) noexcept {
  const void* const first = component.parameters;
  const void* const at =
      static_cast<const char*>(first) + std::size_t{i} * component.parameters->struct_size;
  return *static_cast<const avrig_parameter*>(at);
}

const avrig_port& port_at(const avrig_port* ports, std::uint32_t i) noexcept {
  const void* const first = ports;
  const void* const at = static_cast<const char*>(first) + std::size_t{i} * ports->struct_size;
  return *static_cast<const avrig_port*>(at);
}

std::string_view role_name(std::uint32_t role) noexcept {
  switch (role) {
    case AVRIG_READER:
      return "reader";
    case AVRIG_PROCESSOR:
      return "processor";
    case AVRIG_WRITER:
      return "writer";
    default:
      return {};
  }
}

Fault find_value_fault(const avrig_parameter& parameter, std::string_view value) {
  const std::string_view type = text_of(parameter.type);
  if (value.size() >= kLongestText) {
    return "a value of " + std::to_string(value.size()) + " bytes";
  }
  if (type == "bool" && value != "true" && value != "false") {
    return "'" + std::string(value) + "' is neither true nor false";
  }
  if (type == "enum" && !is_one_of(value, text_of(parameter.choices))) {
    return "'" + std::string(value) + "' is none of " + std::string(text_of(parameter.choices));
  }
  if (type == "rate" && !is_rate(value)) {
    return "'" + std::string(value) + "' is no rate such as 30/1";
  }
  if (is_whole(type)) {
    return find_number_fault<std::int64_t>(parameter, value);
  }
  if (is_real(type)) {
    return find_number_fault<double>(parameter, value);
  }
  return std::nullopt;
}

Fault find_descriptor_fault(const avrig_plugin_descriptor* descriptor) {
  if (descriptor == nullptr) {
    return "avrig_plugin_entry returned null";
  }
  if (Fault fault = find_version_fault(*descriptor)) {
    return fault;
  }
  const std::uint32_t count = descriptor->component_count;
  if (count == 0 || count > kMostComponents || descriptor->components == nullptr) {
    return "it offers " + std::to_string(count) + " components (1 to " +
           std::to_string(kMostComponents) + " can be), or has no table of them";
  }
  std::set<std::string_view> names;
  for (std::uint32_t i = 0; i < count; ++i) {
    const avrig_component* const component = descriptor->components[i];
    if (Fault fault = find_component_fault(component)) {
      return "component " + std::to_string(i + 1) + ": " + *fault;
    }
    if (!names.insert(text_of(component->name)).second) {
      return "two components are named '" + std::string(text_of(component->name)) + "'";
    }
  }
  return std::nullopt;
}

Fault find_traits_fault(const avrig_traits& traits, std::uint32_t role) {
  if (Fault fault = find_ports_fault(traits.inputs, traits.input_count, true)) {
    return fault;
  }
  if (Fault fault = find_ports_fault(traits.outputs, traits.output_count, false)) {
    return fault;
  }
  if (Fault fault = find_role_fault(traits, role)) {
    return fault;
  }
  return find_work_fault(traits, role);
}

Fault find_configuration_fault(const avrig_configuration& configuration) {
  constexpr std::int64_t kLongestDelayNs = 3'600'000'000'000;
  constexpr std::int64_t kLongestDelaySamples = std::int64_t{1} << 30U;
  constexpr std::uint32_t kMostOutputs = 65536;
  if (configuration.delay_ns < 0 || configuration.delay_ns > kLongestDelayNs ||
      configuration.delay_samples < 0 || configuration.delay_samples > kLongestDelaySamples) {
    return "a delay below 0 or above an hour";
  }
  if (configuration.max_outputs == 0 || configuration.max_outputs > kMostOutputs) {
    return "max_outputs is " + std::to_string(configuration.max_outputs) + ", not 1 to " +
           std::to_string(kMostOutputs);
  }
  if (configuration.output_count == 0 || configuration.undo_width == 0) {
    return std::nullopt;
  }
  const avrig_format& format = *configuration.outputs[0];
  const auto beyond = [](std::uint32_t start, std::uint32_t length, std::uint32_t size) {
    return length == 0 || start >= size || length > size - start;
  };
  if (format.media == AVRIG_MEDIA_VIDEO &&
      (beyond(configuration.undo_x, configuration.undo_width, format.width) ||
       beyond(configuration.undo_y, configuration.undo_height, format.height))) {
    return "the region to undo is not inside the picture";
  }
  return std::nullopt;
}

Fault find_format_fault(const avrig_format& format, std::uint32_t media) {
  if (format.media != media) {
    return "its medium is " + std::to_string(format.media) + " where the port's is " +
           std::to_string(media);
  }
  if (!is_terminated(format.pixel_format, sizeof format.pixel_format) ||
      !is_terminated(format.codec, sizeof format.codec) ||
      !is_terminated(format.column_names, sizeof format.column_names)) {
    return "a text without its end";
  }
  switch (media) {
    case AVRIG_MEDIA_AUDIO:
      if (format.sample_rate_hz == 0 || format.channels == 0 ||
          format.channels > AVRIG_MAX_CHANNELS || format.block_samples == 0) {
        return "audio needs a sample rate, 1 to " + std::to_string(AVRIG_MAX_CHANNELS) +
               " channels and a block size";
      }
      return std::nullopt;
    case AVRIG_MEDIA_VIDEO:
      if (format.width == 0 || format.height == 0 || format.pixel_format[0] == '\0') {
        return "video needs a width, a height and a pixel format";
      }
      return std::nullopt;
    case AVRIG_MEDIA_FEATURES:
      if (format.columns == 0 || format.max_rows == 0) {
        return "features need columns and the most rows of a frame";
      }
      return std::nullopt;
    default:
      if (format.max_packet_bytes == 0) {
        return "packets need the most bytes of a packet";
      }
      return std::nullopt;
  }
}

}  // namespace avrig::plugin
