// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "jack_writer.hpp"
#include "server_watch.hpp"
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <cmath>

// A live run: on the server's clock, with what it does when the server goes away.

namespace avrig::jack_writer {
namespace {

constexpr std::int64_t kClockPeriodNs = 20'000'000;
// Without a sync group: from the first block to its sound.
constexpr std::int64_t kOwnLeadNs = 100'000'000;
constexpr std::int64_t kReconnectNs = 100'000'000;

}  // namespace

// Fix where on the device's timeline the stream begins, or take a predecessor's word for it.
bool JackWriter::start(stage::StageIo& io) {
  clock::OutputCycle cycle{};
  if (!client_->report(cycle)) {
    return false;
  }
  say_needs();
  const bool again = section_.started != 0;
  if (again) {
    anchor_ = section_.anchor_frame;
    media0_ns_ = section_.media0_ns;
    const std::int64_t now = cycle.frame - anchor_;
    fifo_->reset(std::max<std::int64_t>(now, 0));
    io.log(stage::Level::Info,
           "goes on along the timeline, " + std::to_string(now) + " samples after its beginning");
  } else {
    const auto first = playback_->first_capture_ns();
    if (!first) {
      return false;
    }
    std::int64_t due_ns = monotonic_ns() + kOwnLeadNs;
    media0_ns_ = *first;
    if (block_) {
      const shm::SyncSection leader = block_->read(block_->leader());
      if (leader.started == 0) {
        if (io.assignment().live) {
          playback_->pass_over();
        }
        return false;
      }
      due_ns = leader.t0_ns;
      media0_ns_ = leader.media0_ns;
    }
    const std::int64_t latency = client_->playback_latency_samples();
    anchor_ = cycle.frame - latency +
              std::llround(static_cast<double>(due_ns - cycle.time_ns) / cycle.ns_per_sample);
    section_.anchor_frame = anchor_;
    section_.media0_ns = media0_ns_;
    section_.started = 1;
    fifo_->reset(std::max<std::int64_t>(cycle.frame - anchor_, 0));
  }
  playback_->set_origin(media0_ns_);
  live_->set_anchor(anchor_);
  mixer_->host().set_live(live_.get());
  keep_place();
  if (!again || mixer_->restored()) {
    begin_cues();
  }
  started_ = true;
  publish_clock(io);
  return true;
}

// How long before it is due a block must be here: the device's latency, the cycle that reads it,
// and one for being late.
void JackWriter::say_needs() {
  if (!block_ || section_.needs_ns != 0) {
    return;
  }
  const std::int64_t samples = client_->playback_latency_samples() + 2 * client_->period();
  section_.needs_ns = samples * 1'000'000'000 / rate_hz_;
  block_->write(section_);
}

// Time 0 of the cues is the first sample of the stream.
void JackWriter::begin_cues() {
  dipstream::OutputClock clock;
  if (mixer_->host().clock(clock)) {
    mixer_->send_cues(clock.sample + anchor_ - clock.frame);
  }
}

// The master map: what is heard when. Video follows it.
void JackWriter::publish_clock(stage::StageIo& io) {
  clock::OutputCycle cycle{};
  mixer_->turn(client_->playback_latency_samples());
  keep_connections(io);
  if (!client_->report(cycle)) {
    return;
  }
  const auto latency_ns = static_cast<std::int64_t>(
      static_cast<double>(client_->playback_latency_samples()) * cycle.ns_per_sample);
  const double media_per_sample = 1e9 / static_cast<double>(rate_hz_);
  if (section_.master.epoch != cycle.epoch && section_.master.valid != 0) {
    io.count("epochs");
  }
  section_.master.valid = started_ ? 1 : 0;
  section_.master.epoch = cycle.epoch;
  section_.master.media_ns =
      media0_ns_ + std::llround(static_cast<double>(cycle.frame - anchor_) * media_per_sample);
  section_.master.mono_ns = cycle.time_ns + latency_ns;
  section_.master.rate = media_per_sample / cycle.ns_per_sample;
  section_.master.sigma_ns = cycle.sigma_ns;
  section_.last_frame = cycle.frame;
  section_.underrun_samples = live_->missing();
  section_.xruns = client_->xruns();
  section_.phase = playback_->ended() ? shm::SyncPhase::Ended : shm::SyncPhase::Running;
  keep_place();
}

// The server went away: its frames are gone with it. Open anew, and begin a new stretch there.
void JackWriter::reconnect(stage::StageIo& io) {
  io.log(stage::Level::Warning, "the JACK server went away; trying to reach it again");
  io.count("server_losses");
  const std::uint32_t rate_before_hz = rate_hz_;
  const std::int64_t lost_ns = monotonic_ns();
  client_.reset();
  mixer_->host().set_live(nullptr);
  while (!io.abandoned()) {
    try {
      open_client(0);
      break;
    } catch (const Error&) {
      (void)io.waiter().wait([&] { return io.abandoned(); }, monotonic_ns() + kReconnectNs);
    }
  }
  if (!client_) {
    return;
  }
  if (rate_hz_ != rate_before_hz) {
    throw Error(ErrorCode::Open,
                "the JACK server came back at " + std::to_string(rate_hz_) + " Hz instead of " +
                    std::to_string(rate_before_hz) + " Hz: this run plays at the latter");
  }
  clock::OutputCycle cycle{};
  while (!io.abandoned() && !client_->report(cycle)) {
    (void)io.waiter().wait([&] { return io.abandoned(); }, monotonic_ns() + 5'000'000);
  }
  // The media that should be heard now, by the map as it was: the timeline goes on, minus the hole.
  const shm::MediaMap map = section_.master;
  const auto latency_ns = static_cast<std::int64_t>(
      static_cast<double>(client_->playback_latency_samples()) * cycle.ns_per_sample);
  const std::int64_t media_now_ns =
      map.valid != 0 ? map.media_ns + (cycle.time_ns + latency_ns - map.mono_ns) : media0_ns_;
  anchor_ =
      cycle.frame - std::llround(static_cast<double>(media_now_ns - media0_ns_) * rate_hz_ * 1e-9);
  section_.anchor_frame = anchor_;
  live_->set_anchor(anchor_);
  mixer_->host().set_live(live_.get());
  io.log(stage::Level::Info,
         "the JACK server is back; " + std::to_string((monotonic_ns() - lost_ns) / 1'000'000) +
             " ms were not heard");
}

void JackWriter::run_live(stage::StageIo& io) {
  std::int64_t clock_due_ns = 0;
  ServerWatch server;
  while (!io.abandoned() && !playback_->heard()) {
    if (io.ordered()) {
      io.apply_orders();
    }
    if (client_->lost()) {
      reconnect(io);
      server = {};
      continue;
    }
    if (io.stopping()) {
      playback_->stop();
    }
    const bool started = started_ || start(io);
    const bool worked = started && playback_->work();
    const std::int64_t now_ns = monotonic_ns();
    if (now_ns >= clock_due_ns) {
      clock::OutputCycle cycle{};
      (void)client_->report(cycle);
      if (server.stands_still(cycle.frame, now_ns)) {
        io.server_stands_still();
      }
      clock_due_ns = now_ns + kClockPeriodNs;
      if (started_) {
        publish_clock(io);
        playback_->release();
      }
    }
    if (worked) {
      continue;
    }
    if (!started && playback_->ended()) {
      break;  // not a single block: nothing to play
    }
    const std::int64_t wake_ns = now_ns + (started ? kClockPeriodNs : 2'000'000);
    (void)io.waiter().wait([&] { return io.interrupted() || (started && playback_->can_work()); },
                           wake_ns);
  }
  playback_->release();
  const std::uint64_t xruns = client_ ? client_->xruns() : 0;
  if (live_->missing() > 0 || xruns > 0) {
    io.log(stage::Level::Warning,
           std::to_string(live_->missing()) + " samples of silence for want of sound, " +
               std::to_string(xruns) + " xruns of the server");
  }
  if (mixer_->peak() > 1.0F) {
    io.log(stage::Level::Info, "the output's peak was " + std::to_string(mixer_->peak()));
  }
  io.count("underrun_samples", static_cast<std::int64_t>(live_->missing()));
  io.count("late_samples", static_cast<std::int64_t>(playback_->late_samples()));
  // The map stays: pictures that outlast the sound follow it on.
  section_.phase = shm::SyncPhase::Ended;
  keep_place();
}

}  // namespace avrig::jack_writer
