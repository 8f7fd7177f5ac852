// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/mixer_host.hpp>
#include <avrig/error.hpp>
#include <avrig/mixer/commands.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace avrig::dipstream {
namespace {

using mixer::Command;
using mixer::CommandKind;

// A device that claims to have passed more than this has counted wrongly.
constexpr std::int64_t kLongestJump = std::int64_t{1} << 40;

// What another process may ask for without going through the desk.
bool open_to_all(CommandKind kind) noexcept {
  return kind == CommandKind::Resolve || kind == CommandKind::RemoveVoice ||
         (kind >= CommandKind::Start && kind <= CommandKind::Cancel) ||
         (kind >= CommandKind::SetGain && kind <= CommandKind::SetEmitter) ||
         kind == CommandKind::SetVoiceBus;
}

shm::Segment own_segment() {
  return shm::CommandQueue::create("avrig-mixer", sizeof(Command), MixerHost::kQueueCapacity);
}

}  // namespace

MixerHost::MixerHost(const mixer::EngineConfig& config,
                     std::uint32_t live_channels,
                     bool live_starts)
    : engine_(config), live_channels_(live_channels), rows_(config.outputs, nullptr), own_([this] {
        const shm::Segment segment = own_segment();
        owned_[0] = std::make_unique<shm::CommandQueue>(segment, std::uint32_t{sizeof(Command)});
        return shm::CommandQueue(segment, std::uint32_t{sizeof(Command)});
      }()) {
  queues_[0].store(owned_[0].get(), std::memory_order_release);
  if (live_channels_ > 0 && live_starts) {
    start_live(0);
  }
}

void MixerHost::make_live_stream() {
  stream_ = std::make_unique<mixer::StreamBuffer>(
      live_channels_, 4 * std::uint64_t{kLivePiece}, mixer::SampleFormat::F32);
  live_rows_.resize(live_channels_, nullptr);
  engine_.set_stream(0, stream_->view());
}

void MixerHost::start_live(std::uint32_t bus) {
  if (live_channels_ > engine_.config().outputs || live_channels_ > mixer::kMaxLanes) {
    throw Error(ErrorCode::Spec,
                "the mixer has " + std::to_string(engine_.config().outputs) +
                    " outputs, too few for sound of " + std::to_string(live_channels_) +
                    " channels");
  }
  make_live_stream();
  Command add = mixer::add_voice(kLiveVoice, 0, {}, mixer::SourceKind::Stream);
  add.as.add.bus = static_cast<std::uint8_t>(bus);
  add.as.add.gap = mixer::GapPolicy::KeepContent;  // it is fed by the device's time
  for (std::uint32_t channel = 0; channel < live_channels_; ++channel) {
    add.as.add.output[add.as.add.lanes++] = static_cast<std::uint8_t>(channel);
  }
  const Command start = mixer::start(kLiveVoice);
  if (!act({&add, 1}, 0, 0) || !act({&start, 1}, 0, 0)) {
    throw Error(ErrorCode::Internal, "the mixer does not take the live voice");
  }
  mixer::Event ignored;
  while (engine_.next_event(ignored)) {
  }
}

bool MixerHost::send(std::span<const Command> batch) noexcept {
  return own_.push(std::as_bytes(batch));
}

std::uint16_t MixerHost::attach(const shm::Segment& segment) {
  OutputClock clock;
  const bool runs = this->clock(clock);
  std::erase_if(retired_,
                [&](const Retired& retired) { return runs && clock.cycles > retired.cycle + 1; });
  for (std::size_t index = 1; index < kQueues; ++index) {
    if (!owned_[index]) {
      owned_[index] = std::make_unique<shm::CommandQueue>(segment, std::uint32_t{sizeof(Command)});
      queues_[index].store(owned_[index].get(), std::memory_order_release);
      return static_cast<std::uint16_t>(index);
    }
  }
  return 0;
}

bool MixerHost::attach_as(std::uint16_t client, const shm::Segment& segment) {
  if (client == 0 || client >= kQueues || owned_[client]) {
    return false;
  }
  owned_[client] = std::make_unique<shm::CommandQueue>(segment, std::uint32_t{sizeof(Command)});
  owned_[client]->skip_to(replayed_[client]);
  queues_[client].store(owned_[client].get(), std::memory_order_release);
  return true;
}

