// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../mixer/random_schedule.hpp"
#include "jack_rig.hpp"
#include <avrig/dipstream/mixer_host.hpp>
#include <avrig/jack/output_client.hpp>
#include <avrig/mixer/commands.hpp>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::jack::test;
using namespace avrig::mixer;
using namespace avrig::mixer::test;

namespace {

constexpr std::uint32_t kSchedulesAtOnce = 500;

// What is due at the beginning of a cycle: samples that are lost, or a batch.
struct Step {
  std::int64_t sample;
  std::int64_t lost;
  std::vector<Command> batch;
};

/// Commands reach a device between two cycles: everything in a schedule to the next such place.
/// What is lost there is lost before commands are taken.
void move_to_cycles(Schedule& schedule, std::int64_t begin, std::int64_t period) {
  struct Moved {
    std::int64_t heard;
    Given given;
  };
  std::vector<Moved> all;
  std::int64_t lost = 0;
  for (Given& given : schedule.given) {
    const std::int64_t heard = given.sample - begin - lost;
    lost += given.lost;
    all.push_back({(heard + period - 1) / period * period, std::move(given)});
  }
  std::stable_sort(all.begin(), all.end(), [](const Moved& a, const Moved& b) {
    return a.heard != b.heard ? a.heard < b.heard : a.given.lost > b.given.lost;
  });
  schedule.given.clear();
  lost = 0;
  for (Moved& moved : all) {
    moved.given.sample = begin + moved.heard + lost;
    lost += moved.given.lost;
    schedule.given.push_back(std::move(moved.given));
  }
}

/// Plays steps to a mixer host, each at its very cycle, once the graph runs freely.
class Script final : public clock::OutputRenderer {
 public:
  Script(dipstream::MixerHost& host, std::vector<Step> steps, std::int64_t end)
      : host_(&host), steps_(std::move(steps)), end_(end) {}

  void render(const clock::OutputCycle& cycle,
              std::uint32_t samples,
              float* const* outputs) noexcept override {
    const std::int64_t position = host_->engine().position();
    if (!cycle.freewheel || position >= end_) {
      for (unsigned output = 0; output < kScheduleOutputs; ++output) {
        std::fill_n(outputs[output], samples, 0.0F);
      }
      done_.store(position >= end_, std::memory_order_release);
      return;
    }
    if (!begun_) {
      begun_ = true;
      first_frame_ = cycle.frame;
    }
    std::int64_t now = position;
    while (next_ < steps_.size() && steps_[next_].sample <= now) {
      const Step& step = steps_[next_++];
      lost_ += step.lost;
      now += step.lost;
      good_ = good_ && (step.batch.empty() || host_->send(step.batch));
    }
    clock::OutputCycle seen = cycle;
    seen.frame += lost_;
    host_->render(seen, samples, outputs);
  }

  [[nodiscard]] bool done() const { return done_.load(std::memory_order_acquire); }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::int64_t first_frame() const { return first_frame_; }

 private:
  dipstream::MixerHost* host_;
  std::vector<Step> steps_;
  std::int64_t end_;
  std::size_t next_ = 0;
  std::int64_t lost_ = 0;
  bool begun_ = false;
  bool good_ = true;
  std::int64_t first_frame_ = 0;
  std::atomic<bool> done_{false};
};

/// One schedule of those that are played in one go.
struct Item {
  Schedule schedule;
  std::int64_t begin;
  std::int64_t end;
  std::int64_t heard;  // samples, from the first one heard of all
};

class Series {
 public:
  Series(std::uint64_t seed, std::uint32_t count, std::uint32_t period)
      : maker_(seed, period > 512 ? 4 : 1), host_(config(count), 0) {
    const std::int64_t length = kScheduleLength * (period > 512 ? 4 : 1);
    const std::int64_t cycles = (length + period - 1) / period + 1;
    std::int64_t begin = 0;
    for (std::uint32_t n = 1; n <= count; ++n) {
      Item item{maker_.make(begin, n), begin, 0, heard_};
      move_to_cycles(item.schedule, begin, period);
      std::int64_t lost = 0;
      for (const Given& given : item.schedule.given) {
        lost += given.lost;
      }
      heard_ += cycles * period;
      item.end = begin + cycles * period + lost;
      begin = item.end;
      items_.push_back(std::move(item));
      write_down(items_.back(), n);
    }
  }

