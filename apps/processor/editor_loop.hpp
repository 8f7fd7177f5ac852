// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "services.hpp"
#include "terms.hpp"
#include <avrig/plugin/instance.hpp>
#include <avrig/shm/ring_editor.hpp>
#include <avrig/stage/io.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <span>

namespace avrig::processor {

/// The bytes of a frame that an editor may change, plane by plane; as many as are used.
struct EditedRegions {
  std::array<shm::Region, AVRIG_MAX_PLANES> region{};
  std::size_t count = 0;
};

/// A rectangle in pixels as bytes of the frame's planes. `undo`: x, y, width, height; width 0 =
/// all.
///
/// Thread: any      RT-safe: yes
[[nodiscard]] EditedRegions edited_regions(const std::array<std::uint32_t, 4>& undo,
                                           const avrig_format& format,
                                           const shm::Descriptor& frame) noexcept;

/// Runs a plug-in that changes each frame where it lies.
///
/// Thread: the stage's own
class EditorLoop {
 public:
  EditorLoop(stage::StageIo& io,
             const Terms& terms,
             plugin::PluginInstance& instance,
             Services& services,
             std::function<void()> reconfigure);

  /// Until the input has ended, or the run is abandoned.
  void run();

 private:
  void on_frame(const shm::Taken& taken);
  void on_mark(const shm::Taken& taken);
  [[nodiscard]] bool edit(const shm::Taken& taken);
  void set_aside(const shm::Taken& taken) noexcept;
  [[nodiscard]] bool is_quarantined(std::uint64_t sequence) const noexcept;

  stage::StageIo* io_;
  const Terms* terms_;
  plugin::PluginInstance* instance_;
  Services* services_;
  std::function<void()> reconfigure_;
  shm::RingEditor* editor_;
  std::uint32_t break_reason_ = 0;
};

}  // namespace avrig::processor
