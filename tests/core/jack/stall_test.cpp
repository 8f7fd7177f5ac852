// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "device_rig.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace avrig;
using namespace avrig::jack::test;

namespace {

/// What the client's clock said in each cycle, and when the cycle really woke us. On demand it
/// holds up the whole client, as a process that gets no processor does.
class Watch final : public clock::OutputRenderer {
 public:
  struct Cycle {
    clock::OutputCycle told;
    std::int64_t woken_ns;
    std::uint32_t samples;
  };

  explicit Watch(clock::OutputRenderer& inner) : inner_(&inner), cycles_(1U << 16) {}

  void render(const clock::OutputCycle& cycle,
              std::uint32_t samples,
              float* const* outputs) noexcept override {
    const std::size_t used = used_.load(std::memory_order_relaxed);
    if (used < cycles_.size()) {
      cycles_[used] = {cycle, monotonic_ns(), samples};
      used_.store(used + 1, std::memory_order_release);
    }
    inner_->render(cycle, samples, outputs);
    if (const std::int64_t hold_ns = hold_ns_.exchange(0); hold_ns > 0) {
      const timespec pause = to_timespec(hold_ns);
      ::nanosleep(&pause, nullptr);
    }
  }

  void hold_up(std::int64_t ns) { hold_ns_.store(ns); }
  [[nodiscard]] std::size_t cycles() const { return used_.load(std::memory_order_acquire); }
  [[nodiscard]] const Cycle& cycle(std::size_t index) const { return cycles_[index]; }

 private:
  clock::OutputRenderer* inner_;
  std::vector<Cycle> cycles_;
  std::atomic<std::size_t> used_{0};
  std::atomic<std::int64_t> hold_ns_{0};
};

constexpr double kNsPerSample = 1e9 / 48000;

/// The line through the wake-ups of the ten cycles from `first` on, at `first`: their median, for a
/// wake-up can be late by anything.
double wake_up_line_ns(const Watch& watch, std::size_t first) {
  std::vector<double> at_first;
  const auto origin = watch.cycle(first);
  for (std::size_t index = first; index < first + 10; ++index) {
    const Watch::Cycle& cycle = watch.cycle(index);
    at_first.push_back(static_cast<double>(cycle.woken_ns - origin.woken_ns) -
                       static_cast<double>(cycle.told.frame - origin.told.frame) * kNsPerSample);
  }
  std::sort(at_first.begin(), at_first.end());
  return (at_first[4] + at_first[5]) / 2;
}

/// How far the clock was from that line at `index`, in ns.
double clock_error_ns(const Watch& watch, std::size_t index) {
  const Watch::Cycle& cycle = watch.cycle(index);
  return static_cast<double>(cycle.told.time_ns - cycle.woken_ns) - wake_up_line_ns(watch, index);
}

/// Did those cycles come one after the other, each in its time?
bool undisturbed(const Watch& watch, std::size_t first, std::size_t count) {
  for (std::size_t index = first + 1; index < first + count; ++index) {
    const Watch::Cycle& before = watch.cycle(index - 1);
    const Watch::Cycle& here = watch.cycle(index);
    const double period_ns = before.samples * kNsPerSample;
    const double took_ns = static_cast<double>(here.woken_ns - before.woken_ns);
    if (here.told.epoch != before.told.epoch || std::abs(took_ns - period_ns) > 400'000) {
      return false;
    }
  }
  return true;
}

/// The first cycle of the break that an order caused.
std::size_t first_after_break(const Watch& watch, std::size_t from, std::int64_t ns) {
  for (std::size_t index = from + 1; index < watch.cycles(); ++index) {
    if (watch.cycle(index).woken_ns - watch.cycle(index - 1).woken_ns > ns) {
      return index;
    }
  }
  return 0;
}

}  // namespace

