// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "host.hpp"

#include "editor_loop.hpp"
#include "frame_loop.hpp"
#include "plugin_terms.hpp"
#include "reader_loop.hpp"
#include <avrig/error.hpp>
#include <avrig/shm/layout.hpp>

namespace avrig::processor {

const avrig_component& PluginHost::load(const stage::Request& request) {
  plugin::Reference reference = plugin::parse_reference(request.target);
  if (!request.component.empty()) {
    reference.component = request.component;
  }
  if (!library_) {
    library_.emplace(plugin::PluginLibrary::load(plugin::find_library(reference)));
  }
  return library_->component(role_of(request.role), reference.component);
}

std::vector<stage::ParameterDescription> PluginHost::parameters(const stage::Request& request) {
  return published_parameters(load(request));
}

stage::Description PluginHost::describe(const stage::Request& request) {
  const avrig_component& component = load(request);
  request_ = request;
  const std::vector<plugin::Setting> given = settings_from(request.parameters);
  const plugin::Surroundings surroundings{request.id, request.run_dir, request.offline};
  instance_.emplace(
      component, services_, surroundings, plugin::complete_settings(component, given));
  traits_ = &instance_->describe();
  terms_ = terms_of(*traits_, component, request);
  return description_of(*traits_, component);
}

stage::Configured PluginHost::configure(std::span<const avrig_format> inputs,
                                        std::span<const stage::Wish> wishes) {
  inputs_.assign(inputs.begin(), inputs.end());
  wishes_.assign(wishes.begin(), wishes.end());
  if (inputs.size() > shm::kMaxOrigins) {
    throw Error(ErrorCode::Spec,
                "a plug-in has at most " + std::to_string(shm::kMaxOrigins) +
                    " connected inputs, this one " + std::to_string(inputs.size()));
  }
  return settle(terms_, *traits_, *instance_, inputs_, wishes_);
}

void PluginHost::reconfigure() {
  (void)settle(terms_, *traits_, *instance_, inputs_, wishes_);
}

// Formats came in the order of ports; now the plan names the ports too.
void PluginHost::check_ports(stage::StageIo& io) const {
  std::size_t next = 0;
  for (const PortTerms& port : terms_.inputs) {
    if (port.connected &&
        (next >= io.inputs() || io.assignment().inputs[next++].port != port.name)) {
      throw Error(ErrorCode::Spec,
                  "input '" + port.name +
                      "' of the plug-in is not where it was expected: connect its optional inputs "
                      "in the order of its ports");
    }
  }
  if (next != io.inputs()) {
    throw Error(ErrorCode::Internal, "the plan connects inputs that the plug-in was not told of");
  }
}

void PluginHost::prepare(stage::StageIo& io) {
  check_ports(io);
  services_.attach(io);
  instance_->start();
}

void PluginHost::run(stage::StageIo& io) {
  if (terms_.role == AVRIG_READER) {
    ReaderLoop(io, terms_, *instance_, services_).run();
  } else if (terms_.work == AVRIG_EDITOR) {
    EditorLoop(io, terms_, *instance_, services_, [this] { reconfigure(); }).run();
  } else {
    FrameLoop(io, terms_, *instance_, services_, [this] { reconfigure(); }).run();
  }
  instance_->stop();
}

void PluginHost::set_parameter(const std::string& name, const std::string& value) {
  instance_->set_parameter(name, value);
}

}  // namespace avrig::processor
