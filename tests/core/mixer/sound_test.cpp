// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/mixer/spatial.hpp>
#include <avrig/mixer/stream.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

namespace {

constexpr double kRate = 48000.0;

std::vector<float> tone(std::size_t length, double hz, double amplitude = 0.5) {
  std::vector<float> data(length);
  for (std::size_t i = 0; i < length; ++i) {
    data[i] = static_cast<float>(
        amplitude * std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(i) / kRate));
  }
  return data;
}

// Least squares of a sine of known frequency; what is left over, in dB below the sine.
double residue_db(const std::vector<float>& x, std::size_t from, std::size_t n, double hz) {
  double ss = 0, sc = 0, cc = 0, xs = 0, xc = 0, xx = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double w = 2.0 * std::numbers::pi * hz * static_cast<double>(i) / kRate;
    const double s = std::sin(w);
    const double c = std::cos(w);
    const double v = static_cast<double>(x[from + i]);
    ss += s * s;
    sc += s * c;
    cc += c * c;
    xs += v * s;
    xc += v * c;
    xx += v * v;
  }
  const double det = ss * cc - sc * sc;
  const double a = (xs * cc - xc * sc) / det;
  const double b = (xc * ss - xs * sc) / det;
  const double fitted = a * xs + b * xc;
  return 10.0 * std::log10(std::max(1e-20, (xx - fitted) / xx));
}

double frequency(const std::vector<float>& x, std::size_t from, std::size_t to) {
  double first = -1;
  double last = -1;
  int crossings = 0;
  for (std::size_t i = from + 1; i < to; ++i) {
    if (x[i - 1] < 0.0F && x[i] >= 0.0F) {
      const double at =
          static_cast<double>(i - 1) + static_cast<double>(-x[i - 1] / (x[i] - x[i - 1]));
      first = first < 0 ? at : first;
      last = at;
      ++crossings;
    }
  }
  return kRate * (crossings - 1) / (last - first);
}

}  // namespace

