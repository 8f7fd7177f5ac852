// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/sync_block.hpp>
#include <avrig/stage/stage.hpp>
#include <avrig/sync/decisions.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace avrig::gate {

/// `sync: GROUP`: decides when each frame of one stream is due.
///
/// It opens a reference ring: descriptors without payload that name buffers of its input. It never
/// touches a frame's bytes. Its hold on the input stays behind every buffer that a descriptor not
/// yet released names.
///
/// What is decided, and by what, is in core/sync; here is the waiting for it (gate_waits.cpp) and
/// the naming of frames (gate.cpp).
class Gate final : public stage::Stage {
 public:
  stage::Description describe(const stage::Request& request) override;
  stage::Configured configure(std::span<const avrig_format> inputs,
                              std::span<const stage::Wish> wishes) override;
  void prepare(stage::StageIo& io) override;
  void run(stage::StageIo& io) override;

 private:
  /// What becomes of a frame.
  enum class Verdict {
    Pass,
    GroupOver,  ///< the group has ended before it
    Leave       ///< the run is over
  };

  void resume(stage::StageIo& io);
  [[nodiscard]] bool handle(stage::StageIo& io, shm::Taken& taken);
  [[nodiscard]] bool refer(stage::StageIo& io, const shm::Taken& taken);
  [[nodiscard]] bool wait_for_room(stage::StageIo& io);
  [[nodiscard]] bool end_group(stage::StageIo& io, const shm::Taken& taken);
  void pass_on_releases(stage::StageIo& io);
  void wait_for_frame(stage::StageIo& io);
  void stay_until_let_go(stage::StageIo& io);
  void write_section();

  // gate_waits.cpp
  [[nodiscard]] Verdict await(stage::StageIo& io, shm::Taken& taken);
  void show(const shm::Taken& taken);
  void measure(const shm::Taken& taken);
  void check_delay(const stage::StageIo& io) const;
  void try_start(stage::StageIo& io);
  void say_start(stage::StageIo& io, const sync::Start& start) const;
  void start_at_once(const shm::Taken& taken);
  [[nodiscard]] bool has_started();
  void wait_for_start(stage::StageIo& io);
  [[nodiscard]] bool wait_until_due(stage::StageIo& io, const shm::Taken& taken);
  [[nodiscard]] bool wait_for_others(stage::StageIo& io, const shm::Taken& taken);
  [[nodiscard]] Verdict wait_for_end(stage::StageIo& io, shm::Taken& taken);
  [[nodiscard]] std::int64_t end_deadline_ns(const shm::Taken& taken) const;
  [[nodiscard]] Verdict cut_at_end(shm::Taken& taken) const;
  void look_ahead(stage::StageIo& io);
  [[nodiscard]] std::int64_t length_ns(const shm::Descriptor& frame) const noexcept;
  [[nodiscard]] std::int64_t lead_ns(const shm::Descriptor& frame) const noexcept;
  [[nodiscard]] std::span<const shm::SyncSection> read_sections() const noexcept;
  [[nodiscard]] bool is_leader() const noexcept { return own_section_ == block_->leader(); }
  [[nodiscard]] bool in_preroll() noexcept {
    return section_.live != 0 && section_.phase != shm::SyncPhase::Absent &&
           options_.mode == sync::Mode::Live && !has_started();
  }

  sync::GroupOptions options_;
  std::string group_;
  std::string from_;
  std::optional<shm::SyncBlock> block_;
  shm::SyncSection section_{};
  mutable std::array<shm::SyncSection, shm::kMaxSections> sections_{};
  std::uint32_t own_section_ = 0;
  std::uint32_t origin_ring_ = 0;
  /// Frames that are kept for followers that may skip: a screen that stands still must not keep
  /// the window of the ring that others need.
  std::uint64_t most_for_skippers_ = 2;
  std::uint32_t rate_hz_ = 0;  // of sound
  std::uint64_t passed_tail_ = 0;
  std::uint64_t seen_ = 0;  // end: any: frames looked at ahead
  bool run_offline_ = false;
  bool started_ = false;
  bool over_ = false;  // end: any: the group has ended before its input did
};

}  // namespace avrig::gate
