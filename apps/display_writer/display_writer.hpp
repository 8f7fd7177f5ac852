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
class DisplayWriter final : public stage::Stage {
 public:
  std::vector<stage::ParameterDescription> parameters(const stage::Request& request) override;
  stage::Description describe(const stage::Request& request) override;
  stage::Configured configure(std::span<const avrig_format> inputs,
                              std::span<const stage::Wish> wishes) override;
  void prepare(stage::StageIo& io) override;
  void run(stage::StageIo& io) override;

 private:
  [[nodiscard]] bool wait_until_due(stage::StageIo& io, const shm::Taken& taken);
  [[nodiscard]] bool newer_is_due(stage::StageIo& io) const;
  void present(stage::StageIo& io, const shm::Taken& taken);
  void note_offset(const shm::Taken& taken, std::int64_t now_ns);

  std::string to_;
  std::string folder_;
  std::string title_;
  std::int64_t every_ = 1;
  bool offline_ = false;
  std::unique_ptr<PictureTarget> target_;
  std::optional<shm::SyncBlock> block_;
  shm::SyncSection section_{};
};

}  // namespace avrig::display_writer
