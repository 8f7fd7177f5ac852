// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// Four stages: a maker, an editor that changes each byte where it lies, a gate that refers to the
// frames in a ring of its own, and a looker behind it.
#include "ring_ends.hpp"

#include <algorithm>
#include <stdexcept>

using namespace avrig;
using namespace avrig::bench;

namespace {

[[noreturn]] void broken(const shm::RingFollower& follower) {
  throw std::runtime_error(follower.broken());
}

void run_editor(const Options& options,
                Board& board,
                const shm::Segment& run,
                const shm::Segment& segment) {
  StageEnd stage(run, 1, options);
  shm::Ring ring(segment, {shm::RingAccess::As::Participant, 0});
  shm::RingEditor editor(ring, 0, stage.block.bells());
  shm::Taken taken;
  const std::uint64_t cpu_before = cpu_ns();
  while (!editor.ended()) {
    const auto next = editor.try_next(taken);
    if (next == shm::RingFollower::Next::Broken) {
      broken(editor);
    }
    if (next == shm::RingFollower::Next::Nothing) {
      stage.wait([&] { return editor.ready(); });
      continue;
    }
    if (taken.kind == shm::Kind::Frame && options.touch) {
      edit(taken.payload.data(), options.size);
    }
    editor.complete(taken);
    editor.release_all();
  }
  board.middle_cpu_ns.fetch_add(cpu_ns() - cpu_before);
}

// What no unreleased descriptor names any more goes back to its maker, as apps/sync does.
void pass_on_releases(shm::RingFollower& input, shm::RingMaker& output) {
  const std::uint64_t tail = output.tail();
  if (tail == output.head()) {
    input.release(output.last() ? output.last()->origin[0] : 0);
    return;
  }
  shm::Descriptor oldest;
  shm::Kind kind = shm::Kind::None;
  if (output.read(tail, oldest, kind) && oldest.origin[0] > 0) {
    input.release(oldest.origin[0] - 1);
  }
}

void refer(StageEnd& stage, shm::RingMaker& output, const shm::Taken& taken, std::uint32_t ring) {
  stage.wait([&] { return output.may_publish(); });
  shm::Descriptor reference = taken.descriptor;
  reference.origin[0] = taken.sequence + 1;
  reference.origin_from[0] = taken.sequence;
  reference.reference_ring = ring;
  reference.reference_buffer = taken.kind == shm::Kind::Frame ? taken.buffer : shm::kNoBuffer;
  output.publish(taken.kind, reference);
}

void run_gate(const Options& options,
              Board& board,
              const shm::Segment& run,
              const shm::Segment& frames,
              const shm::Segment& references) {
  StageEnd stage(run, 2, options);
  shm::Ring in(frames, {shm::RingAccess::As::Participant, 1});
  shm::Ring out(references, {shm::RingAccess::As::Maker, 0});
  shm::RingFollower input(in, 1, stage.block.bells());
  shm::RingMaker output(out, stage.block.bells());
  shm::Taken taken;
  const std::uint64_t cpu_before = cpu_ns();
  while (!input.ended()) {
    const auto next = input.try_next(taken);
    if (next == shm::RingFollower::Next::Broken) {
      broken(input);
    }
    if (next == shm::RingFollower::Next::Nothing) {
      const std::uint64_t tail = output.tail();
      pass_on_releases(input, output);
      output.settle();
      output.ask_for(std::min(output.head(), tail + input.frames_worth()));
      stage.wait([&] { return input.ready() || output.tail() != tail; });
      output.ask_for(0);
      pass_on_releases(input, output);
      continue;
    }
    refer(stage, output, taken, in.id());
    input.complete(taken);
    pass_on_releases(input, output);
  }
  // The looker still has its last frames, and nobody writes into their buffers any more.
  board.middle_cpu_ns.fetch_add(cpu_ns() - cpu_before);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Board* board = make_board();
  const shm::Segment run = shm::RunBlock::create(4, 4);
  shm::RingSpec spec = default_ring(options, 4);
  spec.ring_id = 0;
  spec.participants = {participant(shm::Part::Editor, 1), participant(shm::Part::Gate, 2, 1)};
  const shm::Segment frames = shm::Ring::create("bench-frames", spec);
  shm::RingSpec names = spec;
  names.ring_id = 1;
  names.maker_stage = names.maker_bell = 2;
  names.window = spec.buffers;
  names.slots = spec.buffers + spec.guard + 1;
  names.buffers = 0;
  names.buffer_bytes = 0;
  names.participants = {participant(shm::Part::Looker, 3)};
  const shm::Segment references = shm::Ring::create("bench-references", names);
  start_process(options, 1, [&] { run_editor(options, *board, run, frames); });
  start_process(options, 2, [&] { run_gate(options, *board, run, frames, references); });
  return run_pair(
      options,
      *board,
      3,
      [&] { return std::make_unique<RingSender>(run, frames, options); },
      [&] { return std::make_unique<RingReceiver>(run, references, &frames, 3, options); });
}
