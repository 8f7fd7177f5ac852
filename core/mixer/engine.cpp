// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "apply.hpp"
#include "bus.hpp"
#include "image.hpp"
#include "jump.hpp"
#include "mix.hpp"
#include "output.hpp"
#include "predict.hpp"
#include <avrig/error.hpp>
#include <avrig/mixer/engine.hpp>

#include <algorithm>
#include <string>

#if defined(AVRIG_MIXER_X86)
#include <immintrin.h>
#endif

namespace avrig::mixer {

namespace {

// Numbers too small to hear can cost a hundred times as much: flush them while we compute, and
// leave the caller's setting as it was.
class FlushDenormals {
 public:
#if defined(AVRIG_MIXER_X86)
  FlushDenormals() noexcept : was_(_mm_getcsr()) {
    if ((was_ & kFlush) != kFlush) {
      _mm_setcsr(was_ | kFlush);
    }
  }
  ~FlushDenormals() {
    if ((was_ & kFlush) != kFlush) {
      _mm_setcsr(was_);
    }
  }

 private:
  static constexpr unsigned kFlush = 0x8040U;  // results and operands
  unsigned was_;
#else
  FlushDenormals() noexcept {}
  ~FlushDenormals() {}
#endif
 public:
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

Simd choose(Simd wanted) {
#if defined(AVRIG_MIXER_X86)
  const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  const bool avx512 =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  if ((wanted == Simd::Auto || wanted == Simd::Avx512) && avx512) {
    return Simd::Avx512;
  }
  if (wanted != Simd::Plain && avx2) {
    return Simd::Avx2;
  }
#else
  (void)wanted;
#endif
  return Simd::Plain;
}

const Kernels& kernels_for(Simd simd) {
#if defined(AVRIG_MIXER_X86)
  if (simd == Simd::Avx512) {
    return kernels_avx512();
  }
  if (simd == Simd::Avx2) {
    return kernels_avx2();
  }
#else
  (void)simd;
#endif
  return kernels_plain();
}

// Milliseconds to make, and the same for all.
const std::vector<float>& sinc_table() {
  static const std::vector<float> table = make_sinc_table();
  return table;
}

const EngineConfig& checked(const EngineConfig& config) {
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorCode::Spec, "cannot make a mixer: " + what);
  };
  if (config.outputs == 0 || config.outputs > kMaxOutputs) {
    refuse(std::to_string(config.outputs) + " outputs; 1 to 255 are possible");
  }
  if (config.max_block == 0 || config.max_block > (1U << 20)) {
    refuse("max_block must be 1 to 1048576 samples");
  }
  if (config.buses == 0 || config.buses > kMaxBuses) {
    refuse(std::to_string(config.buses) + " buses; 1 to 64 are possible");
  }
  if (config.clip == ClipPolicy::Limit && config.limiter_lookahead == 0) {
    refuse("clip policy 'limit' needs a limiter_lookahead");
  }
  if (config.event_capacity == 0 || config.limiter_lookahead > (1U << 20)) {
    refuse("event_capacity must not be 0, limiter_lookahead at most 1048576");
  }
  return config;
}

}  // namespace

std::int64_t VoiceStatus::position_at(std::int64_t sample) const noexcept {
  __extension__ using Wide = unsigned __int128;
  const std::int64_t elapsed = std::max<std::int64_t>(0, sample - at);
  const auto moved = static_cast<std::int64_t>(
      static_cast<Wide>(static_cast<std::uint64_t>(elapsed)) * step >> 32);
  std::int64_t place = index + moved;
  if (loop_end > 0 && place >= loop_end) {
    place = loop_begin + (place - loop_end) % (loop_end - loop_begin);
  }
  return length > 0 ? std::min(place, length) : place;
}

struct Engine::Impl {
  explicit Impl(const EngineConfig& config)
      : simd(choose(config.simd)),
        state(checked(config)),
        mix(state, kernels_for(simd), sinc_table().data()),
        output(state, kernels_for(simd)),
        apply(state, output) {}

  void render_piece(float* const* outputs, std::size_t offset, std::uint32_t n) noexcept;
  void publish_position() noexcept {
    position.store(state.position, std::memory_order_release);
    epoch.store(state.epoch, std::memory_order_relaxed);
  }

  Simd simd;
  State state;
  Mix mix;
  Output output;
  Apply apply;
  std::atomic<std::int64_t> position{0};
  std::atomic<std::uint32_t> epoch{0};
};

void Engine::Impl::render_piece(float* const* outputs,
                                std::size_t offset,
                                std::uint32_t n) noexcept {
  const std::int64_t begin = state.position;
  const std::int64_t end = begin + n;
  state.predict_budget = kPredictBudget;
  if (state.retired_count != 0) {
    report_retired(state);
  }
  if (state.streams_sounding != 0 || state.dirty != kNone) {
    look_at_streams(state);
  }
  mix.begin_peaks();
  while (state.position < end) {
    state.block_begin = state.cursor = state.position;
    run(state, end);
    mix.render(outputs, offset + static_cast<std::size_t>(state.block_begin - begin));
    state.position = state.cursor;
  }
  output.finish(outputs, offset, n, begin, mix);
  if (state.streams_sounding != 0) {
    release_streams(state);
  }
}

