// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "device_rig.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace avrig;
using namespace avrig::jack::test;

namespace {

/// How many of `data` were not played as they are, from `sample` on; -9 frames were not seen.
std::int64_t wrong(DeviceRig& rig,
                   std::size_t output,
                   std::int64_t sample,
                   const std::vector<float>& data) {
  std::int64_t count = 0;
  (void)rig.played(output, sample + static_cast<std::int64_t>(data.size()));
  const std::int64_t frame = rig.base() + sample;
  for (std::size_t at = 0; at < data.size(); ++at) {
    const float played = rig.recorder.at_frame(output, frame + static_cast<std::int64_t>(at));
    count += played == data[at] ? 0 : 1;
  }
  return count;
}

bool silent(DeviceRig& rig, std::size_t output, std::int64_t sample, std::size_t length) {
  return wrong(rig, output, sample, std::vector<float>(length, 0.0F)) == 0;
}

/// Once more where the machine did not give the device its time: then samples were not played, and
/// nobody could have heard them.
template <class Attempt>
void undisturbed(const Attempt& attempt) {
  for (int again = 0; again < 10; ++again) {
    if (attempt()) {
      return;
    }
    MESSAGE("disturbed by an xrun; once more");
  }
  FAIL("ten attempts, all of them disturbed");
}

/// Is the looped ramp of that length where it should be, wherever it was recorded?
std::int64_t wrong_in_loop(const DeviceRig& rig, std::int64_t first_frame, std::int64_t length) {
  std::int64_t count = 0;
  for (std::size_t index = 0; index < rig.recorder.cycles(); ++index) {
    const Recorder::Cycle& cycle = rig.recorder.cycle(index);
    for (std::uint32_t at = 0; at < cycle.samples; ++at) {
      const std::int64_t into = cycle.frame + at - first_frame;
      const float right = into < 0 ? 0.0F : static_cast<float>(into % length + 1) / 1048576.0F;
      count += rig.recorder.row(0)[cycle.at + at] == right ? 0 : 1;
    }
  }
  return count;
}

}  // namespace

