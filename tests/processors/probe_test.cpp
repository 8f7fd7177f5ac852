// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/marks/schedule.hpp>
#include <avrig/probe/av_probe.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig;

namespace {

/// A marked clip, made up: what is wrong with it is said here.
struct Clip {
  double seconds = 10.0;
  std::int64_t rate_num = 30;
  std::int64_t rate_den = 1;
  std::uint32_t sample_rate = 48000;
  std::uint32_t channels = 1;
  double sound_late_samples = 0.0;
  float noise = 0.0F;
  float hum = 0.0F;  ///< a voice-like buzz
  float beep = 0.5F;
  std::vector<std::int64_t> lost = {};
  std::string pixels = "gray";
  std::int64_t begins_ns = 0;

  [[nodiscard]] std::int64_t pictures() const {
    return static_cast<std::int64_t>(seconds * static_cast<double>(rate_num) /
                                     static_cast<double>(rate_den));
  }
  [[nodiscard]] std::int64_t picture_ns(std::int64_t n) const {
    return n * 1'000'000'000 * rate_den / rate_num;
  }
  [[nodiscard]] std::vector<std::int64_t> flashes() const {
    return marks::flash_schedule(pictures(),
                                 static_cast<double>(rate_num) / static_cast<double>(rate_den));
  }
  [[nodiscard]] std::vector<float> sound() const;
};

std::vector<float> Clip::sound() const {
  std::vector<float> out(static_cast<std::size_t>(seconds * sample_rate));
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (std::size_t n = 0; n < out.size(); ++n) {
    const double t = static_cast<double>(n) / sample_rate;
    double buzz = 0;
    for (int h = 1; h <= 12; ++h) {
      buzz += std::sin(2 * std::numbers::pi * 120 * h * t) / h;
    }
    out[n] = noise * normal(random) + hum * static_cast<float>(buzz);
  }
  for (const std::int64_t flash : flashes()) {
    const double at =
        static_cast<double>(picture_ns(flash)) * 1e-9 * sample_rate + sound_late_samples;
    const auto first = static_cast<std::size_t>(std::floor(at));
    const auto shape = marks::make_beep(sample_rate, at - std::floor(at));
    for (std::size_t k = 0; k < shape.size() && first + k < out.size(); ++k) {
      out[first + k] += beep * shape[k];
    }
  }
  return out;
}

using Sink = std::function<void(const rig::Frame&)>;

/// Gives the clip's frames in order of their times, as an offline pipeline does.
void play(const Clip& clip, std::uint32_t block, const Sink& picture, const Sink& sound) {
  const auto samples = clip.sound();
  const auto flashes = clip.flashes();
  const rig::Frame image(rig::video(clip.pixels, 320, 180));
  const marks::Canvas canvas(*image.get(), image.format());
  std::size_t at = 0;
  const auto sound_until = [&](std::int64_t ns) {
    while (at < samples.size() &&
           static_cast<std::int64_t>(at) * 1'000'000'000 / clip.sample_rate < ns) {
      const auto length =
          static_cast<std::uint32_t>(std::min<std::size_t>(block, samples.size() - at));
      rig::Frame frame(rig::audio(clip.sample_rate, clip.channels, length));
      frame->capture_ns =
          clip.begins_ns + static_cast<std::int64_t>(at) * 1'000'000'000 / clip.sample_rate;
      for (std::uint32_t c = 0; c < clip.channels; ++c) {
        std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(at), length, frame.channel(c));
      }
      sound(frame);
      at += length;
    }
  };
  for (std::int64_t n = 0; n < clip.pictures(); ++n) {
    sound_until(clip.picture_ns(n));
    if (std::ranges::count(clip.lost, n) != 0) {
      continue;
    }
    canvas.fill_level({0, 0, 320, 180}, 90);
    const bool lit = std::ranges::any_of(flashes, [n](auto f) { return n >= f && n < f + 3; });
    canvas.fill(marks::flash_patch(320, 180), lit);
    marks::draw_mark(canvas, {16, 16}, static_cast<std::uint16_t>(n), clip.picture_ns(n));
    rig::Frame frame(image);
    frame->capture_ns = clip.begins_ns + clip.picture_ns(n);
    frame->index = n;
    picture(frame);
  }
  sound_until(clip.picture_ns(clip.pictures() + 1));
}

probe::Summary measure(const Clip& clip, std::uint32_t block = 1024) {
  probe::AvProbe sut;
  play(
      clip,
      block,
      [&](const rig::Frame& frame) { sut.add_picture(*frame.get(), frame.format()); },
      [&](const rig::Frame& frame) { sut.add_sound(*frame.get(), frame.format()); });
  sut.finish();
  return sut.summary();
}

void check_offset(const probe::Summary& seen, double ms, double within) {
  CHECK(std::abs(seen.offset_mean_ms - ms) <= within);
  CHECK(std::abs(seen.offset_min_ms - ms) <= within);
  CHECK(std::abs(seen.offset_max_ms - ms) <= within);
}

}  // namespace

TEST_CASE("flashes are 0.7 to 1.3 s apart, irregular, and the same each time") {
  const auto frames = marks::flash_schedule(300, 30.0);
  CHECK(frames.size() >= 8);
  CHECK(frames.front() == 15);
  CHECK(frames.back() <= 285);
  for (std::size_t i = 1; i < frames.size(); ++i) {
    CHECK(frames[i] - frames[i - 1] >= 21);
    CHECK(frames[i] - frames[i - 1] <= 39);
  }
  CHECK(frames == marks::flash_schedule(300, 30.0));
  CHECK(marks::flash_schedule(10, 30.0).empty());
}

