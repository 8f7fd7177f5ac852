// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"

#include <avrig/plugin/loader.hpp>

#include <algorithm>
#include <stdexcept>

namespace avrig::rig {

Rig::Rig(const std::string& library, const Settings& settings) {
  const std::string path = std::string(AVRIG_TEST_PROCESSORS) + "/" + library + ".so";
  const avrig_component& component =
      plugin::PluginLibrary::load(path).component(AVRIG_PROCESSOR, "");
  std::vector<plugin::Setting> given;
  for (const auto& [name, value] : settings) {
    given.push_back({name, value});
  }
  plugin::HostServices& services = *this;
  instance_ = std::make_unique<plugin::PluginInstance>(component,
                                                       services,
                                                       plugin::Surroundings{"test", {}, true},
                                                       plugin::complete_settings(component, given));
  traits_ = &instance_->describe();
}

void Rig::log(std::uint32_t, std::string_view text) noexcept {
  lines.emplace_back(text);
}

void Rig::count(const char* name, std::uint64_t n) noexcept {
  counters[name] += n;
}

void Rig::open(const std::vector<const avrig_format*>& inputs) {
  inputs_.clear();
  for (const avrig_format* const format : inputs) {
    inputs_.push_back(format == nullptr ? avrig_format{} : *format);
  }
  std::vector<const avrig_format*> in;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    in.push_back(inputs[i] == nullptr ? nullptr : &inputs_[i]);
  }
  outputs_.assign(traits_->output_count, avrig_format{});
  configuration_ = &instance_->configure(in, outputs_);
  instance_->start();
}

void Rig::preset(avrig_frame& frame, const std::vector<const avrig_frame*>& inputs) const {
  const auto first = std::find_if(
      inputs.begin(), inputs.end(), [](const avrig_frame* input) { return input != nullptr; });
  if (first == inputs.end()) {
    return;
  }
  const avrig_frame& input = **first;
  frame.capture_ns = input.capture_ns - plugin::total_delay_ns(*configuration_);
  frame.sigma_ns = input.sigma_ns;
  frame.quality = input.quality;
  frame.duration_ns = input.duration_ns;
  if (input.media == AVRIG_MEDIA_AUDIO && frame.media == AVRIG_MEDIA_AUDIO) {
    frame.samples = std::min(frame.samples, input.samples);
  }
}

std::int32_t Rig::step(bool draining, const std::vector<const avrig_frame*>& inputs, Frames& out) {
  std::int32_t status = AVRIG_AGAIN;
  while (status == AVRIG_AGAIN) {
    auto made = outputs_.empty() ? nullptr : std::make_unique<Frame>(outputs_[0]);
    avrig_frame* entry = made ? made->get() : nullptr;
    if (made) {
      preset(*entry, inputs);
    }
    avrig_call call{};
    call.struct_size = sizeof call;
    call.input_count = draining ? 0 : static_cast<std::uint32_t>(inputs.size());
    call.inputs = inputs.data();
    call.output_count = made ? 1 : 0;
    call.outputs = &entry;
    call.produced = ~std::uint64_t{0};
    status = draining ? instance_->drain(call) : instance_->process(call);
    if (made && !made->guards_intact()) {
      throw std::logic_error("the plug-in wrote outside its frame");
    }
    if ((status == AVRIG_OK || status == AVRIG_AGAIN) && made && (call.produced & 1U) != 0) {
      out.push_back(std::move(made));
    }
  }
  return status;
}

std::int32_t Rig::process(const std::vector<const avrig_frame*>& inputs, Frames& out) {
  return step(false, inputs, out);
}

std::int32_t Rig::edit(Frame& picture) {
  const avrig_frame* const in = picture.get();
  avrig_frame* const out = picture.get();
  avrig_call call{};
  call.struct_size = sizeof call;
  call.input_count = 1;
  call.inputs = &in;
  call.output_count = 1;
  call.outputs = &out;
  call.produced = 1;
  return instance_->process(call);
}

void Rig::drain(Frames& out) {
  step(true, {}, out);
}

void Rig::restart() {
  instance_->stop();
  instance_->start();
}

void Rig::break_stream(std::uint32_t input, std::uint32_t reason) {
  if (instance_->discontinuity(input, reason) == AVRIG_ERROR) {
    throw std::runtime_error(std::string(instance_->error_text()));
  }
}

}  // namespace avrig::rig
