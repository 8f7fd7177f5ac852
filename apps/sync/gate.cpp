// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "gate.hpp"

#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/shm/sweep.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace avrig::gate {
namespace {

using nlohmann::json;

// The group's state is looked at this often while it has not started.
constexpr std::int64_t kLookNs = 2'000'000;

}  // namespace

stage::Description Gate::describe(const stage::Request& request) {
  const json group = json::parse(request.group);
  const std::string mode = group.value("mode", "live");
  options_.mode = request.offline || mode == "offline" ? sync::Mode::Offline
                  : mode == "asap"                     ? sync::Mode::Asap
                                                       : sync::Mode::Live;
  if (group.contains("delay_ns")) {
    options_.delay_ns = group.at("delay_ns").get<std::int64_t>();
  }
  options_.max_delay_ns = group.value("max_delay_ns", options_.max_delay_ns);
  options_.max_unsynced_ns = group.value("max_unsynced_ns", options_.max_unsynced_ns);
  options_.ends_with_first = group.value("end", "all") == "any";
  group_ = request.target;
  from_ = request.inputs.empty() ? "" : request.inputs.front();
  run_offline_ = request.offline;
  stage::Description description;
  description.work = stage::Work::Gate;
  stage::InputPort in;
  in.name = "in";
  description.inputs.push_back(in);
  stage::OutputPort out;
  out.name = "out";
  description.outputs.push_back(out);
  return description;
}

stage::Configured Gate::configure(std::span<const avrig_format> inputs,
                                  std::span<const stage::Wish>) {
  stage::Configured out;
  out.outputs.assign(inputs.begin(), inputs.end());
  out.frame_bytes.push_back(0);
  return out;
}

void Gate::write_section() {
  block_->write(section_);
}

void Gate::prepare(stage::StageIo& io) {
  if (io.sync_block() == nullptr) {
    throw Error(ErrorCode::Internal, "a gate without a sync group's block");
  }
  own_section_ = io.assignment().sync_section;
  block_.emplace(*io.sync_block(), own_section_);
  section_ = block_->own();
  if (section_.role == shm::SyncRole::None) {
    section_.horizon_ns = INT64_MIN;
  }
  section_.role = shm::SyncRole::Gate;
  section_.media = io.input_format(0).media;
  section_.live = io.assignment().live ? 1 : 0;
  section_.bell = io.assignment().bell;
  if (is_leader()) {
    section_.max_unsynced_ns = options_.max_unsynced_ns;
  }
  rate_hz_ = io.input_format(0).sample_rate_hz;
  most_for_skippers_ = std::max<std::uint64_t>(io.input(0).ring().window() / 2, 2);
  origin_ring_ = io.input(0).ring().id();
  resume(io);
  // Before anybody runs: a group waits for those who say that they belong to it.
  write_section();
}

// The output is the commit record: go on after the last origin that was referred to.
void Gate::resume(stage::StageIo& io) {
  seen_ = io.input(0).hold();
  const auto& last = io.output(0).last();
  if (last) {
    io.input(0).skip_to(last->origin[0]);
  }
  over_ = io.output(0).ended() && !io.input(0).ended();
  pass_on_releases(io);
}

// What no unreleased descriptor names any more goes back to its maker.
void Gate::pass_on_releases(stage::StageIo& io) {
  shm::RingMaker& maker = io.output(0);
  maker.leave_to_skippers(most_for_skippers_);
  const std::uint64_t tail = maker.tail();
  passed_tail_ = tail;
  if (tail == maker.head()) {
    io.input(0).release_all();
    return;
  }
  shm::Descriptor oldest;
  shm::Kind kind = shm::Kind::None;
  if (maker.read(tail, oldest, kind) && oldest.origin[0] > 0) {
    io.input(0).release(oldest.origin[0] - (kind == shm::Kind::End && over_ ? 0 : 1));
  }
}

bool Gate::wait_for_room(stage::StageIo& io) {
  shm::RingMaker& maker = io.output(0);
  while (!io.wait(io.waiter(), [&] { return maker.may_publish(); })) {
    if (io.abandoned()) {
      return false;
    }
    if (io.ordered()) {
      io.apply_orders();
    }
  }
  return true;
}

