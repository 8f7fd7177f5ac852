// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "picture_target.hpp"
#include <avrig/shm/sync_block.hpp>
#include <avrig/stage/stage.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace avrig::display_writer {

/// `write: display`: shows pictures when they are due, and measures when it did.
///
/// A picture is copied to the target's own surface as soon as it comes, and, where it may be
/// skipped, given back at once: what follows, waiting for its time and a window that may hang,
/// keeps no buffer of its maker's.
class DisplayWriter final : public stage::Stage {
 public:
  std::vector<stage::ParameterDescription> parameters(const stage::Request& request) override;
  stage::Description describe(const stage::Request& request) override;
  stage::Configured configure(std::span<const avrig_format> inputs,
                              std::span<const stage::Wish> wishes) override;
  void prepare(stage::StageIo& io) override;
  void run(stage::StageIo& io) override;

 private:
  [[nodiscard]] std::int64_t due_ns(const shm::Descriptor& frame) const;
  [[nodiscard]] bool wait_until_due(stage::StageIo& io, const shm::Descriptor& frame);
  [[nodiscard]] bool is_due(stage::StageIo& io, std::uint64_t sequence) const;
  void handle(stage::StageIo& io, const shm::Taken& taken);
  void show(stage::StageIo& io, const shm::Taken& taken);
  void pass_over(stage::StageIo& io, const shm::Taken& taken, shm::DropReason reason);
  void note_offset(const shm::Descriptor& frame, std::int64_t now_ns);

  std::string to_;
  std::string folder_;
  std::string title_;
  std::int64_t every_ = 1;
  bool offline_ = false;
  std::unique_ptr<PictureTarget> target_;
  std::optional<shm::SyncBlock> block_;
  shm::SyncSection section_{};
  std::int64_t max_unsynced_ns_ = 0;
};

}  // namespace avrig::display_writer
