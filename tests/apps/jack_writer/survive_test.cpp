// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mortal_writer.hpp"
#include <avrig/dipstream/dipstream.hpp>

#include <cmath>
#include <mutex>
#include <random>
#include <set>

using namespace avrig;
using namespace avrig::jack_writer::test;

// A rig's writer, killed with a real server on its other side: 64 voices, and what was to come.

namespace {

constexpr std::uint32_t kVoices = 64;

/// What each voice plays, and when.
struct Part {
  std::vector<float> samples;
  std::int64_t start;
  bool loop;
  json voice;

  [[nodiscard]] float at(std::int64_t sample) const {
    const std::int64_t index = sample - start;
    const auto length = static_cast<std::int64_t>(samples.size());
    return index < 0 || (!loop && index >= length)
               ? 0.0F
               : samples[static_cast<std::size_t>(index % length)];
  }
};

std::vector<Part> make_parts(std::int64_t now) {
  std::mt19937 random(9);
  std::vector<Part> parts(kVoices);
  for (std::uint32_t number = 0; number < kVoices; ++number) {
    Part& part = parts[number];
    part.samples.resize(1000 + 331 * number % 7000);
    for (float& value : part.samples) {
      value = static_cast<float>(random() % 4000 + 1) / 1048576.0F;  // sums of 64 are exact
    }
    // A third sounds for ever; the others begin one after the other, before, in and after the hole.
    part.loop = number % 3 == 0;
    part.start = now + 24000 + (part.loop ? number * 100 : number * 3500);
  }
  return parts;
}

}  // namespace

