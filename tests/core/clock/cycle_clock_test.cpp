// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/clock/cycle_clock.hpp>
#include <avrig/clock/frame_counter.hpp>
#include <avrig/clock/raw_bridge.hpp>
#include <avrig/clock/virtual_clock.hpp>
#include <avrig/monotonic.hpp>

#include <cmath>
#include <ctime>
#include <random>

#include <doctest/doctest.h>

using namespace avrig::clock;

namespace {

constexpr double kNominalNs = 1e9 / 48000;
constexpr std::uint32_t kPeriod = 256;

/// A device of a true rate whose wake-ups come late by a positive random time.
struct Device {
  explicit Device(double ppm) : ns_per_sample(kNominalNs * (1 - ppm * 1e-6)) {}
  double ns_per_sample;
  double time_ns = 1e12;
  std::int64_t index = 0;
  std::mt19937 random{7};
  std::exponential_distribution<double> late{1.0 / 15'000};

  void cycle(CycleClock& clock) {
    clock.update(index, kPeriod, static_cast<std::int64_t>(time_ns + late(random)));
    index += kPeriod;
    time_ns += kPeriod * ns_per_sample;
  }
};

}  // namespace

TEST_SUITE("core/clock/cycle_clock") {
  TEST_CASE("cycle clock: it follows a device that is 200 ppm fast to a few microseconds") {
    Device device(200);
    CycleClock sut(kNominalNs);
    double worst = 0;
    for (int cycle = 0; cycle < 48000 * 60 / 256; ++cycle) {
      const double truth = device.time_ns;
      const std::int64_t index = device.index;
      device.cycle(sut);
      if (cycle > 48000 * 20 / 256) {
        worst = std::max(worst, std::abs(static_cast<double>(sut.map().to_ns(index)) - truth));
      }
    }
    CHECK(sut.map().epoch == 0);
    CHECK(worst < 30'000);  // 15 us of it is the mean lateness of a wake-up
    CHECK(std::abs(sut.map().ns_per_unit / device.ns_per_sample - 1) < 5e-6);
  }

  TEST_CASE("cycle clock: a driver stall of 100 ms opens an epoch and the next cycles are right") {
    Device device(0);
    CycleClock sut(kNominalNs);
    for (int cycle = 0; cycle < 2000; ++cycle) {
      device.cycle(sut);
    }
    device.time_ns += 100e6;
    for (int cycle = 0; cycle < 3; ++cycle) {
      device.cycle(sut);
    }
    const double truth = device.time_ns;
    const std::int64_t index = device.index;
    CHECK(sut.map().epoch == 1);
    CHECK(std::abs(static_cast<double>(sut.map().to_ns(index)) - truth) < 100'000);
    CHECK(std::abs(static_cast<double>(sut.lost_ns()) - 100e6) < 1e6);
  }

  TEST_CASE("cycle clock: skipped periods open an epoch without losing the timeline") {
    Device device(0);
    CycleClock sut(kNominalNs);
    for (int cycle = 0; cycle < 2000; ++cycle) {
      device.cycle(sut);
    }
    device.index += 7 * kPeriod;
    device.time_ns += 7 * kPeriod * kNominalNs;
    device.cycle(sut);
    CHECK(sut.map().epoch == 1);
    CHECK(std::abs(static_cast<double>(sut.map().to_ns(device.index)) - device.time_ns) < 100'000);
  }

  TEST_CASE("cycle clock: in freewheel the map stands, and the first paced cycle is right again") {
    Device device(0);
    CycleClock sut(kNominalNs);
    for (int cycle = 0; cycle < 2000; ++cycle) {
      device.cycle(sut);
    }
    const ClockMap before = sut.map();
    for (int cycle = 0; cycle < 500; ++cycle) {  // 2.7 s of samples in no time
      sut.hold(device.index, kPeriod, static_cast<std::int64_t>(device.time_ns));
      device.index += kPeriod;
    }
    CHECK(sut.map().epoch == before.epoch + 1);
    CHECK(std::abs(sut.map().to_ns(device.index) - before.to_ns(device.index)) < 1000);
    device.time_ns += 1e6;
    const double truth = device.time_ns;
    const std::int64_t index = device.index;
    device.cycle(sut);
    CHECK(sut.map().epoch == before.epoch + 2);
    CHECK(std::abs(static_cast<double>(sut.map().to_ns(index)) - truth) < 100'000);
  }

  TEST_CASE("cycle clock: a break that the device tells of is an epoch, once") {
    Device device(0);
    CycleClock sut(kNominalNs);
    for (int cycle = 0; cycle < 2000; ++cycle) {
      device.cycle(sut);
    }
    sut.doubt();
    CHECK(sut.map().epoch == 1);
    device.time_ns += 50e6;
    device.cycle(sut);
    CHECK(sut.map().epoch == 2);
    sut.doubt();  // the same break, told a little later
    CHECK(sut.map().epoch == 2);
  }

  TEST_CASE("frame counter: 25 hours of periods pass the 32-bit wrap without a slip") {
    FrameCounter sut;
    const std::int64_t begin = 1'000'000;
    std::int64_t frame = begin;
    bool right = true;
    while (frame < begin + std::int64_t{25} * 3600 * 48000) {
      right = right && sut.unwrap(static_cast<std::uint32_t>(frame)) == frame;
      frame += frame % 7 == 0 ? 9 * 1024 : 1024;  // skipped periods too
    }
    CHECK(right);
    CHECK(frame > std::int64_t{1} << 32);
    FrameCounter successor;
    successor.go_on_from(frame - 48000);
    CHECK(successor.unwrap(static_cast<std::uint32_t>(frame)) == frame);
  }

  TEST_CASE("raw bridge: RAW carried over is MONOTONIC") {
    RawBridge sut;
    timespec raw{};
    const std::int64_t before = avrig::monotonic_ns();
    ::clock_gettime(CLOCK_MONOTONIC_RAW, &raw);
    const std::int64_t after = avrig::monotonic_ns();
    const std::int64_t carried =
        sut.to_monotonic_ns(std::int64_t{raw.tv_sec} * 1'000'000'000 + raw.tv_nsec);
    CHECK(carried >= before - 50'000);
    CHECK(carried <= after + 50'000);
  }

  TEST_CASE("virtual clock: a day of samples is a day") {
    VirtualClock sut(44100);
    sut.advance(std::uint64_t{44100} * 86400);
    CHECK(sut.now_ns() == std::int64_t{86400} * 1'000'000'000);
  }
}
