// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/sync_block.hpp>
#include <avrig/stage/stage.hpp>
#include <avrig/sync/decisions.hpp>

#include <cstdint>
#include <optional>

namespace avrig::gate {

/// `sync: GROUP`: decides when each frame of one stream is due.
///
/// It opens a reference ring: descriptors without payload that name buffers of its input. It never
/// touches a frame's bytes. Its hold on the input stays behind every buffer that a descriptor not
/// yet released names.
class Gate final : public stage::Stage {
 public:
  stage::Description describe(const stage::Request& request) override;
  stage::Configured configure(std::span<const avrig_format> inputs,
                              std::span<const stage::Wish> wishes) override;
  void prepare(stage::StageIo& io) override;
  void run(stage::StageIo& io) override;

 private:
  void resume(stage::StageIo& io);
  void enter_preroll(const shm::Taken& taken);
  [[nodiscard]] bool wait_for_start(stage::StageIo& io);
  [[nodiscard]] bool wait_until_due(stage::StageIo& io, const shm::Taken& taken);
  [[nodiscard]] bool refer(stage::StageIo& io, const shm::Taken& taken);
  void pass_on_releases(stage::StageIo& io);
  [[nodiscard]] bool is_leader() const noexcept;

  sync::GroupOptions options_;
  bool offline_ = false;
  std::optional<shm::SyncBlock> block_;
  shm::SyncSection section_{};
  std::uint32_t own_section_ = 0;
  std::uint32_t origin_ring_ = 0;
  std::int64_t preroll_began_ns_ = 0;
  std::uint64_t passed_tail_ = 0;
};

}  // namespace avrig::gate