TEST_SUITE("core/mixer/sound") {
  TEST_CASE("SX-06 sound: pitch moves a tone and its length, without a jump at block borders") {
    const std::vector<float> data = tone(96000, 1000.0);
    for (const double pitch : {0.1, 0.5, 0.99, 1.0, 1.01, 1.5, 2.0, 0.01}) {
      const double real = std::max(pitch, 0.1);
      for (const Quality quality : {Quality::Linear, Quality::Cubic, Quality::Sinc}) {
        CAPTURE(pitch);
        CAPTURE(static_cast<int>(quality));
        Rig rig({}, 64);
        const VoiceId a = make_voice(0, 1);
        Command add = add_voice(a, rig.lend(data), {0});
        add.as.add.pitch = pitch;
        add.as.add.quality = quality;
        REQUIRE(rig.send(add));
        REQUIRE(rig.send(start(a, at(0))));
        const auto out = rig.driver.render(static_cast<std::size_t>(96000 / real) + 100);
        CHECK(frequency(out[0], 100, 40000) == doctest::Approx(1000.0 * real).epsilon(0.0005));
        const double length = static_cast<double>(rig.event(EventKind::Ended, a).sample);
        CHECK(std::abs(length - 96000.0 / real) <= 2.0);
        const double limit = quality == Quality::Linear  ? -50.0
                             : quality == Quality::Cubic ? -65.0
                                                         : -80.0;
        CHECK(residue_db(out[0], 100, 40000, 1000.0 * real) < limit);
      }
    }
  }

  TEST_CASE("SX-06 sound: a minute at any pitch ends within two samples of n/p") {
    const std::vector<float> data(60 * 48000, 0.1F);
    for (const double pitch : {0.5, 0.944, 1.06, 1.3333333, 2.0}) {
      Rig rig({}, 4096);
      const VoiceId a = rig.voice(0, data);
      REQUIRE(rig.send(set_pitch(a, pitch)));
      REQUIRE(rig.send(start(a, at(0))));
      rig.driver.engine().fast_forward(200 * 48000);
      (void)rig.driver.render(1);
      CHECK(std::abs(static_cast<double>(rig.event(EventKind::Ended, a).sample) -
                     60.0 * 48000.0 / pitch) <= 2.0);
    }
  }

  TEST_CASE("SX-07 sound: loops are gapless at pitch 1 and keep their period at 1.333") {
    Rig rig;
    const VoiceId a = rig.voice(0, tone(480, 100.0));
    REQUIRE(rig.send(set_pitch(a, 4.0 / 3.0)));
    REQUIRE(rig.send(start(a, at(0), kLoopForever)));
    const auto out = rig.driver.render(480000);
    // Across the seam the interpolator sees what follows: the tone goes on undisturbed.
    CHECK(residue_db(out[0], 0, 480000, 100.0 * 4.0 / 3.0) < -60.0);
    const VoiceStatus status = rig.driver.engine().status(a);
    CHECK(std::abs(status.position_at(48000000) - static_cast<std::int64_t>(64000000) % 480) <= 1);
  }

  TEST_CASE("sound: pitch that comes back to 1 on a whole sample is a copy again") {
    Rig rig;
    const std::vector<float> data = tone(20000, 321.0);
    const VoiceId a = rig.voice(0, data);
    REQUIRE(rig.send(start(a, at(0))));
    REQUIRE(rig.send(set_pitch(a, 2.0, at(1000))));
    REQUIRE(rig.send(set_pitch(a, 1.0, at(2000))));
    const auto out = rig.driver.render(4000);
    CHECK(out[0][999] == data[999]);
    CHECK(out[0][1000] == data[1000]);
    CHECK(out[0][1001] == data[1002]);
    CHECK(out[0][2000] == data[3000]);
    CHECK(out[0][3500] == data[4500]);
  }

  TEST_CASE("SX-10 sound: a stream plays what it is fed, is silent when dry, and goes on") {
    StreamBuffer buffer(2, 24000, SampleFormat::S16);
    StreamFeeder feeder(buffer.view());
    Rig rig(Rig::outputs(2), 480);
    rig.driver.engine().set_stream(3, buffer.view());
    const VoiceId a = make_voice(0, 1);
    REQUIRE(rig.send(add_voice(a, 3, {0, 1}, SourceKind::Stream)));
    REQUIRE(rig.send(start(a, at(0))));
    std::vector<std::int16_t> chunk(2 * 600);
    std::int16_t counter = 0;
    const auto feed = [&] {
      for (std::size_t i = 0; i < 600; ++i) {
        ++counter;
        chunk[2 * i] = counter;
        chunk[2 * i + 1] = static_cast<std::int16_t>(-counter);
      }
      return feeder.feed(std::span<const std::int16_t>(chunk));
    };
    int heard = 0;
    for (int period = 0; period < 20; ++period) {
      REQUIRE(feed().status == FeedStatus::Done);
      const auto out = rig.driver.render(480);
      for (std::size_t i = 0; i < 480; ++i) {
        ++heard;
        REQUIRE(out[0][i] == static_cast<float>(heard) / 32768.0F);
        REQUIRE(out[1][i] == static_cast<float>(-heard) / 32768.0F);
      }
    }
    auto out = rig.driver.render(24000);
    CHECK(out[0][2399] == static_cast<float>(12000) / 32768.0F);
    CHECK(out[0][2400] == 0.0F);
    CHECK(rig.event(EventKind::Underrun, a).sample == 20 * 480 + 2400);
    CHECK(rig.driver.engine().status(a).underrun == 24000 - 2400);
    REQUIRE(feed().status == FeedStatus::Done);
    out = rig.driver.render(480);
    CHECK(out[0][0] == static_cast<float>(12001) / 32768.0F);
    CHECK(rig.driver.engine().status(a).position_at(rig.driver.now()) == 12480);
    feeder.close();
    out = rig.driver.render(480);
    CHECK(out[0][119] != 0.0F);
    CHECK(rig.event(EventKind::Ended, a).sample == rig.driver.now() - 480 + 120);
  }

  TEST_CASE("SX-10 sound: a full stream would block, and odd chunks keep the channels apart") {
    StreamBuffer buffer(2, 64, SampleFormat::S16);
    StreamFeeder feeder(buffer.view());
    std::vector<std::int16_t> pcm(2 * 100);
    const FeedResult result = feeder.feed(std::span<const std::int16_t>(pcm));
    CHECK(result.status == FeedStatus::WouldBlock);
    CHECK(result.taken == 64);
    CHECK(feeder.space() == 0);

    StreamBuffer second(2, 256, SampleFormat::S16);
    StreamFeeder odd(second.view());
    for (std::size_t i = 0; i < 200; ++i) {
      pcm[i] = static_cast<std::int16_t>(i % 2 == 0 ? 100 : -100);
    }
    const auto bytes = std::as_bytes(std::span<const std::int16_t>(pcm));
    for (std::size_t at = 0, size = 1; at < bytes.size(); at += size, size = size % 7 + 1) {
      size = std::min(size, bytes.size() - at);
      REQUIRE(odd.feed_bytes(bytes.subspan(at, size)).status == FeedStatus::Done);
    }
    CHECK(odd.level() == 100);
    Rig rig(Rig::outputs(2));
    rig.driver.engine().set_stream(0, second.view());
    REQUIRE(rig.send(add_voice(make_voice(0, 1), 0, {0, 1}, SourceKind::Stream)));
    REQUIRE(rig.send(start(make_voice(0, 1))));
    const auto out = rig.driver.render(100);
    for (std::size_t i = 0; i < 100; ++i) {
      REQUIRE(out[0][i] == 100.0F / 32768.0F);
      REQUIRE(out[1][i] == -100.0F / 32768.0F);
    }
  }

  TEST_CASE("sound: a stream plays at another pitch, whatever the block, and NaN is silence") {
    std::vector<float> first;
    for (const std::size_t block : {std::size_t{32}, std::size_t{333}, std::size_t{1024}}) {
      StreamBuffer buffer(1, 8192, SampleFormat::F32);
      StreamFeeder feeder(buffer.view());
      std::vector<float> pcm = tone(6000, 440.0);
      REQUIRE(feeder.feed(std::span<const float>(pcm)).taken == 6000);
      feeder.close();
      Rig rig({}, block);
      rig.driver.engine().set_stream(0, buffer.view());
      Command add = add_voice(make_voice(0, 1), 0, {0}, SourceKind::Stream);
      add.as.add.pitch = 1.25;
      add.as.add.quality = Quality::Sinc;
      REQUIRE(rig.send(add));
      REQUIRE(rig.send(start(make_voice(0, 1))));
      const auto out = rig.driver.render(5000);
      CHECK(residue_db(out[0], 20, 4700, 550.0) < -80.0);
      CHECK(rig.event(EventKind::Ended).sample == 4800);
      first = first.empty() ? out[0] : first;
      CHECK((out[0] == first));
    }
    StreamBuffer bad(1, 256, SampleFormat::F32);
    StreamFeeder feeder(bad.view());
    const std::vector<float> pcm{0.5F, std::nanf(""), 0.25F, INFINITY};
    REQUIRE(feeder.feed(std::span<const float>(pcm)).taken == 4);
    Rig rig;
    rig.driver.engine().set_stream(0, bad.view());
    REQUIRE(rig.send(add_voice(make_voice(0, 1), 0, {0}, SourceKind::Stream)));
    REQUIRE(rig.send(start(make_voice(0, 1))));
    const auto out = rig.driver.render(5);
    CHECK(out[0] == std::vector<float>{0.5F, 0.0F, 0.25F, 0.0F, 0.0F});
  }

  TEST_CASE("SX-11 sound: buses add up in dB, mute and solo, on voices that already play") {
    Rig rig({}, 128);
    REQUIRE(rig.send(add_bus(1, 0)));
    REQUIRE(rig.send(add_bus(2, 0)));
    const auto on_bus = [&](std::uint32_t slot, std::uint8_t bus, unsigned output, float level) {
      Command add =
          add_voice(make_voice(slot, 1), rig.lend(std::vector<float>(64, level)), {output});
      add.as.add.bus = bus;
      REQUIRE(rig.send(add));
      REQUIRE(rig.send(start(make_voice(slot, 1), now(), kLoopForever)));
    };
    on_bus(0, 1, 0, 1.0F);
    on_bus(1, 2, 1, 0.5F);
    on_bus(2, 0, 1, 0.25F);
    const auto level = [&] {
      (void)rig.driver.render(128);
      const auto out = rig.driver.render(128);
      return std::pair{out[0][127], out[1][127]};
    };
    CHECK(level() == std::pair{1.0F, 0.75F});
    REQUIRE(rig.send(set_bus(CommandKind::SetBusGain, 1, -6.0)));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusGain, 0, -6.0)));
    CHECK(level().first == doctest::Approx(0.2512).epsilon(1e-4));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusGain, 0, 0.0)));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusGain, 1, 0.0)));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusSolo, 1, 1.0)));
    CHECK(level() == std::pair{1.0F, 0.0F});
    REQUIRE(rig.send(set_bus(CommandKind::SetBusMute, 0, 1.0)));
    CHECK(level() == std::pair{0.0F, 0.0F});
    REQUIRE(rig.send(set_bus(CommandKind::SetBusMute, 0, 0.0)));
    REQUIRE(rig.send(set_bus(CommandKind::SetBusSolo, 1, 0.0)));
    CHECK(level() == std::pair{1.0F, 0.75F});
    Command under = command(CommandKind::SetBusParent);
    under.as.value = {1.0, 0, 2};
    REQUIRE(rig.send(under));
    under.as.value = {2.0, 0, 1};
    CHECK_FALSE(rig.send(under));
    CHECK(rig.last_reason() == Reason::BusCycle);
    REQUIRE(rig.send(set_bus(CommandKind::SetBusMute, 1, 1.0)));
    CHECK(level() == std::pair{0.0F, 0.25F});
  }

  TEST_CASE("SX-12 sound: distance, direction and Doppler follow the formulas") {
    EmitterPayload emitter{};
    emitter.model = DistanceModel::Linear;
    emitter.mode = EmitterMode::Flat2D;
    emitter.max_distance = 2000.0F;
    const ListenerPayload ear = default_listener();
    CHECK(place(emitter, ear).gain == 1.0F);
    CHECK(place(emitter, ear).pan == 0.0F);
    float before = 1.0F;
    for (float x = 100.0F; x <= 2500.0F; x += 100.0F) {
      emitter.position = {x, 0, 0};
      const Placement placement = place(emitter, ear);
      CHECK(placement.gain <= before);
      CHECK(placement.pan > 0.0F);
      before = placement.gain;
      emitter.position = {-x, 0, 0};
      CHECK(place(emitter, ear).pan < 0.0F);
    }
    CHECK(before == 0.0F);
    emitter.mode = EmitterMode::Space3D;
    emitter.max_distance = 100.0F;
    emitter.doppler_scale = 1.0F;
    emitter.position = {0, 0, -50};
    emitter.velocity = {0, 0, 34.3F};
    CHECK(place(emitter, ear).pitch == doctest::Approx(1.111).epsilon(0.001));
    emitter.velocity = {0, 0, -34.3F};
    CHECK(place(emitter, ear).pitch == doctest::Approx(0.909).epsilon(0.001));
    emitter.velocity = {0, 0, 1000.0F};
    CHECK(place(emitter, ear).pitch == 2.0);
    emitter.model = DistanceModel::Inverse;
    emitter.reference_distance = 1.0F;
    emitter.rolloff = 1.0F;
    CHECK(attenuation(emitter, 0.5F) == 1.0F);
    CHECK(attenuation(emitter, 4.0F) == doctest::Approx(0.25F));
    emitter.model = DistanceModel::Exponential;
    CHECK(attenuation(emitter, 4.0F) == doctest::Approx(0.25F));
  }

  TEST_CASE("SX-13 sound: steps of 6 dB and full pan at 60 Hz never click") {
    Rig rig(Rig::outputs(2), 256);
    const VoiceId a = rig.voice(0, std::vector<float>(1000, 0.5F), {0, 1});
    REQUIRE(rig.send(start(a, at(0), kLoopForever)));
    (void)rig.driver.render(256);
    std::vector<std::vector<float>> out{{}, {}};
    for (int update = 0; update < 60; ++update) {
      REQUIRE(rig.send(set_gain(a, update % 2 == 0 ? -6.0 : 0.0)));
      REQUIRE(rig.send(set_pan(a, update % 3 - 1.0)));
      const auto more = rig.driver.render(800);
      for (std::size_t o = 0; o < 2; ++o) {
        out[o].insert(out[o].end(), more[o].begin(), more[o].end());
      }
    }
    for (const auto& row : out) {
      for (std::size_t i = 1; i < row.size(); ++i) {
        REQUIRE(std::abs(row[i] - row[i - 1]) <= 1.01F * 0.5F / 64.0F);
      }
    }
  }

  TEST_CASE("sound: the limiter holds 1.0, is transparent below it, and delays everything alike") {
    EngineConfig config;
    config.outputs = 2;
    config.limiter_lookahead = 240;
    Rig rig(config, 100);
    REQUIRE(rig.send(set_clip(0, ClipPolicy::Limit)));
    const std::vector<float> quiet = tone(4000, 700.0, 0.999);
    const VoiceId a = rig.voice(0, quiet, {0, 1});
    const VoiceId b = rig.voice(1, tone(1000, 700.0, 1.5), {0});
    REQUIRE(rig.send(start(a, at(0))));
    REQUIRE(rig.send(start(b, at(4100))));
    const auto out = rig.driver.render(6000);
    CHECK(rig.driver.engine().delay() == 240);
    for (std::size_t i = 0; i < 3500; ++i) {
      REQUIRE(out[0][240 + i] == quiet[i]);
      REQUIRE(out[1][240 + i] == quiet[i]);
    }
    CHECK(*std::max_element(out[0].begin(), out[0].end()) <= 1.0F);
    CHECK(*std::max_element(out[0].begin() + 4500, out[0].end()) > 0.9F);
    CHECK(rig.driver.engine().meter(0).peak > 1.49F);
  }

  TEST_CASE("sound: a jump keeps the timeline or the content, and what fell into it is told") {
    Rig rig(Rig::outputs(3));
    const VoiceId a = rig.voice(0, counting(5000), {0});
    const VoiceId b = make_voice(1, 1);
    Command add = add_voice(b, rig.lend(counting(5000)), {1});
    add.as.add.gap = GapPolicy::KeepContent;
    REQUIRE(rig.send(add));
    const VoiceId c = rig.voice(2, counting(100), {2});
    const VoiceId d = rig.voice(3, counting(100), {2});
    REQUIRE(rig.send(start(a, at(0))));
    REQUIRE(rig.send(start(b, at(0))));
    REQUIRE(rig.send(start(c, at(1500))));
    REQUIRE(rig.send(start(d, at(1900), kNoLoop, 0, Late::Skip)));
    (void)rig.driver.render(1024);
    REQUIRE(rig.send(jump(1000, 7)));
    CHECK(rig.driver.now() == 2024);
    CHECK(rig.driver.engine().epoch() == 7);
    CHECK(rig.event(EventKind::Gap, a).sample == 1024);
    CHECK(rig.event(EventKind::Gap, a).value == 1000);
    const auto out = rig.driver.render(6000);
    CHECK(out[0][0] == 2025.0F / 65536.0F);
    CHECK(out[1][0] == 1025.0F / 65536.0F);
    CHECK(rig.event(EventKind::Ended, a).sample == 5000);
    CHECK(rig.event(EventKind::Ended, b).sample == 6000);
    CHECK(rig.event(EventKind::Started, c).sample == 2024);
    CHECK(rig.event(EventKind::Started, c).late == 524);
    CHECK(rig.event(EventKind::Started, d).sample == 1900);
    CHECK((rig.event(EventKind::Started, d).flags & kEventInGap) != 0);
    CHECK((rig.event(EventKind::Ended, d).flags & kEventInGap) != 0);
  }

  TEST_CASE("sound: 16-bit samples stay as they are and sound as the same numbers in float") {
    std::vector<std::int16_t> shorts(4000);
    std::vector<float> floats(4000);
    for (std::size_t i = 0; i < shorts.size(); ++i) {
      shorts[i] = static_cast<std::int16_t>((i * 31337) % 65536);
      floats[i] = static_cast<float>(shorts[i]) / 32768.0F;
    }
    std::vector<std::vector<float>> outs[2];
    for (int as_float = 0; as_float < 2; ++as_float) {
      Rig rig;
      SampleView view{shorts.data(), 4000, 1, SampleFormat::S16, 0, 1.0F};
      const std::uint32_t source = as_float == 1 ? rig.lend(floats) : 50;
      if (as_float == 0) {
        rig.driver.engine().set_samples(50, view);
      }
      const VoiceId a = rig.voice_over(0, source, {0, 1});
      const VoiceId b = rig.voice_over(1, source, {0});
      REQUIRE(rig.send(set_gain(a, -3.7)));
      REQUIRE(rig.send(set_pitch(b, 1.1)));
      REQUIRE(rig.send(start(a, at(3))));
      REQUIRE(rig.send(start(b, at(5), {100, 900, 0})));
      outs[as_float] = rig.driver.render(6000);
    }
    CHECK((outs[0] == outs[1]));
  }

  TEST_CASE("samples are narrowed to 16 bits only where nothing is lost") {
    std::vector<float> floats;
    for (int i = -32768; i <= 32767; ++i) {
      floats.push_back(static_cast<float>(i) / 32768.0F);
    }
    std::vector<std::int16_t> shorts(floats.size());
    REQUIRE(narrow(floats.data(), shorts.data(), floats.size()));
    for (int i = -32768; i <= 32767; ++i) {
      REQUIRE(shorts[static_cast<std::size_t>(i + 32768)] == i);
    }
    for (const float wrong : {1.0F, -1.5F, 0.5F / 32768.0F, std::nextafter(0.25F, 1.0F)}) {
      CHECK_FALSE(narrow(&wrong, shorts.data(), 1));
    }
    const float nan = std::nanf("");
    CHECK_FALSE(narrow(&nan, shorts.data(), 1));
  }
}
