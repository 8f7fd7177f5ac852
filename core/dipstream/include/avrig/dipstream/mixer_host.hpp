// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/clock/output_cycle.hpp>
#include <avrig/dipstream/replay.hpp>
#include <avrig/mixer/engine.hpp>
#include <avrig/shm/command_queue.hpp>
#include <avrig/shm/two_copy.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace avrig::dipstream {

/// Sound that comes with the device's time: a pipeline's. It is a voice like any other, but its
/// place on the timeline is its own affair.
class LiveInput {
 public:
  virtual ~LiveInput() = default;
  /// Fill `samples` samples a channel from device frame `frame` on; silence where there is none.
  ///
  /// Thread: the device's      RT-safe: must be
  virtual void read(std::int64_t frame, std::uint32_t samples, float* const* rows) noexcept = 0;
};

/// The mixer's place on the device's clock, as of its newest cycle.
struct OutputClock {
  std::int64_t sample = 0;   ///< the mixer's sample with which the cycle began ...
  std::int64_t time_ns = 0;  ///< ... and its CLOCK_MONOTONIC time
  double ns_per_sample = 0;
  std::int64_t sigma_ns = 0;
  std::int64_t frame = 0;    ///< the same, as the device counts
  std::uint64_t epoch = 0;   ///< the mixer's own: +1 at each break and each new device
  std::uint64_t block = 0;   ///< samples of that cycle
  std::uint64_t cycles = 0;  ///< rendered so far
  bool freewheel = false;    ///< nobody hears it, and its times are not those of any clock
};

/// A mixer::Engine behind an output device: takes commands from queues in shared memory, keeps its
/// samples in step with the device's frames through skipped cycles and changes of device, and lets
/// live sound in as one voice.
///
/// Threads: `device` is the one that calls render(); `control` is one other.
class MixerHost final : public clock::OutputRenderer {
 public:
  /// The voice of the live input, on outputs 1 .. n of the bus Master.
  static constexpr mixer::VoiceId kLiveVoice = mixer::make_voice(0, 1);
  static constexpr std::size_t kQueues = 65;             ///< ours, and 64 of other processes
  static constexpr std::size_t kCommandsACycle = 256;    ///< the rest waits for the next
  static constexpr std::uint32_t kQueueCapacity = 4096;  ///< commands
  static constexpr std::uint32_t kLivePiece = 4096;      ///< samples fed and mixed at once

  /// `live_channels`: 0 = no live input. `live_starts`: false = by start_live(). Throws Error.
  MixerHost(const mixer::EngineConfig& config,
            std::uint32_t live_channels,
            bool live_starts = true);

  /// Begin the live voice on this bus.      Thread: control, nobody renders. Throws Error.
  void start_live(std::uint32_t bus);

  void render(const clock::OutputCycle& cycle,
              std::uint32_t samples,
              float* const* outputs) noexcept override;

  /// Apply all that is queued, before any device runs.      Thread: control, nobody renders
  void settle() noexcept;

  /// Write down all that is applied from now on, before it is, and how far the device has come.
  ///
  /// Thread: control, nobody renders
  void record(TimelineLog& log) noexcept { log_.store(&log, std::memory_order_release); }
  /// Write nothing down any more. The log must stay for as long as we do.      Thread: control
  void stop_recording() noexcept { log_.store(nullptr, std::memory_order_release); }

  /// Know the time by a predecessor's clock, until our own runs.      Thread: control, nobody
  /// renders
  void recall(const TimelineLog& log) noexcept;
  /// Become what a predecessor was: everything in the log from the standpoint on happens again,
  /// unheard, up to the last sample that it rendered. What passes until our first cycle is a gap of
  /// that length.
  ///
  /// Thread: control, nobody renders. Throws Error on a log or a standpoint that makes no sense.
  void replay(const TimelineLog& log, const Standpoint& from, const ReplayHelp& help);

  /// Take over from a predecessor that had come to device frame `reached`, and had sample 0 at
  /// device frame `zero`: what is queued happens as it would have from sample 0 on, unheard; what
  /// passes until our first cycle is a gap of that length. Before start_live().
  ///
  /// Thread: control, nobody renders
  void go_on(std::int64_t zero, std::int64_t reached) noexcept;

  /// Where the live voice's sound comes from; null = silence.      Thread: control
  void set_live(LiveInput* input) noexcept { live_.store(input, std::memory_order_release); }
  /// The device was opened anew: its frames count from elsewhere. What passed meanwhile is lost;
  /// the timeline goes on.      Thread: control
  void expect_new_device() noexcept { fresh_.store(true, std::memory_order_release); }

  /// Queue a batch of our own, all or nothing; false: would block.      Thread: control
  [[nodiscard]] bool send(std::span<const mixer::Command> batch) noexcept;

  /// Take commands from a queue of another process too; its client number, 0 = no room. Such a
  /// client acts on voices that exist; it cannot make any, nor change buses, policies or time.
  ///
  /// Thread: control
  [[nodiscard]] std::uint16_t attach(const shm::Segment& segment);
  /// The same under the number that it had with a predecessor; false: that one is taken.
  [[nodiscard]] bool attach_as(std::uint16_t client, const shm::Segment& segment);
  void detach(std::uint16_t client) noexcept;

  [[nodiscard]] mixer::Engine& engine() noexcept { return engine_; }
  [[nodiscard]] const mixer::Engine& engine() const noexcept { return engine_; }
  [[nodiscard]] std::uint32_t live_channels() const noexcept { return live_channels_; }
  /// False before the first cycle.      Thread: any
  [[nodiscard]] bool clock(OutputClock& clock) const noexcept;

 private:
  void make_live_stream();
  void place(const clock::OutputCycle& cycle) noexcept;
  void drain(std::size_t cap) noexcept;
  std::size_t take_batch(shm::CommandQueue& queue,
                         std::uint16_t client,
                         std::size_t cap,
                         bool first) noexcept;
  bool act(std::span<const mixer::Command> batch,
           std::uint32_t queue,
           std::uint64_t taken) noexcept;
  [[nodiscard]] std::int64_t lost_since_taking_over(const clock::OutputCycle& cycle,
                                                    std::int64_t lost) const noexcept;
  void feed_live(std::int64_t frame, std::uint32_t samples) noexcept;

  mixer::Engine engine_;
  std::uint32_t live_channels_;
  std::unique_ptr<mixer::StreamBuffer> stream_;
  std::vector<float*> live_rows_;
  std::vector<float*> rows_;
  std::atomic<LiveInput*> live_{nullptr};

  std::array<std::unique_ptr<shm::CommandQueue>, kQueues> owned_;
  std::array<std::atomic<shm::CommandQueue*>, kQueues> queues_{};
  shm::CommandQueue own_;  // the producer's end of the first, which the device has mapped too
  struct Retired {
    std::unique_ptr<shm::CommandQueue> queue;
    std::uint64_t cycle;
  };
  std::vector<Retired> retired_;
  std::size_t first_queue_ = 0;
  std::array<mixer::Command, mixer::kMaxBatch> batch_;

  std::atomic<bool> fresh_{true};
  std::int64_t base_ = 0;  // device frame of sample 0
  std::uint64_t device_epoch_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t cycles_ = 0;
  std::int64_t expected_ns_ = 0;  // when the next cycle should begin
  shm::TwoCopy<OutputClock> clock_{};
  std::atomic<TimelineLog*> log_{nullptr};
  bool taking_over_ = false;
  std::map<std::uint32_t, std::uint64_t> replayed_;  // how far a predecessor took each queue
};

}  // namespace avrig::dipstream