// Name the frame in our own ring. False: the run is over.
bool Gate::refer(stage::StageIo& io, const shm::Taken& taken) {
  if (!wait_for_room(io)) {
    return false;
  }
  AVRIG_SWEEP_WINDOW(Refer);
  shm::Descriptor reference = taken.descriptor;
  reference.origin = {};
  reference.origin_from = {};
  reference.origin[0] = taken.sequence + 1;
  reference.origin_from[0] = taken.sequence;
  reference.part = 0;
  reference.more_parts = 0;
  const bool frame = taken.kind == shm::Kind::Frame;
  reference.reference_ring =
      frame && io.input(0).ring().is_reference() ? taken.descriptor.reference_ring : origin_ring_;
  reference.reference_buffer = frame ? taken.buffer : shm::kNoBuffer;
  reference.due_ns = 0;
  if (frame && options_.mode == sync::Mode::Live && has_started()) {
    const auto due_ns = block_->due_ns(taken.descriptor.capture_ns);
    reference.due_ns = due_ns.value_or(0);
    if (due_ns && sync::is_late(*due_ns, taken.descriptor.duration_ns, monotonic_ns())) {
      reference.flags |= AVRIG_FRAME_LATE;
      ++section_.late;
    }
  }
  io.output(0).publish(taken.kind, reference);
  return true;
}

// The group is over: our stream ends here, though its source may go on.
bool Gate::end_group(stage::StageIo& io, const shm::Taken& taken) {
  if (!wait_for_room(io)) {
    return false;
  }
  shm::Descriptor end{};
  end.capture_ns = taken.descriptor.capture_ns;
  end.reference_ring = origin_ring_;
  end.reference_buffer = shm::kNoBuffer;
  end.origin[0] = taken.sequence;
  end.origin_from[0] = taken.sequence;
  io.output(0).publish(shm::Kind::End, end);
  over_ = true;
  section_.phase = shm::SyncPhase::Ended;
  write_section();
  return true;
}

// False: the run is over.
bool Gate::handle(stage::StageIo& io, shm::Taken& taken) {
  shm::RingFollower& input = io.input(0);
  const bool frame = taken.kind == shm::Kind::Frame;
  if (!frame && options_.ends_with_first) {
    look_ahead(io);  // the others are to know of an end before we have passed it on
  }
  if (frame && !over_) {
    const Verdict verdict = await(io, taken);
    if (verdict == Verdict::Leave || (verdict == Verdict::GroupOver && !end_group(io, taken))) {
      return false;
    }
  }
  if (over_) {
    frame ? input.complete_dropped(taken, shm::DropReason::Ended) : input.complete(taken);
    pass_on_releases(io);
    return true;
  }
  if (!refer(io, taken)) {
    return false;
  }
  input.note_latency(taken, monotonic_ns());
  input.complete(taken);
  pass_on_releases(io);
  if (frame) {
    ++section_.released;
    sync::note_release(section_, taken.descriptor.capture_ns, monotonic_ns());
    io.note_out(taken.descriptor.capture_ns);
  }
  section_.phase =
      input.ended() ? shm::SyncPhase::Ended : std::max(section_.phase, shm::SyncPhase::Running);
  write_section();
  return true;
}

void Gate::wait_for_frame(stage::StageIo& io) {
  if (options_.ends_with_first) {
    look_ahead(io);
  }
  const bool looks = in_preroll();
  const std::uint64_t tail = passed_tail_;
  // Room for the frames' maker is passed on in as large steps as frames are taken in.
  shm::RingMaker& maker = io.output(0);
  maker.ask_for(std::min(maker.head(), tail + io.input(0).frames_worth()));
  (void)io.wait(
      io.waiter(),
      [&] { return io.input(0).ready() || maker.tail() != tail; },
      looks ? monotonic_ns() + kLookNs : stage::StageIo::kForever);
  maker.ask_for(0);
  pass_on_releases(io);
  if (looks) {
    check_delay(io);
    try_start(io);
  }
}

void Gate::run(stage::StageIo& io) {
  shm::RingFollower& input = io.input(0);
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
      wait_for_frame(io);
    } else if (!handle(io, taken)) {
      break;
    }
  }
  stay_until_let_go(io);
}

// Followers still read the buffers that we hold for them.
void Gate::stay_until_let_go(stage::StageIo& io) {
  while (!io.abandoned() && io.output(0).tail() != io.output(0).head()) {
    const std::uint64_t tail = passed_tail_;
    (void)io.waiter().wait([&] { return io.abandoned() || io.output(0).tail() != tail; },
                           monotonic_ns() + 100'000'000);
    pass_on_releases(io);
  }
  pass_on_releases(io);
}

}  // namespace avrig::gate
