// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "services.hpp"
#include "terms.hpp"
#include <avrig/plugin/instance.hpp>
#include <avrig/plugin/loader.hpp>
#include <avrig/stage/stage.hpp>

#include <optional>
#include <string>
#include <vector>

namespace avrig::processor {

/// `process: NAME`, and `process:`, `read:`, `write: ./x.so`: runs a plug-in as a stage.
///
/// What a plug-in does wrong while it is set up ends in one line (Error(Open) or Error(Spec)); what
/// it does wrong later is a frame that counts as dropped, or a crash, which is the launcher's to
/// heal.
///
/// Thread: the stage's own
class PluginHost final : public stage::Stage {
 public:
  std::vector<stage::ParameterDescription> parameters(const stage::Request& request) override;
  stage::Description describe(const stage::Request& request) override;
  stage::Configured configure(std::span<const avrig_format> inputs,
                              std::span<const stage::Wish> wishes) override;
  void prepare(stage::StageIo& io) override;
  void run(stage::StageIo& io) override;
  void set_parameter(const std::string& name, const std::string& value) override;

 private:
  const avrig_component& load(const stage::Request& request);
  void check_ports(stage::StageIo& io) const;
  void reconfigure();

  std::optional<plugin::PluginLibrary> library_;
  Services services_;
  std::optional<plugin::PluginInstance> instance_;
  const avrig_traits* traits_ = nullptr;
  stage::Request request_;
  Terms terms_;
  std::vector<avrig_format> inputs_;
  std::vector<stage::Wish> wishes_;
};

}  // namespace avrig::processor
