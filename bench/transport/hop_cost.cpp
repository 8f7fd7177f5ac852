// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// What does avrig's own code cost a hop? Maker and follower in one thread, each with its mapping:
// claim, publish, take, complete, release. No waiting and no second core, so that neither the
// distance of cores nor a wake-up is in the figure.
#include "ring_ends.hpp"

#include <cstdio>

using namespace avrig;
using namespace avrig::bench;

namespace {

constexpr std::uint64_t kFrames = 200'000;

double hop_ns(RingSender& sender, RingReceiver& receiver) {
  const std::uint64_t before = cpu_ns();
  for (std::uint64_t frame = 0; frame < kFrames; ++frame) {
    (void)sender.begin();
    sender.publish();
    (void)receiver.wait();
    receiver.release();
  }
  return static_cast<double>(cpu_ns() - before) / static_cast<double>(kFrames);
}

double clock_ns() {
  std::int64_t latest = 0;
  const std::uint64_t before = cpu_ns();
  for (std::uint64_t turn = 0; turn < kFrames; ++turn) {
    latest = monotonic_ns();
  }
  volatile std::int64_t sink = latest;
  (void)sink;
  return static_cast<double>(cpu_ns() - before) / static_cast<double>(kFrames);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  pin(options, 0);
  const shm::Segment run = shm::RunBlock::create(2, 2);
  shm::RingSpec spec = default_ring(options, 3);
  spec.participants = {participant(shm::Part::Looker, 1)};
  const shm::Segment segment = shm::Ring::create("bench-cost", spec);
  RingSender sender(run, segment, options);
  RingReceiver receiver(run, segment, nullptr, 1, options);
  (void)hop_ns(sender, receiver);
  const MachineTime before = machine_time();
  const std::int64_t began_ns = monotonic_ns();
  const std::uint64_t own_before = cpu_ns();
  const double hop = hop_ns(sender, receiver);
  const double clock = clock_ns();
  const auto own = static_cast<double>(cpu_ns() - own_before);
  const auto busy = static_cast<double>(machine_time().busy_ns - before.busy_ns);
  const auto wall = static_cast<double>(monotonic_ns() - began_ns);
  std::printf(R"({"name":"%s","size":%zu,"messages":%llu,"hop_us":%.4f,"clock_us":%.4f,)"
              R"("sender_sleeps":%llu,"receiver_sleeps":%llu,"foreign_percent":%.1f})"
              "\n",
              options.name.c_str(),
              options.size,
              static_cast<unsigned long long>(kFrames),
              hop / 1e3,
              clock / 1e3,
              static_cast<unsigned long long>(sender.sleeps()),
              static_cast<unsigned long long>(receiver.sleeps()),
              busy > own ? (busy - own) / wall * 100 : 0.0);
  return 0;
}
