// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/plugin/checks.hpp>
#include <avrig/plugin/instance.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace avrig::plugin {

void HostServices::log(std::uint32_t level, std::string_view text) noexcept {
  static constexpr std::array<const char*, 4> kLevels = {"debug", "info", "warning", "error"};
  std::fprintf(stderr,
               "%s: %.*s\n",
               kLevels[std::min<std::size_t>(level, 3)],
               static_cast<int>(text.size()),
               text.data());
}

std::int64_t HostServices::now_ns() noexcept {
  return monotonic_ns();
}

void HostServices::count(const char* /*name*/, std::uint64_t /*n*/) noexcept {}

std::vector<Setting> complete_settings(const avrig_component& component,
                                       std::span<const Setting> given) {
  std::string faults;
  const auto report = [&](const std::string& name, const std::string& fault) {
    faults += (faults.empty() ? "" : "; ") + std::string("parameter '") + name + "': " + fault;
  };
  std::vector<Setting> settings;
  for (std::uint32_t i = 0; i < component.parameter_count; ++i) {
    const avrig_parameter& parameter = parameter_at(component, i);
    const auto found = std::ranges::find(given, std::string_view(parameter.name), &Setting::name);
    if (found != given.end()) {
      if (const Fault fault = find_value_fault(parameter, found->value)) {
        report(found->name, *fault);
      }
      settings.push_back(*found);
    } else if (parameter.default_value != nullptr) {
      settings.push_back({parameter.name, parameter.default_value});
    } else if ((parameter.flags & AVRIG_PARAMETER_REQUIRED) != 0) {
      report(parameter.name, "it is required and was not given");
    }
  }
  for (const Setting& each : given) {
    if (std::ranges::find(settings, each.name, &Setting::name) == settings.end()) {
      report(each.name, std::string(component.name) + " has none of this name");
    }
  }
  if (!faults.empty()) {
    throw Error(ErrorCode::Spec, faults);
  }
  return settings;
}

std::int64_t total_delay_ns(const avrig_configuration& configuration) noexcept {
  std::int64_t delay_ns = configuration.delay_ns;
  for (std::uint32_t i = 0; i < configuration.input_count; ++i) {
    const avrig_format* const format = configuration.inputs[i];
    if (format != nullptr && format->media == AVRIG_MEDIA_AUDIO && format->sample_rate_hz > 0) {
      return delay_ns + configuration.delay_samples * 1'000'000'000 / format->sample_rate_hz;
    }
  }
  return delay_ns;
}

avrig_frame accept_frame(const avrig_frame& preset,
                         const avrig_frame& answered,
                         std::uint32_t room) noexcept {
  constexpr std::uint32_t kTaken = AVRIG_FRAME_DISCONTINUITY | AVRIG_FRAME_KEY;
  avrig_frame frame = preset;
  frame.samples =
      preset.media == AVRIG_MEDIA_VIDEO ? preset.samples : std::min(answered.samples, room);
  frame.capture_ns = answered.capture_ns;
  frame.sigma_ns = std::max(answered.sigma_ns, std::int64_t{0});
  frame.duration_ns = std::max(answered.duration_ns, std::int64_t{0});
  frame.quality = answered.quality <= AVRIG_QUALITY_ARRIVAL ? answered.quality : preset.quality;
  frame.flags |= answered.flags & kTaken;
  return frame;
}

PluginInstance::PluginInstance(const avrig_component& component,
                               HostServices& services,
                               const Surroundings& surroundings,
                               std::span<const Setting> settings)
    : component_(component), services_(services), surroundings_(surroundings) {
  host_ = {.struct_size = sizeof host_,
           .flags = surroundings_.offline ? std::uint32_t{AVRIG_HOST_OFFLINE} : 0U,
           .context = this,
           .stage_id = surroundings_.stage_id.c_str(),
           .run_folder = surroundings_.run_folder.c_str(),
           .log = on_log,
           .set_error = on_error,
           .now_ns = on_now,
           .count = on_count};
  std::vector<avrig_setting> list;
  list.reserve(settings.size());
  for (const Setting& each : settings) {
    list.push_back({.struct_size = sizeof(avrig_setting),
                    .reserved = 0,
                    .name = each.name.c_str(),
                    .value = each.value.c_str()});
  }
  self_ = component_.create(&host_, list.data(), static_cast<std::uint32_t>(list.size()));
  if (self_ == nullptr) {
    fail("cannot be created");
  }
}

PluginInstance::~PluginInstance() {
  component_.destroy(self_);
}

const avrig_traits& PluginInstance::describe() {
  traits_ = {};
  traits_.struct_size = sizeof traits_;
  error_[0] = '\0';
  if (component_.describe(self_, &traits_) != AVRIG_OK) {
    fail("cannot describe itself");
  }
  if (const Fault fault = find_traits_fault(traits_, component_.role)) {
    throw Error(
        ErrorCode::Open,
        "plug-in '" + std::string(component_.name) + "' describes itself wrongly: " + *fault);
  }
  return traits_;
}

void PluginInstance::preset(std::span<const avrig_format* const> inputs,
                            std::span<avrig_format> outputs) const {
  for (std::uint32_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].media != AVRIG_MEDIA_NONE) {
      continue;
    }
    const std::uint32_t media = port_at(traits_.outputs, i).media;
    outputs[i] = {};
    outputs[i].media = media;
    const auto source = std::ranges::find_if(inputs, [media](const avrig_format* format) {
      return format != nullptr && format->media == media;
    });
    if (source != inputs.end()) {
      outputs[i] = **source;
    }
    outputs[i].struct_size = sizeof(avrig_format);
  }
}

