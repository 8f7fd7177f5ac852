// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "input_feed.hpp"
#include "terms.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace avrig::processor {

/// The inputs of a plug-in, and in which order their deliveries are taken.
///
/// `any`: the earliest, ties by port. Unless the run is live it waits until every input has shown
/// its next delivery or its end, so that the order depends on the frames alone. `all`: one of each.
/// `paired`: one of each, capture times no farther apart than the tolerance; earlier ones without a
/// partner are passed over.
///
/// Thread: the stage's own      RT-safe: yes
class InputSet {
 public:
  enum class Next { Step, Mark, Quarantined, Waiting, Ended, Broken };

  InputSet(std::uint32_t trigger, std::int64_t tolerance_ns, bool waits_for_all)
      : trigger_(trigger), tolerance_ns_(tolerance_ns), waits_for_all_(waits_for_all) {}

  /// `port` of the plug-in.
  void add(std::unique_ptr<InputFeed> feed, std::uint32_t port) {
    feeds_.push_back(std::move(feed));
    ports_.push_back(port);
    steps_.push_back(false);
  }

  /// What is to be done next; the same answer until it is consumed.
  [[nodiscard]] Next next() noexcept;
  /// Could next() come further? Fit for a wait's condition.
  [[nodiscard]] bool ready() const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return feeds_.size(); }
  [[nodiscard]] InputFeed& feed(std::size_t index) noexcept { return *feeds_[index]; }
  [[nodiscard]] const InputFeed& feed(std::size_t index) const noexcept { return *feeds_[index]; }
  [[nodiscard]] std::uint32_t port(std::size_t index) const noexcept { return ports_[index]; }
  /// Does input `index` take part in this step (mark, frame set aside)?
  [[nodiscard]] bool steps(std::size_t index) const noexcept { return steps_[index]; }
  /// The input whose mark or frame set aside it is.
  [[nodiscard]] std::size_t which() const noexcept { return which_; }
  /// Would the mark in hand, consumed, leave no input that goes on?
  [[nodiscard]] bool is_last_end() const noexcept;
  /// How often frames without a partner were passed over.
  [[nodiscard]] std::uint64_t passed_over() const noexcept { return passed_over_; }

  void mark_busy(std::int64_t now_ns) noexcept;
  void mark_idle() noexcept;
  void consume(bool dropped = false) noexcept;
  void settle() noexcept;
  void bound() noexcept;

 private:
  void choose_only(std::size_t index) noexcept;
  [[nodiscard]] Next next_any() noexcept;
  [[nodiscard]] Next next_together() noexcept;
  [[nodiscard]] bool pass_over_unpaired() noexcept;

  std::uint32_t trigger_;
  std::int64_t tolerance_ns_;
  bool waits_for_all_;
  std::vector<std::unique_ptr<InputFeed>> feeds_;
  std::vector<std::uint32_t> ports_;
  std::vector<bool> steps_;
  std::size_t which_ = 0;
  bool is_chosen_ = false;
  Next chosen_ = Next::Waiting;
  std::uint64_t passed_over_ = 0;
};

}  // namespace avrig::processor