void MixerHost::detach(std::uint16_t client) noexcept {
  if (client == 0 || client >= kQueues || !owned_[client]) {
    return;
  }
  queues_[client].store(nullptr, std::memory_order_release);
  // The device may be looking at it in this very cycle: it goes when two more have passed.
  OutputClock clock;
  retired_.push_back({std::move(owned_[client]), this->clock(clock) ? clock.cycles + 1 : 1});
}

bool MixerHost::clock(OutputClock& clock) const noexcept {
  return clock_.version() > 0 && clock_.load(clock);
}

// All that changes the engine passes here or through take_batch(): what is not written down does
// not happen.
bool MixerHost::act(std::span<const Command> batch,
                    std::uint32_t queue,
                    std::uint64_t taken) noexcept {
  TimelineLog* log = log_.load(std::memory_order_acquire);
  return (log == nullptr || log->batch(engine_.position(), queue, taken, batch)) &&
         engine_.apply(batch);
}

std::size_t MixerHost::take_batch(shm::CommandQueue& queue,
                                  std::uint16_t client,
                                  std::size_t cap,
                                  bool first) noexcept {
  const std::size_t waiting = queue.waiting();
  if (waiting == 0) {
    return 0;
  }
  queue.peek(0, &batch_[0]);
  // A length that cannot be true is not believed; the engine refuses what then makes no sense.
  const std::size_t length =
      std::min<std::size_t>({std::max<std::size_t>(1, batch_[0].batch), mixer::kMaxBatch, waiting});
  if (!first && length > cap) {
    return 0;
  }
  for (std::size_t index = 0; index < length; ++index) {
    Command& command = batch_[index];
    queue.peek(static_cast<std::uint32_t>(index), &command);
    if (client != 0) {
      command.client = client;
      command.kind = open_to_all(command.kind) ? command.kind : CommandKind::None;
    }
  }
  // Written down, it counts; only then does the queue forget it.
  const std::span<const Command> batch(batch_.data(), length);
  const std::uint64_t taken = queue.taken() + length;
  TimelineLog* log = log_.load(std::memory_order_acquire);
  if (log != nullptr && !log->batch(engine_.position(), client, taken, batch)) {
    return 0;
  }
  queue.pop(static_cast<std::uint32_t>(length));
  (void)engine_.apply(batch);
  return length;
}

// Each queue in turn, beginning with another one each time, so that none starves the others.
void MixerHost::drain(std::size_t cap) noexcept {
  std::size_t taken = 0;
  for (std::size_t turn = 0; turn < kQueues && taken < cap; ++turn) {
    const std::size_t index = (first_queue_ + turn) % kQueues;
    shm::CommandQueue* queue = queues_[index].load(std::memory_order_acquire);
    while (queue != nullptr && taken < cap) {
      const std::size_t count =
          take_batch(*queue, static_cast<std::uint16_t>(index), cap - taken, taken == 0);
      if (count == 0) {
        break;
      }
      taken += count;
    }
  }
  first_queue_ = taken < cap ? 0 : (first_queue_ + 1) % kQueues;
}

void MixerHost::settle() noexcept {
  while (owned_[0]->waiting() > 0) {
    if (TimelineLog* log = log_.load(std::memory_order_acquire)) {
      log->supply();
    }
    drain(kCommandsACycle);
  }
}

void MixerHost::go_on(std::int64_t zero, std::int64_t reached) noexcept {
  settle();
  engine_.set_replaying(true);
  engine_.fast_forward(reached - zero);
  engine_.set_replaying(false);
  base_ = zero;
  fresh_.store(false, std::memory_order_release);
}

void MixerHost::recall(const TimelineLog& log) noexcept {
  const TimelineLog::Progress reached = log.progress();
  if (reached.cycles > 0) {
    clock_.store({reached.sample,
                  reached.time_ns,
                  reached.ns_per_sample,
                  reached.sigma_ns,
                  reached.frame,
                  reached.epoch,
                  reached.block,
                  reached.cycles,
                  reached.freewheel != 0});
  }
}

void MixerHost::replay(const TimelineLog& log, const Standpoint& from, const ReplayHelp& help) {
  if (live_channels_ > 0) {
    make_live_stream();
  }
  const TimelineLog::Progress reached = log.progress();
  replayed_ = dipstream::replay(engine_, log, from, INT64_MAX, reached.sample, help).taken;
  if (reached.cycles > 0) {
    base_ = reached.frame - reached.sample;
    epoch_ = reached.epoch;
    cycles_ = reached.cycles;
    expected_ns_ = reached.time_ns;
    taking_over_ = true;
    fresh_.store(false, std::memory_order_release);
  }
}