const avrig_configuration& PluginInstance::configure(std::span<const avrig_format* const> inputs,
                                                     std::span<avrig_format> outputs) {
  if (inputs.size() != traits_.input_count || outputs.size() != traits_.output_count) {
    throw Error(ErrorCode::Internal, "configure: one format a port, as described");
  }
  preset(inputs, outputs);
  inputs_.assign(inputs.begin(), inputs.end());
  outputs_.clear();
  for (avrig_format& format : outputs) {
    outputs_.push_back(&format);
  }
  configuration_ = {};
  configuration_.struct_size = sizeof configuration_;
  configuration_.input_count = traits_.input_count;
  configuration_.output_count = traits_.output_count;
  configuration_.max_outputs = 1;
  configuration_.inputs = inputs_.data();
  configuration_.outputs = outputs_.data();
  error_[0] = '\0';
  if (component_.configure != nullptr && component_.configure(self_, &configuration_) != AVRIG_OK) {
    fail("refuses these formats");
  }
  // These are the host's; a plug-in that wrote there is not followed.
  configuration_.input_count = traits_.input_count;
  configuration_.output_count = traits_.output_count;
  configuration_.inputs = inputs_.data();
  configuration_.outputs = outputs_.data();
  for (std::uint32_t i = 0; i < outputs.size(); ++i) {
    const avrig_port& port = port_at(traits_.outputs, i);
    if (const Fault fault = find_format_fault(outputs[i], port.media)) {
      throw Error(ErrorCode::Open,
                  "plug-in '" + std::string(component_.name) + "', output '" + port.name +
                      "', gives a format that cannot be: " + *fault);
    }
  }
  if (const Fault fault = find_configuration_fault(configuration_)) {
    throw Error(ErrorCode::Open,
                "plug-in '" + std::string(component_.name) +
                    "' gives a configuration that cannot be: " + *fault);
  }
  return configuration_;
}

void PluginInstance::start() {
  error_[0] = '\0';
  if (component_.start != nullptr && component_.start(self_) != AVRIG_OK) {
    fail("cannot start");
  }
}

void PluginInstance::stop() {
  error_[0] = '\0';
  if (component_.stop != nullptr && component_.stop(self_) != AVRIG_OK) {
    fail("cannot stop cleanly");
  }
}

void PluginInstance::set_parameter(const std::string& name, const std::string& value) {
  for (std::uint32_t i = 0; i < component_.parameter_count; ++i) {
    const avrig_parameter& parameter = parameter_at(component_, i);
    if (name != parameter.name) {
      continue;
    }
    if ((parameter.flags & AVRIG_PARAMETER_LIVE) == 0 || component_.set_parameter == nullptr) {
      throw Error(ErrorCode::Spec, "parameter '" + name + "' cannot change while running");
    }
    if (const Fault fault = find_value_fault(parameter, value)) {
      throw Error(ErrorCode::Spec, "parameter '" + name + "': " + *fault);
    }
    error_[0] = '\0';
    if (component_.set_parameter(self_, name.c_str(), value.c_str()) != AVRIG_OK) {
      fail(("refuses " + name + " = " + value).c_str());
    }
    return;
  }
  throw Error(ErrorCode::Spec,
              "plug-in '" + std::string(component_.name) + "' has no parameter '" + name + "'");
}

std::int32_t PluginInstance::process(avrig_call& call) noexcept {
  error_[0] = '\0';
  return checked(component_.process(self_, &call));
}

std::int32_t PluginInstance::drain(avrig_call& call) noexcept {
  error_[0] = '\0';
  return component_.drain == nullptr ? AVRIG_END : checked(component_.drain(self_, &call));
}

std::int32_t PluginInstance::discontinuity(std::uint32_t input, std::uint32_t reason) noexcept {
  error_[0] = '\0';
  return component_.discontinuity == nullptr
             ? AVRIG_OK
             : checked(component_.discontinuity(self_, input, reason));
}

std::int32_t PluginInstance::checked(std::int32_t status) noexcept {
  if (status >= AVRIG_OK && status <= AVRIG_END) {
    return status;
  }
  if (status != AVRIG_ERROR) {
    on_error(this, "it returned a status that the ABI does not have");
  }
  return AVRIG_ERROR;
}

void PluginInstance::fail(const char* what) const {
  const std::string_view why = error_text();
  throw Error(ErrorCode::Open,
              "plug-in '" + std::string(component_.name) + "' " + what + ": " +
                  std::string(why.empty() ? "it gave no reason" : why));
}

void PluginInstance::on_log(void* self, std::uint32_t level, const char* text) noexcept {
  static_cast<PluginInstance*>(self)->services_.log(level, text == nullptr ? "" : text);
}

void PluginInstance::on_error(void* self, const char* text) noexcept {
  auto& kept = static_cast<PluginInstance*>(self)->error_;
  const std::size_t size = text == nullptr ? 0 : ::strnlen(text, kept.size() - 1);
  if (size > 0) {
    std::memcpy(kept.data(), text, size);
  }
  kept[size] = '\0';
}

std::int64_t PluginInstance::on_now(void* self) noexcept {
  return static_cast<PluginInstance*>(self)->services_.now_ns();
}

void PluginInstance::on_count(void* self, const char* name, std::uint64_t n) noexcept {
  static_cast<PluginInstance*>(self)->services_.count(name == nullptr ? "" : name, n);
}

}  // namespace avrig::plugin
