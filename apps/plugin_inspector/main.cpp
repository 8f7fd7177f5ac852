// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

// plugin_inspector PLUGIN: loads a plug-in and prints what it offers, as one line of JSON. A
// process of its own, because loading a library runs its code.

#include <avrig/error.hpp>
#include <avrig/media_name.hpp>
#include <avrig/plugin/instance.hpp>
#include <avrig/plugin/loader.hpp>

#include <cstdio>
#include <filesystem>
#include <string>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;

std::string text(const char* value) {
  return value == nullptr ? "" : value;
}

std::string role_name(std::uint32_t role) {
  return role == AVRIG_READER ? "reader" : role == AVRIG_WRITER ? "writer" : "processor";
}

/// Element `index` of an array whose stride its first element tells.
template <class T>
const T& element(const T* first, std::uint32_t index) {
  const auto* bytes = reinterpret_cast<const std::byte*>(first);
  return *reinterpret_cast<const T*>(bytes + std::size_t{index} * first->struct_size);
}

json list_parameters(const avrig_component& component) {
  json list = json::array();
  for (std::uint32_t index = 0; index < component.parameter_count; ++index) {
    const avrig_parameter& parameter = element(component.parameters, index);
    list.push_back({{"name", text(parameter.name)},
                    {"type", text(parameter.type)},
                    {"default", text(parameter.default_value)},
                    {"minimum", text(parameter.minimum)},
                    {"maximum", text(parameter.maximum)},
                    {"choices", text(parameter.choices)},
                    {"unit", text(parameter.unit)},
                    {"doc", text(parameter.doc)},
                    {"live", (parameter.flags & AVRIG_PARAMETER_LIVE) != 0},
                    {"required", (parameter.flags & AVRIG_PARAMETER_REQUIRED) != 0}});
  }
  return list;
}

json list_ports(const avrig_port* ports, std::uint32_t count) {
  json list = json::array();
  for (std::uint32_t index = 0; index < count; ++index) {
    const avrig_port& port = element(ports, index);
    list.push_back({{"name", text(port.name)},
                    {"media", avrig::media_name(port.media)},
                    {"pixel_formats", text(port.pixel_formats)},
                    {"sample_rates", text(port.sample_rates)},
                    {"channels", text(port.channels)},
                    {"optional", (port.flags & AVRIG_PORT_OPTIONAL) != 0},
                    {"block", port.block}});
  }
  return list;
}

json describe(const avrig_component& component) {
  json result = {{"name", text(component.name)},
                 {"role", role_name(component.role)},
                 {"summary", text(component.summary)},
                 {"parameters", list_parameters(component)},
                 {"inputs", json::array()},
                 {"outputs", json::array()}};
  // Ports may follow from parameters, so an instance with the defaults is asked, where it can be.
  try {
    avrig::plugin::HostServices services;
    const auto settings = avrig::plugin::complete_settings(component, {});
    avrig::plugin::PluginInstance instance(component, services, {"inspect", "", true}, settings);
    const avrig_traits& traits = instance.describe();
    result["inputs"] = list_ports(traits.inputs, traits.input_count);
    result["outputs"] = list_ports(traits.outputs, traits.output_count);
    const char* const works[] = {"maker", "editor", "looker"};
    result["work"] = works[traits.work % 3];
    result["live"] = (traits.flags & AVRIG_TRAIT_LIVE) != 0;
  } catch (const std::exception& error) {
    result["ports_unknown"] = error.what();
  }
  return result;
}

json inspect(const std::string& name) {
  const auto reference = avrig::plugin::parse_reference(name);
  const auto path = avrig::plugin::find_library(reference, std::filesystem::current_path());
  const auto library = avrig::plugin::PluginLibrary::load(path);
  const avrig_plugin_descriptor& descriptor = library.descriptor();
  json result = {
      {"path", path.string()},
      {"abi", std::to_string(descriptor.abi_major) + "." + std::to_string(descriptor.abi_minor)},
      {"version", text(descriptor.version)},
      {"components", json::array()}};
  for (const avrig_component* component : library.components()) {
    result["components"].push_back(describe(*component));
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    (void)std::fprintf(stderr, "usage: plugin_inspector PLUGIN ('avrig inspect' calls it)\n");
    return 1;
  }
  json answer;
  int code = 0;
  try {
    answer = inspect(argv[1]);
  } catch (const avrig::Error& error) {
    answer = {{"error", error.what()}};
    code = static_cast<int>(error.code());
  } catch (const std::exception& error) {
    answer = {{"error", error.what()}};
    code = 1;
  }
  const std::string line =
      "\n" + answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  (void)std::fwrite(line.data(), 1, line.size(), stdout);
  (void)std::fflush(stdout);
  ::_exit(code);  // without the plug-in's destructors: what they do is not what was asked
}
