// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "output_port.hpp"
#include "services.hpp"
#include "terms.hpp"
#include <avrig/plugin/instance.hpp>
#include <avrig/stage/io.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace avrig::processor {

/// Runs a plug-in that reads a source.
///
/// A source that can be read again is read again from its start after a restart, up to what the
/// rings have. A live one cannot: its successor opens an epoch. A live source never waits: what
/// finds no buffer is read and lost, and counted.
///
/// Thread: the stage's own
class ReaderLoop {
 public:
  ReaderLoop(stage::StageIo& io,
             const Terms& terms,
             plugin::PluginInstance& instance,
             Services& services);

  /// Until the source ends or the run does.
  void run();

 private:
  void open_epoch();
  [[nodiscard]] bool wait_for_room() noexcept;
  /// False at the source's end.
  [[nodiscard]] bool read();
  void claim() noexcept;
  void publish(std::uint64_t produced);
  void publish_one(OutputPort& output, OutputFrame& frame, const Commit& commit);
  void stamp(const OutputPort& output, OutputFrame& frame) const noexcept;
  void abandon_all() noexcept;
  void pause(std::int64_t ns) noexcept;
  void finish() noexcept;

  stage::StageIo* io_;
  const Terms* terms_;
  plugin::PluginInstance* instance_;
  Services* services_;
  std::vector<std::unique_ptr<OutputPort>> outputs_;
  std::vector<OutputFrame> frames_;
  std::vector<avrig_frame*> entries_;
  std::uint64_t reads_ = 0;  // calls that gave frames; a frame's origin
  std::uint32_t failures_ = 0;
};

}  // namespace avrig::processor
