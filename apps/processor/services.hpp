// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/plugin/instance.hpp>
#include <avrig/stage/io.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace avrig::processor {

/// What a plug-in's host does for it, once the stage has memory: the merged log, the counters.
///
/// Thread: the stage's own
class Services final : public plugin::HostServices {
 public:
  void attach(stage::StageIo& io) noexcept { io_ = &io; }

  void log(std::uint32_t level, std::string_view text) noexcept override;
  void count(const char* name, std::uint64_t n) noexcept override;

  /// A frame call failed: logged once for each text, counted always.
  void note_failure(std::string_view text) noexcept;

 private:
  stage::StageIo* io_ = nullptr;
  std::vector<std::string> seen_;
};

}  // namespace avrig::processor