  /// Through a server, in freewheel.
  void play(const std::string& server) {
    Script script(host_, std::move(steps_), items_.back().end);
    Recorder recorder(server, kScheduleOutputs, static_cast<std::size_t>(heard_) + (1U << 20));
    jack::OutputClient client({server, "mixer", kScheduleOutputs, "none"});
    client.play(script);
    client.activate(0);
    recorder.listen_to("mixer", {1, 2, 3});
    recorder.clear();
    recorder.freewheel(true);
    REQUIRE(eventually(
        [&] {
          take_events();
          return script.done();
        },
        120'000'000'000));
    recorder.freewheel(false);
    take_events();
    CHECK(script.good());
    CHECK(host_.engine().events_lost() == 0);
    CHECK(recorder.skipped() == 0);
    compare(recorder, script.first_frame());
  }

  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  static EngineConfig config(std::uint32_t count) {
    EngineConfig made;
    made.outputs = kScheduleOutputs;
    made.buses = 1;
    made.voices = 64;
    made.actions = 512;
    made.sources = 8 * count;
    made.event_capacity = 1U << 18;
    return made;
  }

  void write_down(const Item& item, std::uint32_t generation) {
    const std::uint32_t first_source = sources_;
    for (const Oracle::Source& source : item.schedule.sources) {
      SampleView view;
      view.data = source.data.data();
      view.length = static_cast<std::int64_t>(source.data.size());
      view.channels = 1;
      host_.engine().set_samples(sources_++, view);
    }
    for (const Command& command : voices_of(item.schedule, generation, first_source)) {
      steps_.push_back({item.begin, 0, {command}});
    }
    for (const Given& given : item.schedule.given) {
      steps_.push_back(
          {given.sample, given.lost, given.lost > 0 ? std::vector<Command>() : given.batch});
      if (!steps_.back().batch.empty()) {
        steps_.back().batch[0].batch = static_cast<std::uint16_t>(given.batch.size());
      }
    }
    for (std::uint32_t v = 0; v < item.schedule.sources.size(); ++v) {
      steps_.push_back({item.end, 0, {remove_voice(make_voice(v, generation), kCommandForce)}});
    }
  }

  void take_events() {
    Event event;
    while (host_.engine().next_event(event)) {
      const auto n = std::size_t{generation_of(event.voice)};
      if (is_compared(event.kind) && n >= 1 && n <= items_.size() &&
          event.sample < items_[n - 1].end) {
        seen_[n].push_back(happening(event));
      }
    }
  }

  void compare(const Recorder& recorder, std::int64_t first_frame) {
    std::int64_t wrong_samples = 0;
    for (std::size_t n = 1; n <= items_.size(); ++n) {
      const Item& item = items_[n - 1];
      Outcome right = expect(item.schedule, item.begin, item.end - item.begin);
      sort(right.happenings);
      count(tally_, right);
      std::vector<Oracle::Happening>& seen = seen_[n];
      sort(seen);
      if (seen != right.happenings) {
        print(item.schedule);
        print("oracle", right.happenings);
        print("device", seen);
      }
      REQUIRE(seen == right.happenings);
      const std::int64_t frame = first_frame + item.heard;
      for (unsigned output = 0; output < kScheduleOutputs; ++output) {
        const std::vector<float>& row = right.out[output];
        for (std::size_t at = 0; at < row.size(); ++at) {
          const float played = recorder.at_frame(output, frame + static_cast<std::int64_t>(at));
          const bool same =
              std::bit_cast<std::uint32_t>(played) == std::bit_cast<std::uint32_t>(row[at]);
          wrong_samples += same ? 0 : 1;
        }
      }
    }
    CHECK(wrong_samples == 0);
  }

  ScheduleMaker maker_;
  dipstream::MixerHost host_;
  std::deque<Item> items_;
  std::vector<Step> steps_;
  std::map<std::size_t, std::vector<Oracle::Happening>> seen_;
  std::uint32_t sources_ = 1;
  std::int64_t heard_ = 0;
  Tally tally_;
};

void play_schedules(std::uint32_t period) {
  const std::uint64_t seed = from_environment("AVRIG_SEED", 20261120);
  const std::uint64_t schedules = from_environment("AVRIG_SCHEDULES", 2000);
  Tally tally;
  for (std::uint64_t done = 0; done < schedules; done += kSchedulesAtOnce) {
    const DummyServer server({48000, period});
    const auto some =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(kSchedulesAtOnce, schedules - done));
    Series series(seed + done + period, some, period);
    series.play(server.name());
    for (std::size_t kind = 0; kind < tally.kinds.size(); ++kind) {
      tally.kinds[kind] += series.tally().kinds[kind];
    }
    tally.late += series.tally().late;
    tally.refused += series.tally().refused;
  }
  CHECK(is_rich(tally, schedules));
}

}  // namespace

TEST_SUITE("core/jack schedules") {
  TEST_CASE("random schedules through a server in freewheel are the oracle's, at periods of 64") {
    play_schedules(64);
  }
  TEST_CASE("random schedules through a server in freewheel are the oracle's, at periods of 256") {
    play_schedules(256);
  }
  TEST_CASE("random schedules through a server in freewheel are the oracle's, at periods of 1024") {
    play_schedules(1024);
  }
}
