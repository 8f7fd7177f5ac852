// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// Does the first use of each buffer cost more than later ones (page faults)? The maker fills the
// window, then the looker empties it, lap after lap; each side's CPU time for a lap.
#include "ring_ends.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sys/resource.h>

using namespace avrig;
using namespace avrig::bench;

namespace {

constexpr std::size_t kLaps = 12;

struct Laps {
  std::array<std::uint64_t, kLaps> maker_ns, looker_ns;
  long maker_faults, looker_faults;  // of the first lap
  std::atomic<std::size_t> made, looked;
};

long page_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

void wait_for(const std::atomic<std::size_t>& counter, std::size_t value) {
  while (counter.load() < value) {
    sleep_until_ns(monotonic_ns() + 200'000);
  }
}

std::uint64_t steady(std::array<std::uint64_t, kLaps> laps) {
  std::sort(laps.begin() + 1, laps.end());
  return laps[1 + (kLaps - 1) / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  auto* laps = reinterpret_cast<Laps*>(make_board()->latency_ns);
  const shm::Segment run = shm::RunBlock::create(2, 2);
  shm::RingSpec spec = default_ring(options, 3);
  spec.participants = {participant(shm::Part::Looker, 1)};
  const shm::Segment segment = shm::Ring::create("bench-lap", spec);
  start_process(options, 1, [&] {
    RingReceiver receiver(run, segment, nullptr, 1, options);
    std::uint64_t total = 0;
    for (std::size_t lap = 0; lap < kLaps; ++lap) {
      wait_for(laps->made, lap + 1);
      const long faults = page_faults();
      const std::uint64_t before = cpu_ns();
      for (std::uint32_t frame = 0; frame < spec.window; ++frame) {
        total += sum(receiver.wait(), options.size);
        receiver.release();
      }
      laps->looker_ns[lap] = cpu_ns() - before;
      laps->looker_faults = lap == 0 ? page_faults() - faults : laps->looker_faults;
      laps->looked.store(lap + 1);
    }
    volatile std::uint64_t sink = total;
    (void)sink;
  });
  pin(options, 0);
  RingSender sender(run, segment, options);
  for (std::size_t lap = 0; lap < kLaps; ++lap) {
    const long faults = page_faults();
    const std::uint64_t before = cpu_ns();
    for (std::uint32_t frame = 0; frame < spec.window; ++frame) {
      fill(sender.begin(), options.size, lap);
      sender.publish();
    }
    laps->maker_ns[lap] = cpu_ns() - before;
    laps->maker_faults = lap == 0 ? page_faults() - faults : laps->maker_faults;
    laps->made.store(lap + 1);
    wait_for(laps->looked, lap + 1);
  }
  if (!join_children()) {
    return 1;
  }
  const double frames = spec.window * 1e3;
  const auto ratio = [](std::uint64_t first, std::uint64_t later) {
    return static_cast<double>(first) / static_cast<double>(later);
  };
  std::printf(R"({"name":"%s","size":%zu,"maker_first_us":%.3f,"maker_steady_us":%.3f,)"
              R"("looker_first_us":%.3f,"looker_steady_us":%.3f,"maker_ratio":%.3f,)"
              R"("looker_ratio":%.3f,"maker_faults":%ld,"looker_faults":%ld})"
              "\n",
              options.name.c_str(),
              options.size,
              static_cast<double>(laps->maker_ns[0]) / frames,
              static_cast<double>(steady(laps->maker_ns)) / frames,
              static_cast<double>(laps->looker_ns[0]) / frames,
              static_cast<double>(steady(laps->looker_ns)) / frames,
              ratio(laps->maker_ns[0], steady(laps->maker_ns)),
              ratio(laps->looker_ns[0], steady(laps->looker_ns)),
              laps->maker_faults,
              laps->looker_faults);
  return 0;
}
