// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "denoiser.hpp"
#include <avrig/plugin.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace avrig::plugin;

namespace {

/// One channel: samples in as they come, the same samples out, cleaned, a window later.
class Channel {
 public:
  Channel(const avrig::spectral::DenoiserOptions& options, std::size_t most_waiting)
      : hop_(options.window / 4),
        denoiser_(options),
        gathered_(hop_),
        finished_(most_waiting + 2 * hop_) {}

  avrig::spectral::Denoiser& denoiser() noexcept { return denoiser_; }

  void begin(std::int64_t first) noexcept {
    fill_ = static_cast<std::size_t>(first) % hop_;
    // The windows before the first sample finish nothing of this stream.
    skip_ = hop_ * 3 + fill_;
    count_ = 0;
    std::ranges::fill(gathered_, 0.0F);
    denoiser_.begin(first);
  }

  void push(std::span<const float> samples) noexcept {
    while (!samples.empty()) {
      const std::size_t n = std::min(samples.size(), hop_ - fill_);
      std::copy_n(samples.begin(), n, gathered_.begin() + static_cast<std::ptrdiff_t>(fill_));
      samples = samples.subspan(n);
      fill_ += n;
      if (fill_ == hop_) {
        step();
      }
    }
  }

  /// As if silence followed, until `wanted` samples are there.
  void flush(std::size_t wanted) noexcept {
    while (count_ < wanted) {
      std::fill(gathered_.begin() + static_cast<std::ptrdiff_t>(fill_), gathered_.end(), 0.0F);
      step();
    }
  }

  void pop(std::span<float> to) noexcept {
    std::copy_n(finished_.begin(), to.size(), to.begin());
    std::copy(finished_.begin() + static_cast<std::ptrdiff_t>(to.size()),
              finished_.begin() + static_cast<std::ptrdiff_t>(count_),
              finished_.begin());
    count_ -= to.size();
  }

 private:
  void step() noexcept {
    const std::span<float> out(finished_.data() + count_, hop_);
    denoiser_.step(gathered_, out);
    fill_ = 0;
    const std::size_t skipped = std::min(skip_, hop_);
    std::copy(out.begin() + static_cast<std::ptrdiff_t>(skipped), out.end(), out.begin());
    skip_ -= skipped;
    count_ += hop_ - skipped;
  }

  std::size_t hop_;
  avrig::spectral::Denoiser denoiser_;
  std::vector<float> gathered_;
  std::size_t fill_ = 0;
  std::size_t skip_ = 0;
  std::vector<float> finished_;
  std::size_t count_ = 0;
};

}  // namespace

/// Sample n out is sample n in: what goes out with an input is what came a window earlier, and the
/// tail follows at the end, so that as many samples go out as came in.
class SpectralSubtraction {
 public:
  static constexpr const char* kName = "spectral-subtraction";
  static constexpr const char* kSummary = "take steady noise out of audio";
  static constexpr Parameter kParameters[] = {
      {.name = "learn",
       .type = "duration",
       .default_value = "0",
       .minimum = "0",
       .maximum = "60000000000",
       .doc = "take the noise from the first part of the stream; 0 = follow it all the time"},
      {.name = "over",
       .type = "float",
       .default_value = "3",
       .minimum = "0",
       .maximum = "20",
       .doc = "how many times the noise is subtracted",
       .flags = kLiveSettable},
      {.name = "floor",
       .type = "level",
       .default_value = "-18",
       .minimum = "-120",
       .maximum = "0",
       .doc = "how far a band that is all noise is lowered",
       .flags = kLiveSettable}};

  explicit SpectralSubtraction(const Params& params)
      : learn_(params.get<std::chrono::nanoseconds>("learn", std::chrono::nanoseconds(0))) {
    options_.over = params.get<float>("over", 3.0F);
    options_.floor_gain = gain_from_db(params.get<double>("floor", -18.0));
  }

  void set_param(std::string_view name, const Value& value) {
    if (name == "over") {
      options_.over = value.as<float>();
    } else if (name == "floor") {
      options_.floor_gain = gain_from_db(value.as<double>());
    }
    for (Channel& channel : channels_) {
      channel.denoiser().set_strength(options_.over, options_.floor_gain);
    }
  }

