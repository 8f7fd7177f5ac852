// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "editor_loop.hpp"

#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/pixel_layout.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace avrig::processor {

EditedRegions edited_regions(const std::array<std::uint32_t, 4>& undo,
                             const avrig_format& format,
                             const shm::Descriptor& frame) noexcept {
  EditedRegions out;
  const auto layout =
      format.media == AVRIG_MEDIA_VIDEO ? find_pixel_layout(format.pixel_format) : std::nullopt;
  for (std::uint32_t plane = 0; plane < frame.planes; ++plane) {
    shm::Region& region = out.region[out.count++];
    region = {.offset = frame.plane_offset[plane],
              .row_bytes = frame.stride[plane],
              .rows = frame.rows[plane],
              .stride = frame.stride[plane],
              .reserved = 0};
    if (format.media == AVRIG_MEDIA_AUDIO) {
      region.row_bytes = std::min(frame.samples * std::uint32_t{4}, region.stride);
    }
    if (!layout || plane >= layout->planes) {
      continue;
    }
    region.row_bytes = std::min(layout->row_bytes(format.width, plane), region.stride);
    if (undo[2] == 0) {
      continue;
    }
    const bool is_chroma = plane == 1 || plane == 2;
    const std::uint32_t pixel_bytes = is_chroma ? layout->chroma_bytes : layout->bytes;
    const std::uint32_t shift_x = is_chroma ? layout->shift_x : 0;
    const std::uint32_t shift_y = is_chroma ? layout->shift_y : 0;
    const auto up = [](std::uint64_t n, std::uint32_t shift) {
      return (n + (1U << shift) - 1) >> shift;
    };
    const std::uint64_t left = undo[0] >> shift_x;
    const std::uint64_t top = undo[1] >> shift_y;
    const std::uint64_t right = std::min<std::uint64_t>(
        up(std::uint64_t{undo[0]} + undo[2], shift_x), region.row_bytes / pixel_bytes);
    const std::uint64_t bottom =
        std::min<std::uint64_t>(up(std::uint64_t{undo[1]} + undo[3], shift_y), region.rows);
    if (left >= right || top >= bottom) {
      --out.count;
      continue;
    }
    region.offset += top * region.stride + left * pixel_bytes;
    region.row_bytes = static_cast<std::uint32_t>((right - left) * pixel_bytes);
    region.rows = static_cast<std::uint32_t>(bottom - top);
  }
  return out;
}

EditorLoop::EditorLoop(stage::StageIo& io,
                       const Terms& terms,
                       plugin::PluginInstance& instance,
                       Services& services,
                       std::function<void()> reconfigure)
    : io_(&io),
      terms_(&terms),
      instance_(&instance),
      services_(&services),
      reconfigure_(std::move(reconfigure)),
      editor_(io.editor(0)) {
  if (editor_ == nullptr) {
    throw Error(ErrorCode::Internal, "an editor without an edited input");
  }
}

void EditorLoop::run() {
  editor_->release_all();
  shm::Taken taken;
  while (!io_->abandoned() && !editor_->ended()) {
    if (io_->ordered()) {
      io_->apply_orders();
    }
    switch (editor_->try_next(taken)) {
      case shm::RingFollower::Next::Nothing:
        (void)io_->wait(io_->waiter(), [&] { return editor_->ready(); });
        break;
      case shm::RingFollower::Next::Broken:
        throw Error(ErrorCode::Internal, std::string("the input is damaged: ") + editor_->broken());
      case shm::RingFollower::Next::Taken:
        if (taken.kind == shm::Kind::Frame) {
          on_frame(taken);
        } else {
          on_mark(taken);
        }
        editor_->release_all();
        break;
    }
  }
}

void EditorLoop::on_mark(const shm::Taken& taken) {
  if (taken.kind == shm::Kind::Break) {
    break_reason_ = AVRIG_BREAK_EPOCH;
  } else if (taken.kind == shm::Kind::Format) {
    instance_->stop();
    reconfigure_();
    instance_->start();
  }
  editor_->complete(taken);
}

void EditorLoop::on_frame(const shm::Taken& taken) {
  if (taken.payload.empty()) {
    editor_->complete(taken);
    return;
  }
  if (is_quarantined(taken.sequence)) {
    set_aside(taken);
    return;
  }
  if (!edit(taken)) {
    editor_->condemn(taken, shm::DropReason::Processor, false);
  }
  editor_->note_latency(taken, monotonic_ns());
  editor_->complete(taken);
  io_->page().frames_in.store(io_->page().frames_in.load(std::memory_order_relaxed) + 1,
                              std::memory_order_relaxed);
  io_->note_out(taken.descriptor.capture_ns);
}

bool EditorLoop::edit(const shm::Taken& taken) {
  if (terms_->heal == AVRIG_HEAL_UNDO) {
    const EditedRegions regions =
        edited_regions(terms_->undo, terms_->inputs.front().ring_format, taken.descriptor);
    if (!editor_->save(taken, {regions.region.data(), regions.count})) {
      services_->note_failure("the region to undo does not fit the memory planned for it");
      return false;
    }
  }
  avrig_frame frame = stage::view(taken, terms_->inputs.front().ring_format);
  const std::uint32_t reason = std::exchange(break_reason_, 0U);
  if ((reason != 0 || (frame.flags & AVRIG_FRAME_DISCONTINUITY) != 0) &&
      instance_->discontinuity(0, reason != 0 ? reason : std::uint32_t{AVRIG_BREAK_GAP}) ==
          AVRIG_ERROR) {
    services_->note_failure(instance_->error_text());
  }
  avrig_frame output = frame;
  const avrig_frame* inputs = &frame;
  avrig_frame* outputs = &output;
  avrig_call call{};
  call.struct_size = sizeof call;
  call.input_count = terms_->input_entries;
  call.output_count = 1;
  call.inputs = &inputs;
  call.outputs = &outputs;
  call.produced = 1;
  const std::int32_t status = instance_->process(call);
  if (status == AVRIG_OK) {
    return true;
  }
  if (status == AVRIG_ERROR) {
    services_->note_failure(instance_->error_text());
  } else if (status != AVRIG_DROP) {
    services_->note_failure("an editor gives exactly one frame for each");
  }
  return false;
}

// Recovery has put the before-image back. What only running again could heal stays half edited, so
// it never goes on.
void EditorLoop::set_aside(const shm::Taken& taken) noexcept {
  (void)editor_->restore(taken);
  if (io_->assignment().unprocessed_pass && terms_->heal == AVRIG_HEAL_UNDO) {
    editor_->pass_unprocessed(taken, true);
  } else {
    editor_->condemn(taken, shm::DropReason::Unprocessed, true);
  }
  editor_->complete_quarantined(taken);
  break_reason_ = AVRIG_BREAK_GAP;
}

bool EditorLoop::is_quarantined(std::uint64_t sequence) const noexcept {
  const auto& list = io_->assignment().quarantined;
  return !list.empty() && std::find(list.begin(), list.end(), sequence) != list.end();
}

}  // namespace avrig::processor