TEST_SUITE("apps/jack_writer survival") {
  TEST_CASE("a killed writer's successor plays on, sample for sample, for those who were there") {
    const DummyServer server;
    Recorder recorder(server.name(), 2, std::size_t{1} << 22);
    const Rig rig(server.name());
    Experiment experiment(rig.socket());
    recorder.listen_to("avrig-speakers", {1, 2});  // wires made by hand
    REQUIRE(eventually([&] { return recorder.first_sound(0) >= 0; }));

    std::vector<Part> parts = make_parts(experiment.ask({{"do", "now"}}).at("rendered"));
    for (Part& part : parts) {
      part.voice =
          experiment.ask({{"do", "add"}, {"data", base64(part.samples)}, {"channels", {2}}})
              .at("voice");
    }
    const std::int64_t late = experiment.ask({{"do", "now"}}).at("rendered");
    const std::int64_t shift = late + 24000 - parts[0].start;
    for (Part& part : parts) {
      part.start += shift;
    }
    const std::int64_t first = parts[0].start;
    for (const Part& part : parts) {
      (void)experiment.ask({{"do", "start"},
                            {"voice", part.voice},
                            {"at_sample", part.start},
                            {"loop", part.loop},
                            {"late", "skip"}});
    }
    REQUIRE(experiment.hear_until([&] {
      return recorder.first_sound(1) >= 0 && recorder.samples() > 0 &&
             experiment.events.size() > 30;
    }));
    const std::int64_t zero = recorder.first_sound(1) - first;  // frame of the mixer's sample 0
    rig.kill_writer();

    // The next request comes back by itself; it is a new start of a voice from before.
    const json again = experiment.ask({{"do", "voice"}, {"voice", parts[0].voice}});
    CHECK(again.at("is_playing") == true);
    // Until all have begun, and long enough behind the hole, however long a busy machine made that.
    std::int64_t end = first + static_cast<std::int64_t>(kVoices) * 3500;
    REQUIRE(experiment.hear_until([&] {
      for (const json& event : experiment.events) {
        if (event.at("event") == "gap" && !event.contains("voice")) {
          end = std::max(end, event.at("to").get<std::int64_t>() + 96000);
        }
      }
      return experiment.ask({{"do", "now"}}).at("rendered") > end + 12000;
    }));
    CHECK(experiment.ask({{"do", "start"}, {"voice", parts[1].voice}}).at("play") == 2);

    // The stream's own gaps, each told once; the first after the death is the writer's.
    std::vector<std::pair<std::int64_t, std::int64_t>> gaps;
    for (const json& event : experiment.events) {
      if (event.at("event") == "gap" && !event.contains("voice") &&
          event.at("state") == "predicted") {
        gaps.emplace_back(event.at("from"), event.at("to"));
        CHECK(event.at("samples") == gaps.back().second - gaps.back().first);
      }
    }
    REQUIRE(!gaps.empty());
    const auto in_gap = [&](std::int64_t sample) {
      for (const auto& [from, to] : gaps) {
        if (sample >= from && sample < to) {
          return true;
        }
      }
      return false;
    };
    std::int64_t wrong = 0;
    std::int64_t heard_in_gap = 0;
    std::int64_t compared = 0;
    // Which sample of the clip it is can be heard from each of them.
    const std::int64_t seen_frame = recorder.first_sound(0);
    const std::int64_t clip_zero =
        seen_frame + 1 - std::lround(recorder.at_frame(0, seen_frame) * 32768.0F) - 20000;
    std::int64_t clip_wrong = 0;
    for (std::int64_t sample = first; sample < end; ++sample) {
      const float heard = recorder.at_frame(1, sample + zero);
      if (heard == -9.0F) {
        continue;  // the recorder itself was passed over
      }
      float wanted = 0;
      for (const Part& part : parts) {
        wanted += part.at(sample);
      }
      const float clip = recorder.at_frame(0, sample + zero);
      if (in_gap(sample)) {
        heard_in_gap += heard != 0.0F || clip != 0.0F ? 1 : 0;
        continue;
      }
      ++compared;
      wrong += heard != wanted ? 1 : 0;
      // The pipeline's sound comes out of a ring: in place, or not there yet.
      clip_wrong += clip != 0.0F && clip != clip_at(sample + zero - clip_zero) ? 1 : 0;
    }
    const std::string told = std::to_string(gaps[0].second - gaps[0].first) + " samples of gap, " +
                             std::to_string(gaps.size()) + " gaps, " + std::to_string(compared) +
                             " samples compared";
    MESSAGE(told);
    CHECK(wrong == 0);
    CHECK(clip_wrong == 0);
    CHECK(heard_in_gap == 0);
    CHECK(compared > 100000);
    // No event twice: each start of each voice was told once.
    std::set<std::pair<std::uint64_t, int>> started;
    for (const json& event : experiment.events) {
      if (event.at("event") == "started" && event.at("state") == "predicted") {
        const auto which =
            std::make_pair(event.at("voice").get<std::uint64_t>(), event.at("play").get<int>());
        CHECK(started.insert(which).second);
      }
    }
    CHECK(started.size() >= kVoices);
  }

  TEST_CASE("an experiment in C++ keeps its sources and its requests through the writer's death") {
    const DummyServer server;
    const Rig rig(server.name());
    const std::string socket = rig.socket();
    std::optional<dipstream::DipStream> stream;
    REQUIRE(eventually([&] {
      try {
        stream.emplace(dipstream::DipStreamOptions{.attach = socket});
        return true;
      } catch (const dipstream::StreamError&) {
        return false;
      }
    }));
    std::mutex mutex;
    std::vector<dipstream::Event> events;
    stream->subscribe(
        [&](const dipstream::Event& event) {
          const std::lock_guard<std::mutex> lock(mutex);
          events.push_back(event);
        },
        true);
    const std::vector<float> tone(48000, 0.125F);
    dipstream::Source hum = stream->add(48000, tone, {1});
    dipstream::Source beep = stream->add(48000, tone, {2});
    hum.start({.loop = true});
    const double begun = hum.start_time().value();
    const double due = stream->now() + 2.0;
    beep.start({.at = due, .wait = false});
    rig.kill_writer();

    // Said while nobody is there, or said to the successor: which of them is the clock's affair.
    dipstream::Source click = stream->add(48000, tone, {2}, {.name = "click"});
    CHECK(hum.is_playing());
    CHECK(hum.start_time() == begun);
    REQUIRE(eventually([&] { return beep.end_time().has_value(); }));
    // On the sample next to the one it was asked for, or with the first one behind the hole.
    double expected = due;
    {
      const std::lock_guard<std::mutex> lock(mutex);
      for (const dipstream::Event& event : events) {
        if (event.kind == "gap" && event.voice == 0) {
          expected = std::max(due, event.time + static_cast<double>(event.value) / 48000);
        }
      }
    }
    CHECK(std::abs(beep.start_time().value() - expected) < 0.51 / 48000);
    CHECK(beep.playback_duration().value() == doctest::Approx(1.0).epsilon(1e-12));
    click.start({.timeout = 5.0, .wait = false});
    hum.stop({.timeout = 5.0});
    CHECK_FALSE(hum.is_playing());
    click.stop({.timeout = 5.0});
    const std::lock_guard<std::mutex> lock(mutex);
    std::set<std::pair<std::uint64_t, std::uint32_t>> started;
    for (const dipstream::Event& event : events) {
      if (event.kind == "started" && event.state == "predicted") {
        CHECK(started.emplace(event.voice, event.play).second);
      }
    }
    CHECK(started.size() >= 3);  // the pipeline's own sound may be among them
  }
}