TEST_SUITE("core/jack device") {
  TEST_CASE("DS-03 device: `at` is the moment it is heard, to the sample") {
    DeviceRig rig;
    rig.set_latency(480);
    for (int turn = 0; turn < 5; ++turn) {
      undisturbed([&] {
        const std::uint64_t voice = rig.add(ramp(100));
        const double now = rig.good({{"do", "now"}}).at("now");
        const double at = now + 0.2 + 0.0137 * turn;
        rig.good({{"do", "start"}, {"voice", voice}, {"at", at}});
        const json started = rig.wait_for("started", voice);
        const std::int64_t sample = std::llround(at * 48000) - 480;
        if (started.at("late") != 0) {
          return false;
        }
        CHECK(started.at("sample") == sample);
        CHECK(started.at("error") == 0);
        CHECK(std::abs(started.at("time").get<double>() - at) <= 0.51 / 48000);
        const float first = rig.played(0, sample);
        CHECK((first == ramp(1)[0] || first == -9.0F));
        CHECK((rig.played(0, sample - 1) == 0.0F || first == -9.0F));
        return first != -9.0F;
      });
    }
  }

  TEST_CASE("DS-04 device: followers keep their offsets to a start and to an end") {
    DeviceRig rig;
    undisturbed([&] {
      const std::uint64_t a = rig.add(ramp(1000), {{"channels", {1}}});
      const std::uint64_t b = rig.add(ramp(50), {{"channels", {2}}});
      const std::uint64_t c = rig.add(ramp(70), {{"channels", {2}}});
      const std::int64_t sample = rig.soon();
      rig.good({{"do", "start"}, {"voice", a}, {"at_sample", sample}});
      rig.good({{"do", "start"}, {"voice", b}, {"with_start", a}, {"offset_samples", 777}});
      rig.good({{"do", "start"}, {"voice", c}, {"with_end", a}, {"offset_samples", -100}});
      CHECK(rig.wait_for("started", b).at("sample") == sample + 777);
      CHECK(rig.wait_for("started", c).at("sample") == sample + 900);
      const float seen = rig.played(0, sample);
      CHECK((seen == -9.0F || wrong(rig, 1, sample + 777, ramp(50)) == 0));
      CHECK((seen == -9.0F || wrong(rig, 1, sample + 900, ramp(70)) == 0));
      CHECK((seen == -9.0F || wrong(rig, 0, sample, ramp(1000)) == 0));
      return seen != -9.0F;
    });
  }

  TEST_CASE("DS-05 device: times are the cycle's time plus the latency of the ports") {
    DeviceRig rig;
    for (const std::uint32_t latency : {0U, 480U, 9600U, 1U}) {
      CAPTURE(latency);
      rig.set_latency(latency);
      const std::uint64_t voice = rig.add(ramp(100));
      const std::int64_t sample = rig.soon();
      rig.good({{"do", "start"}, {"voice", voice}, {"at_sample", sample}});
      const json started = rig.wait_for("started", voice);
      const dipstream::OutputClock clock = rig.clock();
      const std::int64_t really = started.at("sample");
      CHECK(started.at("time").get<double>() ==
            doctest::Approx(static_cast<double>(really + latency) / 48000).epsilon(1e-12));
      const double heard_ns =
          static_cast<double>(clock.time_ns) +
          static_cast<double>(really + latency - clock.sample) * clock.ns_per_sample;
      if (started.at("epoch") == clock.epoch) {
        CHECK(std::abs(started.at("mono_ns").get<double>() - heard_ns) < 2e6);
      }
      CHECK(rig.good({{"do", "info"}}).at("latency_samples") == latency);
    }
  }

  TEST_CASE("DS-06 device: a natural end comes after exactly as many samples as there are") {
    DeviceRig rig;
    for (const std::size_t length : {1U, 255U, 256U, 257U, 2567U}) {
      const std::uint64_t voice = rig.add(ramp(length));
      rig.good({{"do", "start"}, {"voice", voice}});
      const json ended = rig.wait_for("ended", voice);
      const json started = rig.wait_for("started", voice);
      CHECK(ended.at("sample").get<std::int64_t>() - started.at("sample").get<std::int64_t>() ==
            static_cast<std::int64_t>(length));
    }
  }

  TEST_CASE("DS-07 device: bit-equal on the mapped ports, exact silence on the others") {
    DeviceRig rig(8);
    const std::vector<float> left = ramp(900);
    std::vector<float> right(900);
    std::vector<float> both(1800);
    for (std::size_t at = 0; at < 900; ++at) {
      right[at] = -left[at];
      both[2 * at] = left[at];
      both[2 * at + 1] = right[at];
    }
    const std::vector<std::vector<unsigned>> mono{{1}, {2}, {1, 2}, {1, 5}};
    const std::vector<std::vector<unsigned>> stereo{{1, 5}, {5, 1}};
    const auto play = [&](const std::vector<unsigned>& ports, bool wide) {
      undisturbed([&] {
        const std::uint64_t voice =
            rig.add(wide ? both : left, {{"channels", ports}, {"data_channels", wide ? 2 : 1}});
        const std::int64_t sample = rig.soon();
        rig.good({{"do", "start"}, {"voice", voice}, {"at_sample", sample}});
        (void)rig.wait_for("ended", voice);
        std::int64_t errors = 0;
        bool seen = true;
        for (unsigned port = 1; port <= 8; ++port) {
          const auto found = std::find(ports.begin(), ports.end(), port);
          const std::vector<float>& data = wide && found != ports.begin() ? right : left;
          errors += found == ports.end() ? (silent(rig, port - 1, sample - 10, 920) ? 0 : 1)
                                         : wrong(rig, port - 1, sample, data);
          for (std::int64_t at = -10; at < 910; ++at) {
            seen = seen && rig.played(port - 1, sample + at) != -9.0F;
          }
        }
        CHECK((errors == 0 || !seen));
        return seen;
      });
    };
    for (const std::vector<unsigned>& ports : mono) {
      play(ports, false);
    }
    for (const std::vector<unsigned>& ports : stereo) {
      play(ports, true);
    }
  }

  TEST_CASE("DS-08 device: two sources on one port are their sum, the same a hundred times") {
    DeviceRig rig;
    std::vector<float> a(200);
    std::vector<float> b(200);
    std::vector<float> sum(200);
    for (std::size_t at = 0; at < 200; ++at) {
      a[at] = std::sin(static_cast<float>(at) * 0.31F) * 0.4F;
      b[at] = std::sin(static_cast<float>(at) * 0.77F) * 0.37F;
      sum[at] = a[at] + b[at];
    }
    const std::uint64_t first = rig.add(a, {{"channels", {1}}});
    const std::uint64_t second = rig.add(b, {{"channels", {1}}});
    int seen = 0;
    for (int turn = 0; turn < 200 && seen < 100; turn += 20) {
      const std::int64_t sample = rig.soon();
      for (int run = 0; run < 20; ++run) {
        for (const std::uint64_t voice : {first, second}) {
          rig.good({{"do", "start"}, {"voice", voice}, {"at_sample", sample + run * 250}});
        }
      }
      for (int run = 0; run < 20; ++run) {
        const std::int64_t begin = sample + run * 250;
        if (wrong(rig, 0, begin, sum) == 0) {
          ++seen;
          continue;
        }
        bool whole = true;
        for (std::int64_t at = 0; at < 200; ++at) {
          whole = whole && rig.played(0, begin + at) != -9.0F;
        }
        CHECK_FALSE(whole);
      }
    }
    CHECK(seen >= 100);
  }

  TEST_CASE("DS-10 device: ten seconds of a loop of any length have no seam") {
    for (const std::int64_t length : {997, 1, 7, 85}) {
      CAPTURE(length);
      DeviceRig rig(1);
      rig.recorder.freewheel(true);
      const std::uint64_t voice = rig.add(ramp(static_cast<std::size_t>(length)));
      rig.good({{"do", "start"}, {"voice", voice}, {"loop", true}});
      const std::int64_t first =
          rig.base() + rig.wait_for("started", voice)["sample"].get<std::int64_t>();
      REQUIRE(eventually([&] { return rig.recorder.samples() > 500000; }));
      rig.recorder.freewheel(false);
      CHECK(rig.recorder.skipped() == 0);
      CHECK(wrong_in_loop(rig, first, length) == 0);
    }
  }

  TEST_CASE("DS-12 device: while the driver stands still nothing is answered; then all is") {
    DeviceRig rig;
    const std::uint64_t voice = rig.add(ramp(100));
    rig.server.freeze();
    std::vector<UniqueFd> fds;
    rig.desk.hear(rig.me, json{{"do", "start"}, {"voice", voice}, {"id", "frozen"}}.dump(), fds);
    rest(0.1);
    const std::size_t before = rig.heard.size();
    rig.turn();
    // The period that ran when it froze may still answer.
    const bool answered = rig.heard.size() > before;
    rig.server.thaw();
    (void)rig.wait_for("started", voice);
    CHECK((!answered || rig.heard.size() > before));
  }

  TEST_CASE("DS-13 device: nothing is known of a voice that never started, after 100 periods") {
    DeviceRig rig;
    const std::uint64_t voice = rig.add(ramp(100));
    const std::uint64_t cycles = rig.clock().cycles;
    REQUIRE(rig.until_true([&] { return rig.clock().cycles > cycles + 100; }));
    const json status = rig.good({{"do", "voice"}, {"voice", voice}});
    CHECK(status.at("start_time").is_null());
    CHECK(status.at("end_time").is_null());
    CHECK(status.at("playback_duration").is_null());
    CHECK(status.at("is_playing") == false);
    CHECK(status.at("is_looping") == false);
    CHECK(rig.event("ended", voice).is_null());
  }

  TEST_CASE("DS-15 device: the period changes while it plays, and no sample is lost") {
    DeviceRig rig(1);
    const std::uint64_t voice = rig.add(ramp(997));
    rig.good({{"do", "start"}, {"voice", voice}, {"loop", true}});
    const std::int64_t first =
        rig.base() + rig.wait_for("started", voice)["sample"].get<std::int64_t>();
    for (const std::uint32_t period : {1024U, 64U, 512U, 256U}) {
      rig.recorder.set_period(period);
      REQUIRE(rig.until_true([&] { return rig.clock().block == period; }));
      CHECK(rig.good({{"do", "info"}}).at("current_blocksize") == period);
      CHECK(rig.client.period() == period);
      rig.run(0.1);
    }
    // Where the machine made the server skip periods, they are gaps; what was played is right.
    CHECK(wrong_in_loop(rig, first, 997) == 0);
    std::int64_t gaps = 0;
    for (const json& line : rig.heard) {
      const bool gap = line.value("event", "") == "gap" && line.at("state") == "predicted" &&
                       line.value("voice", std::uint64_t{0}) == voice;
      gaps += gap ? line.at("value").get<std::int64_t>() : 0;
    }
    CHECK(gaps <= rig.recorder.skipped());
    CHECK(!rig.event("epoch", 0).is_null());
  }

  TEST_CASE("DS-16 device: starting_idx k plays data[k:]; beyond the data is an error") {
    DeviceRig rig;
    const std::vector<float> data = ramp(600);
    for (const int k : {0, 1, 299, 599}) {
      undisturbed([&] {
        const std::uint64_t voice = rig.add(data, {{"channels", {1}}});
        const std::int64_t sample = rig.soon();
        rig.good({{"do", "start"}, {"voice", voice}, {"at_sample", sample}, {"starting_idx", k}});
        const bool seen = rig.played(0, sample) != -9.0F && rig.played(0, sample + 600) != -9.0F;
        CHECK((!seen || wrong(rig, 0, sample, {data.begin() + k, data.end()}) == 0));
        CHECK((!seen || silent(rig, 0, sample + 600 - k, 20)));
        return seen;
      });
    }
    const std::uint64_t voice = rig.add(data);
    for (const int k : {600, -1}) {
      CHECK(rig.ask({{"do", "start"}, {"voice", voice}, {"starting_idx", k}}).at("ok") == false);
    }
  }

  TEST_CASE("SX-16 device: every period carries sound, a minute long") {
    DeviceRig rig(1, {48000, 960}, 64 * 48000);
    rig.recorder.freewheel(true);
    const std::uint64_t voice = rig.add(std::vector<float>(4800, 0.25F));
    rig.good({{"do", "start"}, {"voice", voice}, {"loop", true}});
    const std::int64_t first =
        rig.base() + rig.wait_for("started", voice)["sample"].get<std::int64_t>();
    REQUIRE(eventually([&] { return rig.recorder.samples() > 60 * 48000; }));
    rig.recorder.freewheel(false);
    std::int64_t zeros = 0;
    for (std::size_t index = 0; index < rig.recorder.cycles(); ++index) {
      const Recorder::Cycle& cycle = rig.recorder.cycle(index);
      for (std::uint32_t at = 0; at < cycle.samples; ++at) {
        zeros += cycle.frame + at >= first && rig.recorder.row(0)[cycle.at + at] == 0.0F ? 1 : 0;
      }
    }
    CHECK(zeros == 0);
  }
}
