// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>
#include <avrig/mixer/event.hpp>
#include <avrig/mixer/sample.hpp>
#include <avrig/mixer/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace avrig::mixer {

/// Which instructions the mixing loops use; all give the same bits.
enum class Simd : std::uint8_t { Auto = 0, Plain, Avx2, Avx512 };

/// What a mixer is made with; voices, actions and sources can grow later with reserve().
struct EngineConfig {
  std::uint32_t outputs = 2;
  std::uint32_t max_block = 4096;        ///< samples mixed at once; longer blocks are split
  std::uint32_t limiter_lookahead = 0;   ///< samples; > 0 delays all outputs and allows Limit
  std::uint32_t event_capacity = 16384;  ///< events that may wait to be read
  std::uint32_t sample_rate_hz = 48000;  ///< turns samples into virtual time offline
  ClipPolicy clip = ClipPolicy::Pass;
  std::uint32_t buses = 16;  ///< bus numbers 0 .. buses-1; at most kMaxBuses
  std::uint32_t voices = 1024;
  std::uint32_t actions = 8192;  ///< starts, stops and parameters that are pending at once
  std::uint32_t sources = 1024;
  Simd simd = Simd::Auto;
};

enum class VoiceState : std::uint32_t { None = 0, Idle, Pending, Playing, Paused };

/// What can be asked about a voice; a consistent copy, never older than the last block.
struct VoiceStatus {
  VoiceId voice = 0;
  VoiceState state = VoiceState::None;
  std::uint32_t play = 0;               ///< which start, from 1; 0 = never started
  std::int64_t start = kUnknownSample;  ///< known or predicted
  std::int64_t end = kUnknownSample;    ///< known or predicted; first silent sample
  std::int64_t at = 0;                  ///< the sample that `index` is for
  std::int64_t index = 0;               ///< position in the content
  std::uint64_t step = 0;               ///< content samples an output sample, times 2^32
  std::int64_t loop_begin = 0;
  std::int64_t loop_end = 0;   ///< 0 = not looping (any more)
  std::int64_t length = 0;     ///< of the data
  std::uint64_t underrun = 0;  ///< streaming: silent samples

  /// Position in the content at a sample, while nothing else happens.
  [[nodiscard]] std::int64_t position_at(std::int64_t sample) const noexcept;
  [[nodiscard]] bool is_looping() const noexcept { return loop_end > 0; }
};

struct OutputMeter {
  float peak = 0;  ///< largest magnitude before the clip policy since reset_meters()
  std::uint64_t clipped = 0;
  std::int64_t first_clip = kUnknownSample;
};

/// DipStream's engine: voices, buses and a schedule in integer samples, rendered block by block.
///
/// It knows no device and no clock. Its state changes by apply(), render() and fast_forward()
/// alone; what it renders is a function of those calls, and the bits are the same however the
/// samples are cut into blocks. Memory is reserved outside: render() and apply() allocate, lock,
/// log and throw nothing.
///
/// Threads: `process` is the one that renders; `control` is one other; queries are for any.
class Engine {
 public:
  /// Throws avrig::Error when the configuration makes no sense.
  explicit Engine(const EngineConfig& config);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Lend sample data under a number, before a command that names it is applied.
  ///
  /// The number may be lent anew once no voice uses it. Throws when the data is unusable.
  /// Thread: control      RT-safe: no
  void set_samples(std::uint32_t source, const SampleView& view);
  void set_stream(std::uint32_t source, const StreamView& view);

  /// Make room for more voices, actions and sources; the tables never shrink or move.
  ///
  /// Thread: control (also while rendering)      RT-safe: no
  void reserve(std::uint32_t voices, std::uint32_t actions, std::uint32_t sources);

  /// Apply one command, or one batch (all or nothing), at the current position.
  ///
  /// Thread: process      RT-safe: yes
  /// Returns: false when it was refused; a Refused event for each command says why
  bool apply(std::span<const Command> batch) noexcept;
  bool apply(const Command& command) noexcept { return apply(std::span(&command, 1)); }

  /// Render the next `samples` samples into one row for each output.
  ///
  /// Thread: process      RT-safe: yes
  void render(float* const* outputs, std::size_t samples) noexcept;

  /// Go on to `sample` without rendering: what would have happened happens, nothing is heard, and
  /// streams are not read.
  ///
  /// With `apply` this rebuilds a mixer from its command log.
  /// Thread: process      RT-safe: yes
  void fast_forward(std::int64_t sample) noexcept;

  /// All that decides what comes next, as bytes: voices, schedule, buses, policies. Not in it:
  /// events that nobody has read yet, meters, a fault, and what the limiter has in its window.
  ///
  /// Thread: control, nobody renders      RT-safe: no
  [[nodiscard]] std::vector<std::byte> save();
  /// Asked for each voice of an image: its samples, or its stream, are to be lent under `source`.
  using Lend = std::function<void(VoiceId voice, std::uint32_t source)>;
  /// Become, just made, what save() saw in an engine of the same configuration: from here on the
  /// same calls give the same bits. A stream goes on where its header says. Throws Error(Open) on
  /// bytes that are of no such engine, or of another version's; it is of no use afterwards.
  ///
  /// Thread: control, nobody renders      RT-safe: no
  void load(std::span<const std::byte> image, const Lend& lend);

  /// Flag all events as replayed until told otherwise.      Thread: process
  void set_replaying(bool replaying) noexcept;

  /// The oldest event that was not read yet; false when there is none.
  ///
  /// Thread: control (one reader)      RT-safe: yes
  [[nodiscard]] bool next_event(Event& out) noexcept;
  /// Events that were lost because nobody read them.      Thread: any
  [[nodiscard]] std::uint64_t events_lost() const noexcept;

  /// A voice as of the last block.      Thread: any      RT-safe: yes
  [[nodiscard]] VoiceStatus status(VoiceId voice) const noexcept;
  /// The first sample that is not rendered yet.      Thread: any
  [[nodiscard]] std::int64_t position() const noexcept;
  [[nodiscard]] std::uint32_t epoch() const noexcept;
  [[nodiscard]] bool failed() const noexcept;  ///< policy fault has fired
  [[nodiscard]] OutputMeter meter(std::uint32_t output) const noexcept;
  void reset_meters() noexcept;  ///< Thread: any; takes effect with the next block
  [[nodiscard]] float bus_peak(std::uint32_t bus) const noexcept;  ///< of the last block

  /// Samples by which all outputs are delayed (the limiter's look-ahead).
  [[nodiscard]] std::uint32_t delay() const noexcept;
  [[nodiscard]] const EngineConfig& config() const noexcept;
  [[nodiscard]] Simd simd() const noexcept;  ///< the one in use

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::mixer
