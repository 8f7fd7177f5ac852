// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "display_writer.hpp"

#include "png_target.hpp"
#include "window_target.hpp"
#include <avrig/error.hpp>
#include <avrig/media/handles.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <cstdlib>

#include <nlohmann/json.hpp>

namespace avrig::display_writer {
namespace {

using nlohmann::json;

// The master map is looked at anew at least this often while a frame waits.
constexpr std::int64_t kLookNs = 10'000'000;

}  // namespace

std::vector<stage::ParameterDescription> DisplayWriter::parameters(const stage::Request&) {
  auto to =
      stage::parameter("to", "enum", "auto", "auto = a window where there is a display, else none");
  to.choices = {"auto", "window", "png", "none"};
  return {to,
          stage::parameter("folder", "path", "{run}/pictures", "to: png: where the files go"),
          stage::parameter("every", "int", "1", "to: png: one file for every so many pictures"),
          stage::parameter("title", "string", "", "the window's title; empty = the stage's id")};
}

stage::Description DisplayWriter::describe(const stage::Request& request) {
  media::set_ffmpeg_log(media::FfmpegLog::Silent);
  const json with = json::parse(request.parameters);
  to_ = with.value("to", "auto");
  folder_ = with.value("folder", request.run_dir + "/pictures");
  every_ = std::max<std::int64_t>(with.value("every", std::int64_t{1}), 1);
  title_ = with.value("title", "");
  if (title_.empty()) {
    title_ = request.id;
  }
  if (to_ == "auto") {
    to_ = WindowTarget::has_display() && !request.offline ? "window" : "none";
  }
  offline_ = request.offline;
  stage::Description description;
  description.work = stage::Work::Looker;
  description.parameters = parameters(request);
  stage::InputPort port;
  port.name = "in";
  port.accepts.media = AVRIG_MEDIA_VIDEO;
  port.presents = true;
  description.inputs.push_back(port);
  return description;
}

stage::Configured DisplayWriter::configure(std::span<const avrig_format>,
                                           std::span<const stage::Wish>) {
  return {};
}

void DisplayWriter::prepare(stage::StageIo& io) {
  if (io.sync_block() != nullptr) {
    block_.emplace(*io.sync_block(), io.assignment().sync_section);
    section_ = block_->own();
    section_.role = shm::SyncRole::PictureWriter;
    section_.media = AVRIG_MEDIA_VIDEO;
    section_.phase = shm::SyncPhase::Preroll;
    block_->write(section_);
  }
  const avrig_format& format = io.input_format(0);
  if (to_ == "window") {
    target_ = std::make_unique<WindowTarget>(title_, format);
  } else if (to_ == "png") {
    target_ = std::make_unique<PngTarget>(folder_, format, every_);
  }
}

// 0: at once (no group, offline, or released without a time).
std::int64_t DisplayWriter::due_ns(const shm::Descriptor& frame) const {
  if (!block_ || offline_ || frame.due_ns == 0) {
    return 0;
  }
  return block_->due_ns(frame.capture_ns).value_or(frame.due_ns);
}

// False: it is not to be shown any more.
bool DisplayWriter::wait_until_due(stage::StageIo& io, const shm::Descriptor& frame) {
  while (!io.abandoned()) {
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t at_ns = due_ns(frame);
    if (at_ns <= now_ns) {
      return true;
    }
    if (io.stopping()) {
      return false;
    }
    (void)io.waiter().wait([&] { return io.abandoned() || io.stopping(); },
                           std::min(at_ns, now_ns + kLookNs));
  }
  return false;
}

// A frame that a newer one, due as well, would replace at once is not worth showing.
bool DisplayWriter::is_due(stage::StageIo& io, std::uint64_t sequence) const {
  shm::Descriptor frame;
  std::uint64_t word = 0;
  if (!io.input(0).ring().read(sequence, frame, word) || shm::word_kind(word) != shm::Kind::Frame) {
    return false;
  }
  const std::int64_t at_ns = due_ns(frame);
  return at_ns != 0 && at_ns <= monotonic_ns();
}

void DisplayWriter::note_offset(const shm::Descriptor& frame, std::int64_t now_ns) {
  if (due_ns(frame) == 0) {
    return;
  }
  const std::int64_t offset_ns = now_ns - block_->due_ns(frame.capture_ns).value_or(now_ns);
  section_.offset_min_ns =
      section_.presented == 0 ? offset_ns : std::min(section_.offset_min_ns, offset_ns);
  section_.offset_max_ns =
      section_.presented == 0 ? offset_ns : std::max(section_.offset_max_ns, offset_ns);
  section_.offset_sum_ns += offset_ns;
  section_.offset_last_ns = offset_ns;
  if (max_unsynced_ns_ == 0) {
    max_unsynced_ns_ = block_->read(block_->leader()).max_unsynced_ns;
  }
  section_.unsynced += std::abs(offset_ns) > max_unsynced_ns_ ? 1U : 0U;
  ++section_.presented;
  section_.phase = shm::SyncPhase::Running;
  block_->write(section_);
}

void DisplayWriter::pass_over(stage::StageIo& io, const shm::Taken& taken, shm::DropReason reason) {
  if (reason == shm::DropReason::Late) {
    ++section_.dropped;
    if (block_) {
      block_->write(section_);
    }
  }
  io.input(0).complete_dropped(taken, reason);
}

void DisplayWriter::show(stage::StageIo& io, const shm::Taken& taken) {
  const std::int64_t now_ns = monotonic_ns();
  if (target_ && !taken.payload.empty()) {
    // Nothing may be in our hand; a window that hangs is to be found all the same.
    std::atomic<std::int64_t>& since_ns = io.input(0).page().since_ns;
    since_ns.store(now_ns, std::memory_order_relaxed);
    target_->show();
    since_ns.store(0, std::memory_order_relaxed);
  }
  note_offset(taken.descriptor, now_ns);
  io.note_out(taken.descriptor.capture_ns);
  io.input(0).note_latency(taken, monotonic_ns());
}

void DisplayWriter::handle(stage::StageIo& io, const shm::Taken& taken) {
  shm::RingFollower& input = io.input(0);
  if (io.stopping() && due_ns(taken.descriptor) > monotonic_ns()) {
    pass_over(io, taken, shm::DropReason::Stopped);
    return;
  }
  if (is_due(io, taken.sequence + 1)) {
    pass_over(io, taken, shm::DropReason::Late);
    return;
  }
  if (target_ && !taken.payload.empty()) {
    target_->take(stage::view(taken, io.input_format(0)));
  }
  // Who must have every picture completes it when it is shown: a successor shows it again.
  const bool early = io.assignment().inputs[0].loss == shm::Loss::MaySkip;
  if (early) {
    input.complete(taken);
    input.release_all();
  }
  const bool in_time = wait_until_due(io, taken.descriptor);
  if (in_time) {
    show(io, taken);
  }
  if (!early && in_time) {
    input.complete(taken);
  } else if (!early && !io.abandoned()) {
    pass_over(io, taken, shm::DropReason::Stopped);
  }
}

void DisplayWriter::run(stage::StageIo& io) {
  shm::RingFollower& input = io.input(0);
  // What a predecessor completed, but was killed before it let go, is nobody's to read again.
  input.release_all();
  while (!input.ended() && !io.abandoned()) {
    if (io.ordered()) {
      io.apply_orders();
    }
    shm::Taken taken;
    const auto next = input.try_next(taken);
    if (next == shm::RingFollower::Next::Broken) {
      throw Error(ErrorCode::Internal, std::string("the input is damaged: ") + input.broken());
    }
    if (next == shm::RingFollower::Next::Nothing) {
      (void)io.wait(io.waiter(), [&] { return input.ready(); });
      continue;
    }
    if (taken.kind == shm::Kind::Frame) {
      handle(io, taken);
    } else {
      input.complete(taken);
    }
    input.release_all();
  }
  if (block_) {
    section_.phase = shm::SyncPhase::Ended;
    block_->write(section_);
  }
}

}  // namespace avrig::display_writer
