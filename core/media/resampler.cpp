// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/media/handles.hpp>
#include <avrig/media/resampler.hpp>
#include <avrig/types.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <string>

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
}

namespace avrig::media {

struct Resampler::Impl {
  SwrContext* context = nullptr;
  std::uint32_t in_rate = 0;
  std::uint32_t out_rate = 0;
  std::uint32_t channels = 0;
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  bool compensated = false;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { swr_free(&context); }

  using Rows = std::array<std::uint8_t*, AVRIG_MAX_CHANNELS>;

  [[nodiscard]] Rows rows_of(const float* rows, std::size_t stride_bytes) const noexcept {
    Rows out_rows{};
    // swresample takes its input as const; one table type serves both directions.
    auto* base = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(rows));
    for (std::size_t c = 0; base != nullptr && c < channels; ++c) {
      out_rows[c] = base + c * stride_bytes;
    }
    return out_rows;
  }

  /// Samples held back, in units of 1 / (in_rate * out_rate / gcd) s.
  [[nodiscard]] std::int64_t delay_ticks() const noexcept {
    return swr_get_delay(context, static_cast<std::int64_t>(ticks_per_second()));
  }
  [[nodiscard]] std::uint64_t ticks_per_second() const noexcept {
    return std::uint64_t{in_rate} / std::gcd(in_rate, out_rate) * out_rate;
  }
};

namespace {

SwrContext* open_context(std::uint32_t in_rate, std::uint32_t out_rate, std::uint32_t channels) {
  AVChannelLayout layout{};
  layout.order = AV_CHANNEL_ORDER_UNSPEC;
  layout.nb_channels = static_cast<int>(channels);
  SwrContext* context = nullptr;
  if (swr_alloc_set_opts2(&context,
                          &layout,
                          AV_SAMPLE_FMT_FLTP,
                          static_cast<int>(out_rate),
                          &layout,
                          AV_SAMPLE_FMT_FLTP,
                          static_cast<int>(in_rate),
                          0,
                          nullptr) < 0) {
    return nullptr;
  }
  // Without it the phase is rounded to one of 1024: 89 dB instead of 116 dB.
  av_opt_set_int(context, "linear_interp", 1, 0);
  av_opt_set_int(context, "filter_size", 64, 0);
  if (swr_init(context) < 0) {
    swr_free(&context);
  }
  return context;
}

constexpr std::uint32_t kMaxRate = 1'536'000;

}  // namespace

Resampler::Resampler(std::uint32_t in_rate_hz, std::uint32_t out_rate_hz, std::uint32_t channels)
    : impl_(std::make_unique<Impl>()) {
  impl_->in_rate = in_rate_hz;
  impl_->out_rate = out_rate_hz;
  impl_->channels = channels;
  const bool sane = in_rate_hz > 0 && in_rate_hz <= kMaxRate && out_rate_hz > 0 &&
                    out_rate_hz <= kMaxRate && channels > 0 && channels <= AVRIG_MAX_CHANNELS;
  if (sane) {
    reset();
    return;
  }
  throw Error(ErrorCode::Open,
              "cannot resample " + std::to_string(channels) + " channels from " +
                  std::to_string(in_rate_hz) + " Hz to " + std::to_string(out_rate_hz) +
                  " Hz: 1 to 64 channels, rates up to 1.536 MHz");
}

Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;
Resampler::~Resampler() = default;

void Resampler::reset() {
  swr_free(&impl_->context);
  impl_->context = open_context(impl_->in_rate, impl_->out_rate, impl_->channels);
  if (impl_->context == nullptr) {
    throw Error(ErrorCode::Open,
                "cannot resample " + std::to_string(impl_->in_rate) + " Hz to " +
                    std::to_string(impl_->out_rate) + " Hz: swresample refuses");
  }
  impl_->in = 0;
  impl_->out = 0;
  impl_->compensated = false;
}

std::uint32_t Resampler::max_output(std::uint32_t in_samples) const noexcept {
  return static_cast<std::uint32_t>(
      std::max(swr_get_out_samples(impl_->context, static_cast<int>(in_samples)), 0));
}

std::uint32_t Resampler::process(const float* in,
                                 std::size_t in_stride_bytes,
                                 std::uint32_t in_samples,
                                 float* out,
                                 std::size_t out_stride_bytes,
                                 std::uint32_t capacity) noexcept {
  auto from = impl_->rows_of(in, in_stride_bytes);
  auto to = impl_->rows_of(out, out_stride_bytes);
  // A null input would mean "flush" to swresample; a real but empty one fetches what it kept.
  const std::uint8_t* const* source = in == nullptr ? const_cast<const std::uint8_t**>(to.data())
                                                    : const_cast<const std::uint8_t**>(from.data());
  const int got = swr_convert(impl_->context,
                              to.data(),
                              static_cast<int>(capacity),
                              const_cast<const std::uint8_t**>(source),
                              in == nullptr ? 0 : static_cast<int>(in_samples));
  impl_->in += in == nullptr ? 0 : in_samples;
  const auto written = static_cast<std::uint32_t>(std::max(got, 0));
  impl_->out += written;
  return written;
}

std::uint32_t Resampler::flush(float* out,
                               std::size_t out_stride_bytes,
                               std::uint32_t capacity) noexcept {
  // swresample's own tail runs past the last input sample by up to half its filter.
  const std::uint64_t whole =
      impl_->compensated ? impl_->out + static_cast<std::uint64_t>(std::max<std::int64_t>(
                                            swr_get_delay(impl_->context, impl_->out_rate), 0))
                         : (impl_->in * impl_->out_rate + impl_->in_rate / 2) / impl_->in_rate;
  const std::uint64_t left = whole > impl_->out ? whole - impl_->out : 0;
  auto to = impl_->rows_of(out, out_stride_bytes);
  const auto room = static_cast<int>(std::min<std::uint64_t>(left, capacity));
  if (room == 0) {
    return 0;
  }
  const int got = swr_convert(impl_->context, to.data(), room, nullptr, 0);
  const auto written = static_cast<std::uint32_t>(std::max(got, 0));
  impl_->out += written;
  return written;
}

double Resampler::next_input_position() const noexcept {
  const double held = static_cast<double>(impl_->delay_ticks()) * impl_->in_rate /
                      static_cast<double>(impl_->ticks_per_second());
  return static_cast<double>(impl_->in) - held;
}

std::uint64_t Resampler::samples_in() const noexcept {
  return impl_->in;
}

std::uint64_t Resampler::samples_out() const noexcept {
  return impl_->out;
}

std::int64_t Resampler::delay_ns() const noexcept {
  return swr_get_delay(impl_->context, 1'000'000'000);
}

bool Resampler::compensate(int samples, int distance) noexcept {
  const bool taken = swr_set_compensation(impl_->context, samples, distance) >= 0;
  impl_->compensated = impl_->compensated || taken;
  return taken;
}

}  // namespace avrig::media