  void configure(Config& config) {
    const avrig_format& format = config.input();
    rate_ = format.sample_rate_hz;
    // 20 ms or more, and never so few bands that a voice would fill them all.
    options_.window = std::bit_ceil(std::max(512U, rate_ / 50));
    const std::uint32_t hop = options_.window / 4;
    const auto learn_samples = static_cast<double>(learn_.count()) * 1e-9 * rate_;
    options_.learn_hops = static_cast<std::uint32_t>(std::ceil(learn_samples / hop));
    block_ = std::max(1U, format.block_samples);
    channels_.assign(format.channels, Channel(options_, block_ + 2 * options_.window));
    const auto blocks = [this](std::uint32_t samples) {
      return (samples + block_ - 1) / block_;
    };
    config->delay_samples = options_.window;
    config->tail = blocks(options_.window);
    config->max_outputs = 1 + config->tail;
    config->history =
        options_.learn_hops != 0
            ? std::numeric_limits<std::uint32_t>::max()
            : 1 + blocks(hop * avrig::spectral::NoiseFloor::history_hops() + 4 * options_.window);
  }

  void start() {
    begun_ = false;
    ending_ = false;
    waiting_ = 0;
  }

  void discontinuity(std::uint32_t, std::uint32_t) { ending_ = begun_; }

  Status process(AudioIn in, AudioOut out) noexcept {
    if (ending_) {
      // What is left of the stretch before the gap goes out first.
      flush();
      if (waiting_ != 0) {
        emit(out, std::min<std::size_t>(waiting_, block_));
        return Status::Again;
      }
      ending_ = false;
      begun_ = false;
      resumed_ = true;
    }
    if (!begun_) {
      begin(in.index());
    }
    for (std::uint32_t c = 0; c < channels_.size(); ++c) {
      channels_[c].push(in.channel(c));
    }
    waiting_ += in.samples();
    end_ns_ = in.capture_ns() + nanoseconds(in.samples());
    if (waiting_ <= options_.window) {
      return Status::More;
    }
    emit(out, waiting_ - options_.window);
    if (resumed_) {
      out.frame().flags |= AVRIG_FRAME_DISCONTINUITY;
      resumed_ = false;
    }
    return Status::Ok;
  }

  Status drain(AudioOut out) noexcept {
    if (!begun_ || waiting_ == 0) {
      return Status::End;
    }
    flush();
    emit(out, std::min<std::size_t>(waiting_, block_));
    return waiting_ == 0 ? Status::Ok : Status::Again;
  }

 private:
  [[nodiscard]] std::int64_t nanoseconds(std::uint64_t samples) const noexcept {
    return static_cast<std::int64_t>((samples * 1'000'000'000ULL + rate_ / 2) / rate_);
  }

  void begin(std::int64_t first) noexcept {
    for (Channel& channel : channels_) {
      channel.begin(std::max<std::int64_t>(first, 0));
    }
    waiting_ = 0;
    begun_ = true;
  }

  void flush() noexcept {
    for (Channel& channel : channels_) {
      channel.flush(waiting_);
    }
  }

  /// The oldest `count` of the samples that wait, with their own time.
  void emit(const AudioOut& out, std::size_t count) noexcept {
    out.set_samples(static_cast<std::uint32_t>(count));
    for (std::uint32_t c = 0; c < channels_.size(); ++c) {
      channels_[c].pop(out.channel(c));
    }
    out.frame().capture_ns = end_ns_ - nanoseconds(waiting_);
    out.frame().duration_ns = nanoseconds(count);
    waiting_ -= count;
  }

  std::chrono::nanoseconds learn_;
  avrig::spectral::DenoiserOptions options_;
  std::uint32_t rate_ = 1;
  std::uint32_t block_ = 1;
  std::vector<Channel> channels_;
  bool begun_ = false;
  bool ending_ = false;        ///< a gap came: the rest of what was before it goes out first
  bool resumed_ = false;       ///< the next frame out is the first after a gap
  std::uint64_t waiting_ = 0;  ///< samples that came in and did not go out
  std::int64_t end_ns_ = 0;    ///< the time after the newest of them
};

AVRIG_PLUGIN(SpectralSubtraction)
