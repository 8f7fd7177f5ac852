// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "display_writer.hpp"

#include "png_target.hpp"
#include "window_target.hpp"
#include <avrig/error.hpp>
#include <avrig/media/handles.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace avrig::display_writer {
namespace {

using nlohmann::json;

// The master map is looked at anew at least this often while a frame waits.
constexpr std::int64_t kLookNs = 10'000'000;

}  // namespace

std::vector<stage::ParameterDescription> DisplayWriter::parameters(const stage::Request&) {
  auto to =
      stage::parameter("to",
                       "enum",
                       "auto",
                       "window, png, none; auto = a window where there is a display, else none");
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

// True when it is to be shown now.
bool DisplayWriter::wait_until_due(stage::StageIo& io, const shm::Taken& taken) {
  if (!block_ || offline_ || taken.descriptor.due_ns == 0) {
    return true;
  }
  while (!io.abandoned()) {
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t due_ns =
        block_->due_ns(taken.descriptor.capture_ns).value_or(taken.descriptor.due_ns);
    if (due_ns <= now_ns) {
      return true;
    }
    (void)io.waiter().wait([&] { return io.abandoned(); }, std::min(due_ns, now_ns + kLookNs));
  }
  return false;
}

// A frame that a newer one, due as well, would replace at once is not worth showing.
bool DisplayWriter::newer_is_due(stage::StageIo& io) const {
  const shm::RingFollower& input = io.input(0);
  shm::Descriptor newer;
  std::uint64_t word = 0;
  if (!block_ || offline_ || !input.ring().read(input.next() + 1, newer, word) ||
      shm::word_kind(word) != shm::Kind::Frame) {
    return false;
  }
  return block_->due_ns(newer.capture_ns).value_or(INT64_MAX) <= monotonic_ns();
}

void DisplayWriter::note_offset(const shm::Taken& taken, std::int64_t now_ns) {
  if (!block_ || offline_) {
    return;
  }
  const std::int64_t due_ns = block_->due_ns(taken.descriptor.capture_ns).value_or(now_ns);
  const std::int64_t offset_ns = now_ns - due_ns;
  section_.offset_min_ns =
      section_.presented == 0 ? offset_ns : std::min(section_.offset_min_ns, offset_ns);
  section_.offset_max_ns =
      section_.presented == 0 ? offset_ns : std::max(section_.offset_max_ns, offset_ns);
  section_.offset_sum_ns += offset_ns;
  section_.offset_last_ns = offset_ns;
  ++section_.presented;
  section_.phase = shm::SyncPhase::Running;
  block_->write(section_);
}

void DisplayWriter::present(stage::StageIo& io, const shm::Taken& taken) {
  const std::int64_t now_ns = monotonic_ns();
  if (target_ && !taken.payload.empty()) {
    target_->show(stage::view(taken, io.input_format(0)));
  }
  note_offset(taken, now_ns);
  io.note_out(taken.descriptor.capture_ns);
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
    if (taken.kind != shm::Kind::Frame) {
      input.complete(taken);
    } else if (!wait_until_due(io, taken)) {
      break;
    } else if (newer_is_due(io)) {
      ++section_.dropped;
      if (block_) {
        block_->write(section_);
      }
      input.complete_dropped(taken, shm::DropReason::Late);
    } else {
      present(io, taken);
      input.note_latency(taken, monotonic_ns());
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
