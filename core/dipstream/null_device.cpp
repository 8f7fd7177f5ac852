// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/null_device.hpp>
#include <avrig/monotonic.hpp>

#include <cmath>
#include <ctime>
#include <vector>

namespace avrig::dipstream {

NullDevice::NullDevice(clock::OutputRenderer& renderer,
                       std::uint32_t outputs,
                       std::uint32_t rate_hz,
                       std::uint32_t period)
    : renderer_(&renderer), thread_([=, this] { run(outputs, rate_hz, period); }) {}

NullDevice::~NullDevice() {
  ending_.store(true);
  thread_.join();
}

void NullDevice::run(std::uint32_t outputs, std::uint32_t rate_hz, std::uint32_t period) {
  std::vector<float> samples(std::size_t{outputs} * period);
  std::vector<float*> rows;
  for (std::uint32_t output = 0; output < outputs; ++output) {
    rows.push_back(samples.data() + std::size_t{output} * period);
  }
  const std::int64_t began_ns = monotonic_ns();
  const double ns_per_sample = 1e9 / rate_hz;
  for (std::int64_t frame = 0; !ending_.load(std::memory_order_relaxed); frame += period) {
    const std::int64_t due_ns = began_ns + std::llround(static_cast<double>(frame) * ns_per_sample);
    const timespec due{due_ns / 1'000'000'000, due_ns % 1'000'000'000};
    (void)::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
    renderer_->render({frame, due_ns, ns_per_sample, 0, 0}, period, rows.data());
  }
}

}  // namespace avrig::dipstream
