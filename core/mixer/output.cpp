// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "output.hpp"

#include "mix.hpp"

#include <algorithm>
#include <cmath>

namespace avrig::mixer {

namespace {

constexpr std::uint32_t kUnity = 1U << 30;

}  // namespace

Limiter::Limiter(std::uint32_t lookahead)
    : window_(lookahead + 1),
      sum_(std::uint64_t{window_} * kUnity),
      delayed_(window_, 0.0F),
      lows_(window_, kUnity),
      queue_(window_ + 1) {}

std::uint32_t Limiter::lowest(std::uint32_t gain) noexcept {
  const std::size_t size = queue_.size();
  while (queue_head_ > queue_tail_ && queue_[(queue_head_ - 1) % size].gain >= gain) {
    --queue_head_;
  }
  queue_[queue_head_++ % size] = {now_, gain};
  if (queue_[queue_tail_ % size].at <= now_ - window_) {
    ++queue_tail_;
  }
  return queue_[queue_tail_ % size].gain;
}

void Limiter::process(float* x, std::size_t n, bool limit) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t place = static_cast<std::size_t>(now_ % window_);
    const float magnitude = std::abs(x[i]);
    const std::uint32_t needed = limit && magnitude > 1.0F
                                     ? static_cast<std::uint32_t>(static_cast<double>(kUnity) /
                                                                  static_cast<double>(magnitude))
                                     : kUnity;
    const std::uint32_t low = lowest(needed);
    sum_ += low;
    sum_ -= lows_[place];
    lows_[place] = low;
    delayed_[place] = x[i];
    const float out = delayed_[static_cast<std::size_t>((now_ + 1) % window_)];
    ++now_;
    if (sum_ == std::uint64_t{window_} * kUnity) {
      x[i] = out;
      continue;
    }
    const double gain = static_cast<double>(sum_) / (static_cast<double>(window_) * kUnity);
    x[i] = std::clamp(static_cast<float>(static_cast<double>(out) * gain), -1.0F, 1.0F);
  }
}

Output::Output(State& state, const Kernels& kernels)
    : state_(state),
      kernels_(kernels),
      channels_(std::make_unique<Channel[]>(state.config.outputs)) {
  set_policy(255, state.config.clip);
  if (state.config.limiter_lookahead > 0) {
    for (std::uint32_t o = 0; o < state.config.outputs; ++o) {
      limiters_.emplace_back(state.config.limiter_lookahead);
    }
  }
}

void Output::set_policy(std::uint32_t output, ClipPolicy policy) noexcept {
  for (std::uint32_t o = 0; o < state_.config.outputs; ++o) {
    if (output == 255 || output == o) {
      channels_[o].policy = policy;
    }
  }
}

OutputMeter Output::meter(std::uint32_t output) const noexcept {
  const Channel& channel = channels_[output];
  return {channel.peak.load(std::memory_order_relaxed),
          channel.clipped.load(std::memory_order_relaxed),
          channel.first.load(std::memory_order_relaxed)};
}

void Output::count_clips(
    std::uint32_t output, const float* x, std::size_t n, std::int64_t begin, float peak) noexcept {
  Channel& channel = channels_[output];
  std::uint64_t count = 0;
  std::int64_t first = kUnknownSample;
  for (std::size_t i = 0; i < n; ++i) {
    if (std::abs(x[i]) > 1.0F) {
      first = count++ == 0 ? begin + static_cast<std::int64_t>(i) : first;
    }
  }
  channel.clipped.store(channel.clipped.load(std::memory_order_relaxed) + count,
                        std::memory_order_relaxed);
  if (channel.first.load(std::memory_order_relaxed) == kUnknownSample) {
    channel.first.store(first, std::memory_order_relaxed);
  }
  Event event;
  event.kind = channel.policy == ClipPolicy::Fault ? EventKind::Fault : EventKind::Clipped;
  event.sample = first;
  event.value = output;
  event.level = peak;
  state_.tell(event);
}

// What exceeds 1 where that matters.
void Output::clip(
    std::uint32_t output, float* x, std::size_t n, std::int64_t begin, float peak) noexcept {
  count_clips(output, x, n, begin, peak);
  if (channels_[output].policy == ClipPolicy::Clamp) {
    kernels_.clamp(x, n);
  } else if (channels_[output].policy == ClipPolicy::Fault) {
    failed_.store(true, std::memory_order_relaxed);
  }
}

void Output::finish(float* const* outputs,
                    std::size_t offset,
                    std::size_t n,
                    std::int64_t begin,
                    const Mix& mix) noexcept {
  if (reset_.load(std::memory_order_relaxed)) {
    reset_.store(false, std::memory_order_relaxed);
    for (std::uint32_t o = 0; o < state_.config.outputs; ++o) {
      channels_[o].peak.store(0.0F, std::memory_order_relaxed);
      channels_[o].clipped.store(0, std::memory_order_relaxed);
      channels_[o].first.store(kUnknownSample, std::memory_order_relaxed);
    }
  }
  for (std::uint32_t o = 0; o < state_.config.outputs && !failed(); ++o) {
    Channel& channel = channels_[o];
    const float known = mix.output_peak(o);
    const float peak = known == Mix::kUnmeasured ? kernels_.peak(outputs[o] + offset, n) : known;
    if (peak > channel.peak.load(std::memory_order_relaxed)) {
      channel.peak.store(peak, std::memory_order_relaxed);
    }
    if (peak > 1.0F && channel.policy != ClipPolicy::Pass) {
      clip(o, outputs[o] + offset, n, begin, peak);
    }
  }
  if (!failed() && limiters_.empty()) {
    return;
  }
  for (std::uint32_t o = 0; o < state_.config.outputs; ++o) {
    if (failed()) {
      std::fill_n(outputs[o] + offset, n, 0.0F);
    }
    if (!limiters_.empty()) {
      limiters_[o].process(outputs[o] + offset, n, channels_[o].policy == ClipPolicy::Limit);
    }
  }
}

}  // namespace avrig::mixer