TEST_SUITE("core/jack stalls") {
  TEST_CASE("a driver that stood still for 100 ms: times are right three cycles later") {
    int good = 0;
    int seen = 0;
    double worst_ns = 0;
    for (int attempt = 0; attempt < 20 && good < 3; ++attempt) {
      DeviceRig rig;
      Watch watch(rig.host);
      rig.client.play(watch);
      rig.run(0.7);
      const std::size_t from = watch.cycles();
      rig.server.freeze();
      rest(0.1);
      rig.server.thaw();
      rig.run(0.25);
      const std::size_t broke = first_after_break(watch, from - 1, 80'000'000);
      rig.client.play(rig.host);
      rig.run(0.02);
      if (broke == 0 || broke + 20 > watch.cycles() || !undisturbed(watch, broke + 1, 14)) {
        continue;
      }
      ++seen;
      // The frames did not count while the driver stood still, and an epoch says so.
      CHECK(watch.cycle(broke).told.frame - watch.cycle(broke - 1).told.frame <= 1024);
      CHECK(watch.cycle(broke).told.epoch > watch.cycle(broke - 1).told.epoch);
      const double signed_ns = clock_error_ns(watch, broke + 3);
      const double error_ns = std::abs(signed_ns);
      std::printf("three cycles after the stall: %+.1f us from the line\n", signed_ns / 1000);
      worst_ns = std::max(worst_ns, error_ns);
      good += error_ns < 100'000 ? 1 : 0;
    }
    // The line is drawn through wake-ups, and a busy machine makes ten of them late together: most
    // attempts must be right, not each. A clock that is wrong is so every time.
    CHECK(good >= 3);
    CHECK(2 * good > seen);
    CHECK(worst_ns < 1'000'000);
  }

  TEST_CASE("a driver that stood still: what was on its way is suspect, what comes is confirmed") {
    DeviceRig rig;
    rig.set_latency(24000);
    const std::uint64_t before = rig.add(ramp(50));
    const std::uint64_t after = rig.add(ramp(50));
    rig.good({{"do", "start"}, {"voice", before}});
    (void)rig.wait_for("started", before);
    rig.server.freeze();
    rest(0.15);
    rig.turn();
    CHECK(rig.event("started", before, "confirmed").is_null());
    rig.server.thaw();
    const json suspect = rig.wait_for("started", before, "suspect");
    // Its time lies before the stall: it is that of the clock of its own epoch.
    const std::int64_t first_told = rig.event("started", before).at("mono_ns");
    CHECK(std::abs(suspect.at("mono_ns").get<std::int64_t>() - first_told) < 20'000'000);
    for (int again = 0; again < 20; ++again) {
      rig.heard.clear();
      rig.good({{"do", "start"}, {"voice", after}});
      const json started = rig.wait_for("started", after);
      if (rig.until_true([&] {
            return !rig.event("started", after, "confirmed").is_null() ||
                   !rig.event("started", after, "suspect").is_null();
          }) &&
          !rig.event("started", after, "confirmed").is_null()) {
        return;
      }
    }
    FAIL("twenty starts, each of them disturbed by an xrun");
  }

  TEST_CASE("a client that was held up for 40 ms keeps the timeline; the gap is what was missed") {
    DeviceRig rig(1);
    Watch watch(rig.host);
    rig.client.play(watch);
    const std::uint64_t voice = rig.add(ramp(48017));
    rig.good({{"do", "start"}, {"voice", voice}, {"loop", true}});
    const std::int64_t base = rig.base();
    const std::int64_t first =
        base + rig.wait_for("started", voice).at("sample").get<std::int64_t>();
    for (int turn = 0; turn < 3; ++turn) {
      rig.run(0.1);
      watch.hold_up(40'000'000);
      rig.run(0.1);
    }
    rig.client.play(rig.host);
    rig.run(0.05);
    std::int64_t missed = 0;
    for (std::size_t index = 1; index < watch.cycles(); ++index) {
      const Watch::Cycle& last = watch.cycle(index - 1);
      missed += watch.cycle(index).told.frame - last.told.frame - last.samples;
    }
    std::int64_t gaps = 0;
    // What a busy machine misses after the last watched cycle is not among those counted above.
    const Watch::Cycle& last_watched = watch.cycle(watch.cycles() - 1);
    for (const json& line : rig.heard) {
      if (line.value("event", "") == "gap" && line.at("state") == "predicted" &&
          base + line.at("sample").get<std::int64_t>() < last_watched.told.frame) {
        const bool of_voice = line.value("voice", std::uint64_t{0}) == voice;
        gaps += of_voice ? line.at("value").get<std::int64_t>() : 0;
      }
    }
    std::printf("missed %lld samples\n", static_cast<long long>(missed));
    CHECK(missed >= 3 * 1024);
    CHECK(gaps == missed);
    CHECK(rig.base() == base);  // the timeline stands
    std::int64_t wrong = 0;
    for (std::size_t index = 0; index < rig.recorder.cycles(); ++index) {
      const Recorder::Cycle& cycle = rig.recorder.cycle(index);
      for (std::uint32_t at = 0; at < cycle.samples; ++at) {
        const std::int64_t into = cycle.frame + at - first;
        const float played = rig.recorder.row(0)[cycle.at + at];
        const float right = into < 0 ? 0.0F : static_cast<float>(into % 48017 + 1) / 1048576.0F;
        // A server that does not wait plays what lies in our buffers, or nothing.
        wrong += played == right ? 0 : 1;
      }
    }
    const std::int64_t at_stake = missed + 3 * 256;
    CHECK(wrong <= at_stake);
  }

  TEST_CASE("freewheel: samples go on, an epoch each way, and nothing in it counts as heard") {
    DeviceRig rig;
    const std::uint64_t voice = rig.add(ramp(997), {{"channels", {1}}});
    const std::uint64_t late = rig.add(ramp(10), {{"channels", {2}}});
    rig.good({{"do", "start"}, {"voice", voice}, {"loop", true}});
    const std::int64_t first =
        rig.base() + rig.wait_for("started", voice).at("sample").get<std::int64_t>();
    const std::uint64_t epoch = rig.clock().epoch;
    rig.recorder.freewheel(true);
    REQUIRE(rig.until_true([&] { return rig.clock().freewheel; }));
    CHECK(rig.clock().epoch > epoch);
    rig.good({{"do", "start"}, {"voice", late}});
    CHECK(rig.wait_for("started", late, "suspect").at("sample") > 0);
    CHECK(rig.event("started", late, "confirmed").is_null());
    const std::uint64_t inside = rig.clock().epoch;
    rig.run(0.1);
    CHECK(rig.clock().epoch == inside);
    rig.recorder.freewheel(false);
    REQUIRE(rig.until_true([&] { return !rig.clock().freewheel; }));
    CHECK(rig.clock().epoch > inside);
    rig.run(0.1);
    std::int64_t wrong = 0;
    for (std::size_t index = 0; index < rig.recorder.cycles(); ++index) {
      const Recorder::Cycle& cycle = rig.recorder.cycle(index);
      for (std::uint32_t at = 0; at < cycle.samples; ++at) {
        const std::int64_t into = cycle.frame + at - first;
        const float right = into < 0 ? 0.0F : static_cast<float>(into % 997 + 1) / 1048576.0F;
        wrong += rig.recorder.row(0)[cycle.at + at] == right ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  }
}
