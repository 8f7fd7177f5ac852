// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "frame_loop.hpp"
#include <avrig/monotonic.hpp>

#include <algorithm>

namespace avrig::processor {
namespace {

// Behind a stream's last, shorter delivery (0) come its tail and then its mark.
constexpr std::uint32_t kTailPart = 1U << 16;
constexpr std::uint32_t kMarkPart = 0x7fff'ffff;
constexpr std::uint32_t kMostTail = 1U << 20;

}  // namespace

void FrameLoop::on_mark() {
  const std::size_t which = inputs_.which();
  const shm::Taken mark = inputs_.feed(which).taken();
  const bool is_end = mark.kind == shm::Kind::End;
  const bool is_last = is_end && inputs_.is_last_end();
  if (is_last || mark.kind == shm::Kind::Format) {
    drain();
    if (io_->abandoned()) {
      return;
    }
    if (mark.kind == shm::Kind::Format) {
      instance_->stop();
      reconfigure_();
      instance_->start();
    }
  }
  // One input's marks are the outputs'; the end comes with the last of all.
  if (is_last || (!is_end && which == 0)) {
    const Commit commit = commit_of(false, kMarkPart);
    for (auto& output : outputs_) {
      if (!output->has(commit) && !output->maker().ended() && wait_publish(*output)) {
        output->publish_mark(mark.kind, commit, &mark.descriptor);
      }
    }
  }
  if (mark.kind == shm::Kind::Break) {
    break_reason_[which] = AVRIG_BREAK_EPOCH;
  }
  if (io_->abandoned()) {
    return;
  }
  inputs_.consume();
  if (outputs_.empty() || is_last || (!is_end && which == 0)) {
    inputs_.settle();
  }
  inputs_.bound();
}

void FrameLoop::drain() {
  if (outputs_.empty() || std::all_of(outputs_.begin(), outputs_.end(), [](const auto& output) {
        return output->maker().ended();
      })) {
    return;
  }
  std::fill(input_entries_.begin(), input_entries_.end(), nullptr);
  inputs_.mark_busy(monotonic_ns());
  std::uint32_t sub = 0;
  while (sub < kMostTail && !io_->abandoned() && call(true, sub, kTailPart) == AVRIG_AGAIN) {
  }
}

// Every input has ended, and was completed after its end had been passed on.
void FrameLoop::finish() {
  for (auto& output : outputs_) {
    if (!output->maker().ended() && wait_publish(*output)) {
      Commit commit;
      for (std::size_t index = 0; index < inputs_.size(); ++index) {
        commit.origin[index] = commit.from[index] = inputs_.feed(index).follower().next();
      }
      commit.part = kMarkPart;
      output->publish_mark(shm::Kind::End, commit, nullptr);
    }
  }
  for (std::size_t index = 0; index < inputs_.size(); ++index) {
    inputs_.feed(index).release_all();
  }
}

}  // namespace avrig::processor