TEST_CASE("a faultless clip has an offset of zero and every picture once") {
  const probe::Summary seen = measure({});
  CHECK(seen.numbers.read == 300);
  CHECK(seen.numbers.missing + seen.numbers.duplicate + seen.numbers.out_of_order == 0);
  CHECK(seen.numbers.unreadable == 0);
  CHECK(seen.pairs == Clip{}.flashes().size());
  CHECK(seen.lonely_beeps + seen.lonely_flashes == 0);
  check_offset(seen, 0.0, 0.0005);
}

TEST_CASE("sound 10 ms late and 7.5 ms early is measured as that") {
  check_offset(measure({.sound_late_samples = 480}), 10.0, 0.0005);
  check_offset(measure({.sound_late_samples = -360}), -7.5, 0.0005);
}

TEST_CASE("one lost picture is one missing number, and a lost flash moves to the next picture") {
  const Clip whole;
  const auto flashes = whole.flashes();
  Clip clip;
  clip.lost = {flashes[2] + 7};
  probe::Summary seen = measure(clip);
  CHECK(seen.numbers.missing == 1);
  CHECK(seen.numbers.read == 299);
  check_offset(seen, 0.0, 0.0005);

  clip.lost = {flashes[2]};
  seen = measure(clip);
  CHECK(seen.numbers.missing == 1);
  CHECK(seen.pairs == flashes.size());
  CHECK(std::abs(seen.offset_min_ms + 1000.0 / 30) < 0.001);
}

TEST_CASE("places between samples, odd rates and block lengths are told to a microsecond or two") {
  for (const double late : {0.25, 0.5, -0.4}) {
    CAPTURE(late);
    check_offset(measure({.sound_late_samples = late}, 333), late / 48.0, 0.002);
  }
  check_offset(measure({.rate_num = 30000, .rate_den = 1001}), 0.0, 0.002);
  check_offset(measure({.sample_rate = 44100, .channels = 2}, 64), 0.0, 0.002);
  check_offset(measure({.sample_rate = 16000}, 5000), 0.0, 0.01);
}

TEST_CASE("voice and noise do not hide beeps nor make new ones") {
  const probe::Summary seen = measure({.sound_late_samples = 480, .noise = 0.01F, .hum = 0.05F});
  CHECK(seen.pairs == Clip{}.flashes().size());
  CHECK(seen.lonely_beeps == 0);
  check_offset(seen, 10.0, 0.01);
  CHECK(measure({.noise = 0.1F, .hum = 0.2F, .beep = 0.0F}).beeps == 0);
}

TEST_CASE("a clip without sound has lonely flashes, one with black pictures lonely beeps") {
  probe::AvProbe sut;
  play(
      {},
      1024,
      [&](const rig::Frame& frame) { sut.add_picture(*frame.get(), frame.format()); },
      [](const rig::Frame&) {});
  sut.finish();
  CHECK(sut.summary().lonely_flashes == Clip{}.flashes().size());
  CHECK(sut.summary().pairs == 0);
}

TEST_CASE("numbers: duplicates, jumps back and the wrap at 65536 are told apart") {
  probe::NumberCheck sut;
  for (const int n : {65534, 65535, 0, 1, 1, 2, 5, 4, 6}) {
    sut.add(static_cast<std::uint16_t>(n));
  }
  CHECK(sut.counts().read == 9);
  CHECK(sut.counts().duplicate == 1);
  CHECK(sut.counts().missing == 2);
  CHECK(sut.counts().out_of_order == 1);
  sut.add(std::nullopt);
  sut.add(std::uint16_t{8});
  CHECK(sut.counts().unreadable == 1);
  CHECK(sut.counts().missing == 2);
  sut.forget();
  sut.add(std::uint16_t{100});
  CHECK(sut.counts().missing == 2);
}

TEST_CASE("as a processor probe gives a row for each pair, counters and one line") {
  const Clip clip{.sound_late_samples = 480, .lost = {100}, .pixels = "yuv420p"};
  rig::Rig sut("probe");
  CHECK(sut.traits().trigger == AVRIG_TRIGGER_ANY);
  const avrig_format sound = rig::audio(48000, 1, 1024);
  const avrig_format picture = rig::video("yuv420p", 320, 180);
  sut.open({&sound, &picture});
  CHECK(std::string(sut.output().column_names) == "time_s,offset_ms,frame");
  rig::Frames out;
  play(
      clip,
      1024,
      [&](const rig::Frame& frame) {
        CHECK(sut.process({nullptr, frame.get()}, out) >= 0);
      },
      [&](const rig::Frame& frame) {
        CHECK(sut.process({frame.get(), nullptr}, out) >= 0);
      });
  sut.drain(out);
  sut.stop();
  const auto flashes = clip.flashes();
  std::size_t row = 0;
  for (const auto& frame : out) {
    for (std::uint32_t r = 0; r < frame->get()->samples; ++r, ++row) {
      const float* const values = frame->channel(r);
      REQUIRE(row < flashes.size());
      CHECK(values[0] ==
            doctest::Approx(static_cast<double>(clip.picture_ns(flashes[row])) * 1e-9));
      CHECK(std::abs(values[1] - 10.0F) < 0.001F);
      CHECK(values[2] == static_cast<float>(flashes[row]));
    }
  }
  CHECK(row == flashes.size());
  CHECK(sut.counters["pictures-read"] == 299);
  CHECK(sut.counters["pictures-missing"] == 1);
  CHECK(sut.counters["flashes"] == flashes.size());
  REQUIRE(sut.lines.size() == 1);
  CHECK(sut.lines[0].starts_with("A/V offset mean +10.000 ms"));
}