// The device's count says it exactly, unless it is another device's: then the clock does.
std::int64_t MixerHost::lost_since_taking_over(const clock::OutputCycle& cycle,
                                               std::int64_t lost) const noexcept {
  const std::int64_t by_clock =
      std::llround(static_cast<double>(cycle.time_ns - expected_ns_) / cycle.ns_per_sample);
  const auto second = std::llround(1e9 / cycle.ns_per_sample);
  return lost < 0 || lost > kLongestJump || lost < by_clock - second ? by_clock : lost;
}

// Keep our samples and the device's frames in step. Frames that were skipped are a gap; frames
// that count from elsewhere (another device, another run of the server) are counted anew.
void MixerHost::place(const clock::OutputCycle& cycle) noexcept {
  const std::int64_t position = engine_.position();
  std::int64_t lost = cycle.frame - base_ - position;
  if (fresh_.exchange(false, std::memory_order_acq_rel)) {
    if (cycles_ == 0) {
      base_ = cycle.frame - position;
      device_epoch_ = cycle.epoch;
      return;
    }
    lost = std::llround(static_cast<double>(cycle.time_ns - expected_ns_) / cycle.ns_per_sample);
  } else if (std::exchange(taking_over_, false)) {
    lost = lost_since_taking_over(cycle, lost);
  } else if (lost == 0 && cycle.epoch == device_epoch_) {
    return;
  }
  if (lost < 0 || lost > kLongestJump) {
    lost = 0;
  }
  device_epoch_ = cycle.epoch;
  ++epoch_;
  const Command jump = mixer::jump(lost, static_cast<std::uint32_t>(epoch_));
  if (TimelineLog* log = log_.load(std::memory_order_acquire)) {
    (void)log->jump(engine_.position(), jump);
  }
  (void)engine_.apply(jump);
  base_ = cycle.frame - engine_.position();
}

void MixerHost::feed_live(std::int64_t frame, std::uint32_t samples) noexcept {
  const mixer::StreamView& view = stream_->view();
  const std::uint64_t written = view.header->written.load(std::memory_order_relaxed);
  LiveInput* input = live_.load(std::memory_order_acquire);
  for (std::uint32_t done = 0; done < samples;) {
    const std::uint64_t at = (written + done) & (view.capacity - 1);
    const auto run =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(samples - done, view.capacity - at));
    for (std::uint32_t channel = 0; channel < live_channels_; ++channel) {
      auto* row = static_cast<std::byte*>(view.data) + channel * view.stride_bytes;
      live_rows_[channel] = reinterpret_cast<float*>(row) + at;
      if (input == nullptr) {
        std::fill_n(live_rows_[channel], run, 0.0F);
      }
    }
    if (input != nullptr) {
      input->read(frame + done, run, live_rows_.data());
    }
    done += run;
  }
  view.header->written.store(written + samples, std::memory_order_release);
}

void MixerHost::render(const clock::OutputCycle& cycle,
                       std::uint32_t samples,
                       float* const* outputs) noexcept {
  place(cycle);
  drain(kCommandsACycle);
  const std::int64_t sample = engine_.position();
  for (std::uint32_t done = 0; done < samples;) {
    const std::uint32_t piece = std::min(samples - done, kLivePiece);
    if (stream_) {
      feed_live(cycle.frame + done, piece);
    }
    for (std::size_t output = 0; output < rows_.size(); ++output) {
      rows_[output] = outputs[output] + done;
    }
    engine_.render(rows_.data(), piece);
    done += piece;
  }
  ++cycles_;
  expected_ns_ = cycle.time_ns + std::llround(static_cast<double>(samples) * cycle.ns_per_sample);
  clock_.store({sample,
                cycle.time_ns,
                cycle.ns_per_sample,
                cycle.sigma_ns,
                cycle.frame,
                epoch_,
                samples,
                cycles_,
                cycle.freewheel});
  if (TimelineLog* log = log_.load(std::memory_order_acquire)) {
    log->came_to({engine_.position(),
                  cycle.frame + static_cast<std::int64_t>(samples),
                  expected_ns_,
                  epoch_,
                  cycles_,
                  cycle.ns_per_sample,
                  cycle.sigma_ns,
                  samples,
                  cycle.freewheel ? 1U : 0U});
  }
}

}  // namespace avrig::dipstream
