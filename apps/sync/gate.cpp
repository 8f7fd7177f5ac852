// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "gate.hpp"

#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/shm/sweep.hpp>

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

namespace avrig::gate {
namespace {

using nlohmann::json;

// A group waits this long for a stream that shows nothing, then starts without it.
constexpr std::int64_t kPatienceNs = 3'000'000'000;
// From the decision to the first frame's due time: writers open the first frames meanwhile.
constexpr std::int64_t kStartLeadNs = 60'000'000;
// Frames are released this long before they are due. Sound goes through a device's buffers; a
// picture's writer sleeps to the due time itself.
constexpr std::int64_t kAudioLeadNs = 200'000'000;
constexpr std::int64_t kPictureLeadNs = 30'000'000;
// The group's state is looked at this often while it has not started.
constexpr std::int64_t kLookNs = 2'000'000;

}  // namespace

stage::Description Gate::describe(const stage::Request& request) {
  const json group = json::parse(request.group);
  const std::string mode = group.value("mode", "live");
  options_.mode = mode == "offline" ? sync::Mode::Offline
                  : mode == "asap"  ? sync::Mode::Asap
                                    : sync::Mode::Live;
  if (group.contains("delay_ns")) {
    options_.delay_ns = group.at("delay_ns").get<std::int64_t>();
  }
  options_.max_delay_ns = group.value("max_delay_ns", options_.max_delay_ns);
  offline_ = request.offline || options_.mode != sync::Mode::Live;
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

bool Gate::is_leader() const noexcept {
  return own_section_ == block_->leader();
}

void Gate::prepare(stage::StageIo& io) {
  if (io.sync_block() == nullptr) {
    throw Error(ErrorCode::Internal, "a gate without a sync group's block");
  }
  own_section_ = io.assignment().sync_section;
  block_.emplace(*io.sync_block(), own_section_);
  section_ = block_->own();
  section_.role = shm::SyncRole::Gate;
  section_.media = io.input_format(0).media;
  origin_ring_ = io.input(0).ring().id();
  resume(io);
}

// The output is the commit record: go on after the last origin that was referred to.
void Gate::resume(stage::StageIo& io) {
  const auto& last = io.output(0).last();
  if (last) {
    io.input(0).skip_to(last->origin[0]);
  }
  pass_on_releases(io);
}

// What no unreleased descriptor names any more goes back to its maker.
void Gate::pass_on_releases(stage::StageIo& io) {
  shm::RingMaker& maker = io.output(0);
  const std::uint64_t tail = maker.tail();
  passed_tail_ = tail;
  if (tail == maker.head()) {
    io.input(0).release(maker.last() ? maker.last()->origin[0] : 0);
    return;
  }
  shm::Descriptor oldest;
  shm::Kind kind = shm::Kind::None;
  if (maker.read(tail, oldest, kind) && oldest.origin[0] > 0) {
    io.input(0).release(oldest.origin[0] - 1);
  }
}

void Gate::enter_preroll(const shm::Taken& taken) {
  if (section_.phase != shm::SyncPhase::Absent) {
    return;
  }
  section_.phase = shm::SyncPhase::Preroll;
  section_.first_capture_ns = taken.descriptor.capture_ns;
  preroll_began_ns_ = monotonic_ns();
  block_->write(section_);
}

// Until the leader has fixed T0; the leader decides.
bool Gate::wait_for_start(stage::StageIo& io) {
  while (block_->read(block_->leader()).started == 0) {
    const std::int64_t now_ns = monotonic_ns();
    if (is_leader()) {
      std::vector<shm::SyncSection> sections;
      for (std::uint32_t index = 0; index < block_->sections(); ++index) {
        sections.push_back(block_->read(index));
      }
      if (const auto start = sync::decide_start(
              sections, options_, now_ns, preroll_began_ns_, kPatienceNs, kStartLeadNs)) {
        section_.t0_ns = start->t0_ns;
        section_.media0_ns = start->media0_ns;
        section_.delay_ns = start->delay_ns;
        section_.started = 1;
        block_->write(section_);
        break;
      }
    } else if (now_ns - preroll_began_ns_ > 2 * kPatienceNs) {
      // A leader without a single frame: this stream goes on alone, from its own first frame.
      return false;
    }
    if (io.abandoned()) {
      return false;
    }
    (void)io.waiter().wait([&] { return io.abandoned(); }, now_ns + kLookNs);
  }
  return true;
}

bool Gate::wait_until_due(stage::StageIo& io, const shm::Taken& taken) {
  const std::int64_t lead_ns = section_.media == AVRIG_MEDIA_AUDIO ? kAudioLeadNs : kPictureLeadNs;
  while (!io.abandoned() && !io.stopping()) {
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t due_ns = block_->due_ns(taken.descriptor.capture_ns).value_or(now_ns);
    if (due_ns - lead_ns <= now_ns) {
      return true;
    }
    // Woken early by a follower's release: pass it on. Not later than 50 ms, the map may change.
    (void)io.waiter().wait([&] { return io.interrupted() || io.output(0).tail() != passed_tail_; },
                           std::min(due_ns - lead_ns, now_ns + 50'000'000));
    pass_on_releases(io);
    if (io.ordered()) {
      io.apply_orders();
    }
  }
  return !io.abandoned();
}

// Name the frame in our own ring. False: the run is over.
bool Gate::refer(stage::StageIo& io, const shm::Taken& taken) {
  shm::RingMaker& maker = io.output(0);
  while (!io.wait(io.waiter(), [&] { return maker.may_publish(); })) {
    if (io.abandoned()) {
      return false;
    }
    if (io.ordered()) {
      io.apply_orders();
    }
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
  if (frame && !offline_) {
    const auto due_ns = block_->due_ns(taken.descriptor.capture_ns);
    reference.due_ns = due_ns.value_or(0);
    if (due_ns && sync::is_late(*due_ns, taken.descriptor.duration_ns, monotonic_ns())) {
      reference.flags |= AVRIG_FRAME_LATE;
      ++section_.late;
    }
  }
  maker.publish(taken.kind, reference);
  return true;
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
      const std::uint64_t tail = passed_tail_;
      (void)io.wait(io.waiter(), [&] { return input.ready() || io.output(0).tail() != tail; });
      pass_on_releases(io);
      continue;
    }
    if (taken.kind == shm::Kind::Frame && !offline_) {
      enter_preroll(taken);
      (void)wait_for_start(io);
      if (!wait_until_due(io, taken)) {
        break;
      }
    }
    if (!refer(io, taken)) {
      break;
    }
    input.note_latency(taken, monotonic_ns());
    input.complete(taken);
    pass_on_releases(io);
    if (taken.kind == shm::Kind::Frame) {
      ++section_.released;
      io.note_out(taken.descriptor.capture_ns);
    }
    section_.phase = input.ended() ? shm::SyncPhase::Ended : shm::SyncPhase::Running;
    block_->write(section_);
  }
  // Followers still read the buffers that we hold for them: stay until they have let go.
  while (!io.abandoned() && io.output(0).tail() != io.output(0).head()) {
    const std::uint64_t tail = passed_tail_;
    (void)io.waiter().wait([&] { return io.abandoned() || io.output(0).tail() != tail; },
                           monotonic_ns() + 100'000'000);
    pass_on_releases(io);
  }
  pass_on_releases(io);
}

}  // namespace avrig::gate
