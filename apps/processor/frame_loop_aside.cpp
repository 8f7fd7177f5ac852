// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "frame_loop.hpp"
#include "plugin_terms.hpp"

#include <algorithm>
#include <cstring>

namespace avrig::processor {

// --- frames set aside ----------------------------------------------------------------------------

void FrameLoop::set_aside() {
  InputFeed& feed = inputs_.feed(inputs_.which());
  const std::size_t which = inputs_.which();
  const avrig_frame view = stage::view(feed.taken(), io_->input_format(which));
  first_ = &view;
  const Commit commit = commit_of(false, ordinal() << kOrdinalShift);
  for (auto& output : outputs_) {
    if (!output->has(commit) && !copy_unprocessed(*output, commit)) {
      publish_empty(*output, commit, shm::DropReason::Unprocessed, true);
    }
  }
  if (io_->abandoned()) {
    return;
  }
  inputs_.consume();
  inputs_.settle();
  break_reason_[which] = AVRIG_BREAK_GAP;
  first_ = nullptr;
}

bool FrameLoop::copy_unprocessed(OutputPort& port, const Commit& commit) {
  const std::uint32_t input_port = inputs_.port(inputs_.which());
  if (!io_->assignment().unprocessed_pass ||
      !same_frames(terms_->inputs[input_port].ring_format, port.terms().format)) {
    return false;
  }
  OutputFrame frame;
  while (!port.try_claim(frame)) {
    (void)io_->wait(io_->waiter(), [&] { return port.maker().ready(); });
    apply_orders();
    if (io_->abandoned()) {
      return true;
    }
  }
  preset(frame, port, 0, 0, false);
  frame.preset.flags |= AVRIG_FRAME_QUARANTINED | AVRIG_FRAME_UNPROCESSED;
  frame.answered = frame.preset;
  frame.answered.samples = first_->samples;
  for (std::uint32_t plane = 0; plane < first_->planes; ++plane) {
    const avrig_plane& from = first_->plane[plane];
    const avrig_plane& to = frame.preset.plane[plane];
    const std::size_t bytes = std::min(from.stride_bytes, to.stride_bytes);
    for (std::uint32_t row = 0; row < std::min(from.rows, to.rows); ++row) {
      std::memcpy(static_cast<std::byte*>(to.data) + std::size_t{row} * to.stride_bytes,
                  static_cast<const std::byte*>(from.data) + std::size_t{row} * from.stride_bytes,
                  bytes);
    }
  }
  io_->count("copied unprocessed");
  publish(port, frame, commit, true);
  return true;
}

}  // namespace avrig::processor
