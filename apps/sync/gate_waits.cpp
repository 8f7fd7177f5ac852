// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "gate.hpp"
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <cmath>

namespace avrig::gate {
namespace {

// A group waits this long for a stream that shows nothing, then starts without it.
constexpr std::int64_t kPatienceNs = 3'000'000'000;
// What devices feed is watched for so long before it is presented.
constexpr std::int64_t kPrerollNs = 1'000'000'000;
// From the decision to the first frame's due time: writers open the first frames meanwhile.
constexpr std::int64_t kStartLeadNs = 60'000'000;
// Frames are released this long before they are due. Sound goes through a device's buffers; a
// picture's writer sleeps to the due time itself.
constexpr std::int64_t kAudioLeadNs = 200'000'000;
constexpr std::int64_t kPictureLeadNs = 30'000'000;
constexpr std::int64_t kLeastLeadNs = 5'000'000;
// The group's state is looked at this often while it has not started, ...
constexpr std::int64_t kLookNs = 2'000'000;
// ... and this often by one who waits for another gate and should have been rung.
constexpr std::int64_t kOthersNs = 10'000'000;
// Nothing waits longer than this without a look at the map, which may change.
constexpr std::int64_t kMapNs = 50'000'000;

std::string milliseconds(std::int64_t ns) {
  return std::to_string((ns + 999'999) / 1'000'000) + " ms";
}

// A value to write in the file: up to the next 10 ms.
std::string round_value(std::int64_t ns) {
  return std::to_string((ns + 9'999'999) / 10'000'000 * 10) + "ms";
}

}  // namespace

std::span<const shm::SyncSection> Gate::read_sections() const noexcept {
  for (std::uint32_t index = 0; index < block_->sections(); ++index) {
    sections_[index] = block_->read(index);
  }
  return {sections_.data(), block_->sections()};
}

std::int64_t Gate::length_ns(const shm::Descriptor& frame) const noexcept {
  return section_.media == AVRIG_MEDIA_AUDIO && rate_hz_ > 0
             ? static_cast<std::int64_t>(frame.samples) * 1'000'000'000 / rate_hz_
             : std::max<std::int64_t>(frame.duration_ns, 1);
}

// A picture's writer that finds two waiting takes the newer: at a high rate it is given one at a
// time.
std::int64_t Gate::lead_ns(const shm::Descriptor& frame) const noexcept {
  if (section_.media == AVRIG_MEDIA_AUDIO) {
    return kAudioLeadNs;
  }
  return frame.duration_ns > 0
             ? std::clamp(frame.duration_ns + frame.duration_ns / 2, kLeastLeadNs, kPictureLeadNs)
             : kPictureLeadNs;
}

// --- the start ---------------------------------------------------------------------------------

bool Gate::has_started() {
  started_ = started_ || block_->read(block_->leader()).started != 0;
  return started_;
}

// Its first frame is there.
void Gate::show(const shm::Taken& taken) {
  section_.phase = shm::SyncPhase::Preroll;
  section_.first_capture_ns = taken.descriptor.capture_ns;
  section_.ready_ns = monotonic_ns();
  write_section();
}

void Gate::measure(const shm::Taken& taken) {
  section_.lag_ns = std::max(section_.lag_ns, monotonic_ns() - taken.descriptor.capture_ns);
  write_section();
}

// A delay that nobody asked for ends the run, before a frame is presented too late for its use.
void Gate::check_delay(const stage::StageIo& io) const {
  const std::int64_t needed_ns = sync::needed_delay_ns(section_, read_sections());
  if (options_.delay_ns || needed_ns <= options_.max_delay_ns ||
      monotonic_ns() < section_.ready_ns + kPrerollNs) {
    return;
  }
  throw Error(ErrorCode::Spec,
              "group '" + group_ + "' would need a delay of " + milliseconds(needed_ns) +
                  ": frames of '" + from_ + "' come to '" + io.assignment().id + "' up to " +
                  milliseconds(section_.lag_ns) + " after their capture, and 'max_delay' is " +
                  milliseconds(options_.max_delay_ns) + "; write 'groups: {" + group_ +
                  ": {max_delay: " + round_value(needed_ns) +
                  "}}', or make what comes before it faster");
}

// The leader's part.
void Gate::try_start(stage::StageIo& io) {
  if (!is_leader()) {
    return;
  }
  const sync::Moment moment{
      monotonic_ns(), section_.ready_ns, kPatienceNs, kPrerollNs, kStartLeadNs};
  const auto start = sync::decide_start(read_sections(), options_, moment);
  if (!start) {
    return;
  }
  section_.t0_ns = start->t0_ns;
  section_.media0_ns = start->media0_ns;
  section_.delay_ns = start->delay_ns;
  section_.started = 1;
  write_section();
  say_start(io, *start);
}

void Gate::say_start(stage::StageIo& io, const sync::Start& start) const {
  io.log(stage::Level::Info,
         "group '" + group_ + "' starts, with a delay of " + milliseconds(start.delay_ns) +
             (options_.delay_ns ? "; measured: " + milliseconds(start.needed_ns)
                                : std::string(", as measured")));
  if (section_.live != 0 && options_.delay_ns && *options_.delay_ns < start.needed_ns) {
    io.log(stage::Level::Warning,
           "'delay' of group '" + group_ + "' is " + milliseconds(*options_.delay_ns) +
               ", but frames need up to " + milliseconds(start.needed_ns) +
               ": some will be late; write 'delay: " + round_value(start.needed_ns) +
               "' or leave it away");
  } else if (!options_.delay_ns && start.needed_ns > options_.max_delay_ns) {
    // A file has waited: nothing is lost, and nobody is there to find it late.
    io.log(stage::Level::Warning,
           "the streams of group '" + group_ + "' began " + milliseconds(start.needed_ns) +
               " apart, which is more than its 'max_delay' of " +
               milliseconds(options_.max_delay_ns) + "; the files have waited");
  }
}

// Nothing waits for a clock; but who plays sound needs to know where it begins.
void Gate::start_at_once(const shm::Taken& taken) {
  if (is_leader() && section_.started == 0) {
    section_.t0_ns = monotonic_ns() + kStartLeadNs;
    section_.media0_ns = taken.descriptor.capture_ns;
    section_.started = 1;
    write_section();
  }
}

// A file's frame waits in our hand until the leader has fixed T0.
void Gate::wait_for_start(stage::StageIo& io) {
  while (!has_started() && !io.abandoned() && !io.stopping()) {
    const std::int64_t now_ns = monotonic_ns();
    try_start(io);
    // A leader without a single frame: this stream goes on alone, from its own first frame.
    if (has_started() || now_ns - section_.ready_ns > 2 * kPatienceNs) {
      return;
    }
    (void)io.waiter().wait([&] { return io.interrupted(); }, now_ns + kLookNs);
    if (io.ordered()) {
      io.apply_orders();
    }
  }
}

// --- when a frame may go -----------------------------------------------------------------------

Gate::Verdict Gate::await(stage::StageIo& io, shm::Taken& taken) {
  if (section_.phase == shm::SyncPhase::Absent) {
    show(taken);
  }
  if (options_.mode != sync::Mode::Live) {
    start_at_once(taken);
  } else if (in_preroll()) {
    measure(taken);
    check_delay(io);
    try_start(io);
    if (!has_started()) {
      return Verdict::Pass;  // not to be presented: recorders take it
    }
  } else if (!has_started()) {
    wait_for_start(io);
  }
  if (options_.ends_with_first) {
    if (const Verdict verdict = wait_for_end(io, taken); verdict != Verdict::Pass) {
      return verdict;
    }
  }
  const bool goes_on = options_.mode == sync::Mode::Live   ? wait_until_due(io, taken)
                       : options_.mode == sync::Mode::Asap ? wait_for_others(io, taken)
                                                           : !io.abandoned();
  return goes_on ? Verdict::Pass : Verdict::Leave;
}

bool Gate::wait_until_due(stage::StageIo& io, const shm::Taken& taken) {
  const std::int64_t lead = lead_ns(taken.descriptor);
  while (!io.abandoned() && !io.stopping()) {
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t due_ns = block_->due_ns(taken.descriptor.capture_ns).value_or(now_ns);
    if (due_ns - lead <= now_ns) {
      return true;
    }
    // Woken early by a follower's release: pass it on.
    (void)io.waiter().wait([&] { return io.interrupted() || io.output(0).tail() != passed_tail_; },
                           std::min(due_ns - lead, now_ns + kMapNs));
    pass_on_releases(io);
    if (io.ordered()) {
      io.apply_orders();
    }
  }
  return !io.abandoned();
}

// mode: asap. No further ahead of the others than max_unsynced.
bool Gate::wait_for_others(stage::StageIo& io, const shm::Taken& taken) {
  while (!io.abandoned() && !io.stopping()) {
    const std::int64_t now_ns = monotonic_ns();
    const std::int64_t at_ns = sync::release_ns(read_sections(),
                                                own_section_,
                                                block_->master(),
                                                taken.descriptor.capture_ns,
                                                options_.max_unsynced_ns)
                                   .value_or(now_ns);
    if (at_ns <= now_ns) {
      return true;
    }
    (void)io.waiter().wait([&] { return io.interrupted() || io.output(0).tail() != passed_tail_; },
                           std::min(at_ns, now_ns + kOthersNs));
    pass_on_releases(io);
    if (io.ordered()) {
      io.apply_orders();
    }
  }
  return !io.abandoned();
}

// --- end: any ----------------------------------------------------------------------------------

// How far our input is known to go: to the end of its newest frame, wherever we are ourselves.
void Gate::look_ahead(stage::StageIo& io) {
  const shm::Ring& ring = io.input(0).ring();
  bool changed = false;
  for (; ring.published(seen_) || seen_ < io.input(0).next(); ++seen_) {
    shm::Descriptor frame;
    std::uint64_t word = 0;
    if (!ring.read(seen_, frame, word)) {
      continue;
    }
    if (shm::word_kind(word) == shm::Kind::Frame) {
      section_.horizon_ns = std::max(section_.horizon_ns, frame.capture_ns + length_ns(frame));
      changed = true;
    } else if (shm::word_kind(word) == shm::Kind::End && section_.horizon_ns != INT64_MIN) {
      section_.ends = 1;
      changed = true;
    }
  }
  if (!changed) {
    return;
  }
  write_section();
  for (const shm::SyncSection& other : read_sections()) {
    if (other.role == shm::SyncRole::Gate && other.bell != section_.bell) {
      io.ring(other.bell);
    }
  }
}

// Offline as long as it takes, so that a run is the same twice. Live until the frame can wait no
// longer, and as soon as possible means now.
std::int64_t Gate::end_deadline_ns(const shm::Taken& taken) const {
  if (options_.mode == sync::Mode::Offline) {
    return INT64_MAX;
  }
  const std::int64_t now_ns = monotonic_ns();
  return options_.mode == sync::Mode::Live
             ? block_->due_ns(taken.descriptor.capture_ns).value_or(now_ns) - kPictureLeadNs
             : now_ns;
}

Gate::Verdict Gate::cut_at_end(shm::Taken& taken) const {
  shm::Descriptor& frame = taken.descriptor;
  const auto end_ns = sync::group_end_ns({sections_.data(), block_->sections()});
  if (!end_ns || frame.capture_ns + length_ns(frame) <= *end_ns) {
    return Verdict::Pass;
  }
  if (frame.capture_ns >= *end_ns) {
    return Verdict::GroupOver;
  }
  if (section_.media == AVRIG_MEDIA_AUDIO && rate_hz_ > 0) {
    // The block that the end lies in: what is before it.
    const double there = static_cast<double>(*end_ns - frame.capture_ns) * rate_hz_ * 1e-9;
    frame.samples = std::min(frame.samples, static_cast<std::uint32_t>(std::lround(there)));
    frame.duration_ns = *end_ns - frame.capture_ns;
  }
  return frame.samples == 0 && section_.media == AVRIG_MEDIA_AUDIO ? Verdict::GroupOver
                                                                   : Verdict::Pass;
}

// Until it is known whether the group reaches as far as this frame.
Gate::Verdict Gate::wait_for_end(stage::StageIo& io, shm::Taken& taken) {
  const std::int64_t until_ns =
      taken.descriptor.capture_ns +
      (section_.media == AVRIG_MEDIA_AUDIO ? length_ns(taken.descriptor) : 1);
  const std::int64_t deadline_ns = end_deadline_ns(taken);
  const auto known = [&] {
    return sync::others_reach(read_sections(), own_section_, until_ns);
  };
  look_ahead(io);
  while (!known()) {
    const auto end_ns = sync::group_end_ns({sections_.data(), block_->sections()});
    if (io.abandoned()) {
      return Verdict::Leave;
    }
    if (io.stopping() || monotonic_ns() >= deadline_ns ||
        (end_ns && taken.descriptor.capture_ns >= *end_ns)) {
      break;
    }
    const shm::Ring& ring = io.input(0).ring();
    (void)io.waiter().wait(
        [&] {
          return io.interrupted() || ring.published(seen_) || io.output(0).tail() != passed_tail_ ||
                 known();
        },
        std::min(deadline_ns, monotonic_ns() + kOthersNs));
    look_ahead(io);
    pass_on_releases(io);
    if (io.ordered()) {
      io.apply_orders();
    }
  }
  return cut_at_end(taken);
}

}  // namespace avrig::gate