Engine::Engine(const EngineConfig& config) : impl_(std::make_unique<Impl>(config)) {
  reserve(config.voices, config.actions, config.sources);
  impl_->state.predict_budget = kPredictBudget;
  Command master;
  master.kind = CommandKind::AddBus;
  master.as.bus = {0, -1, 0.0F, 0};
  impl_->apply(std::span(&master, 1));
  Event ignored;
  while (next_event(ignored)) {
  }
}

Engine::~Engine() = default;

void Engine::set_samples(std::uint32_t source, const SampleView& view) {
  if (source >= impl_->state.samples.capacity()) {
    throw Error(ErrorCode::Spec,
                "cannot lend samples under number " + std::to_string(source) +
                    ": there is room for " + std::to_string(impl_->state.samples.capacity()) +
                    " (reserve more)");
  }
  const bool usable = view.data != nullptr && view.length > 0 && view.length < kMaxSample &&
                      view.channels > 0 && view.channels <= kMaxLanes;
  if (!usable) {
    throw Error(ErrorCode::Spec,
                "cannot lend samples under number " + std::to_string(source) +
                    ": no data, or not 1 to 64 channels");
  }
  impl_->state.samples[source] = view;
}

void Engine::set_stream(std::uint32_t source, const StreamView& view) {
  const bool usable = view.header != nullptr && view.data != nullptr && view.channels > 0 &&
                      view.channels <= kMaxLanes && view.capacity > 0 &&
                      (view.capacity & (view.capacity - 1)) == 0;
  if (source >= impl_->state.streams.capacity() || !usable) {
    throw Error(ErrorCode::Spec,
                "cannot lend a stream under number " + std::to_string(source) +
                    ": no room, no memory, or a capacity that is no power of two");
  }
  impl_->state.streams[source] = view;
}

void Engine::reserve(std::uint32_t voices, std::uint32_t actions, std::uint32_t sources) {
  State& state = impl_->state;
  // A play needs a timer, and may need one more for its loop, beside the action that starts it.
  const std::uint32_t all = actions + 2 * voices;
  state.tones.reserve(voices);
  state.steady.reserve(voices);
  state.published.reserve(voices);
  for (State::Bits* bits : {&state.active, &state.changed, &state.streaming, &state.retired}) {
    bits->reserve((voices + 63) / 64 + 64);
  }
  state.heap.reserve(all);
  state.actions.reserve(all);
  state.plays.reserve(all);
  state.samples.reserve(sources);
  state.streams.reserve(sources);
  state.voices.reserve(voices);  // last: its size is what the process thread goes by
}

bool Engine::apply(std::span<const Command> batch) noexcept {
  const FlushDenormals flush;
  const bool done = impl_->apply(batch);
  impl_->publish_position();
  return done;
}

void Engine::render(float* const* outputs, std::size_t samples) noexcept {
  const FlushDenormals flush;
  std::size_t done = 0;
  while (done < samples) {
    const std::size_t n = std::min<std::size_t>(samples - done, impl_->state.config.max_block);
    impl_->render_piece(outputs, done, static_cast<std::uint32_t>(n));
    done += n;
  }
  impl_->publish_position();
}

void Engine::fast_forward(std::int64_t sample) noexcept {
  const FlushDenormals flush;
  State& state = impl_->state;
  if (sample <= state.position) {
    return;
  }
  state.cursor = state.block_begin = state.position;
  report_retired(state);
  state.silent = state.forwarding = true;
  look_at_streams(state);
  run(state, sample);
  skip_sound(state);
  state.silent = state.forwarding = false;
  report_retired(state);  // a command that follows may name the slot again
  state.for_each(state.active, [&](std::uint32_t slot) { state.publish(slot); });
  impl_->publish_position();
}

std::vector<std::byte> Engine::save() {
  return image_of(impl_->state, impl_->output);
}

void Engine::load(std::span<const std::byte> image, const Lend& lend) {
  become(impl_->state, impl_->output, image, lend);
  impl_->publish_position();
}

void Engine::set_replaying(bool replaying) noexcept {
  impl_->state.replaying = replaying;
}
bool Engine::next_event(Event& out) noexcept {
  return impl_->state.events.take(out);
}
std::uint64_t Engine::events_lost() const noexcept {
  return impl_->state.events_lost.load(std::memory_order_relaxed);
}

VoiceStatus Engine::status(VoiceId voice) const noexcept {
  const std::uint32_t slot = slot_of(voice);
  if (voice == 0 || slot >= impl_->state.voices.capacity()) {
    return {};
  }
  const VoiceStatus status = impl_->state.published[slot].load();
  return status.voice == voice ? status : VoiceStatus{};
}

std::int64_t Engine::position() const noexcept {
  return impl_->position.load(std::memory_order_acquire);
}
std::uint32_t Engine::epoch() const noexcept {
  return impl_->epoch.load(std::memory_order_relaxed);
}
bool Engine::failed() const noexcept {
  return impl_->output.failed();
}
OutputMeter Engine::meter(std::uint32_t output) const noexcept {
  return output < config().outputs ? impl_->output.meter(output) : OutputMeter{};
}
void Engine::reset_meters() noexcept {
  impl_->output.reset();
}
float Engine::bus_peak(std::uint32_t bus) const noexcept {
  return bus < config().buses ? impl_->mix.bus_peak(bus) : 0.0F;
}
std::uint32_t Engine::delay() const noexcept {
  return config().limiter_lookahead;
}
const EngineConfig& Engine::config() const noexcept {
  return impl_->state.config;
}
Simd Engine::simd() const noexcept {
  return impl_->simd;
}

}  // namespace avrig::mixer
