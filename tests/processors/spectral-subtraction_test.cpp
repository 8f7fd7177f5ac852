// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig;

namespace {

using Signal = std::vector<float>;

/// Tones like a voice: harmonics of a gliding pitch, in syllables of 200 ms with pauses.
Signal voice(std::uint32_t rate, double seconds) {
  Signal out(static_cast<std::size_t>(seconds * rate));
  double phase = 0;
  for (std::size_t n = 0; n < out.size(); ++n) {
    const double t = static_cast<double>(n) / rate;
    const double pitch = 140 + 25 * std::sin(2 * std::numbers::pi * 0.7 * t);
    phase += 2 * std::numbers::pi * pitch / rate;
    const double syllable = std::max(0.0, std::sin(2 * std::numbers::pi * 2.5 * t));
    double sum = 0;
    for (int h = 1; h <= 18; ++h) {
      sum += std::sin(h * phase) / h;
    }
    out[n] = static_cast<float>(0.25 * syllable * sum);
  }
  return out;
}

Signal noise(std::size_t count, float rms, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, rms);
  Signal out(count);
  std::ranges::generate(out, [&] { return normal(random); });
  return out;
}

Signal sum(const Signal& a, const Signal& b) {
  Signal out(a);
  std::ranges::transform(a, b, out.begin(), std::plus<>());
  return out;
}

double dot(const Signal& a, const Signal& b, std::size_t from, std::size_t to) {
  double total = 0;
  for (std::size_t n = from; n < to; ++n) {
    total += static_cast<double>(a[n]) * static_cast<double>(b[n]);
  }
  return total;
}

double db(double power_ratio) {
  return 10 * std::log10(power_ratio);
}

void append(Signal& to, const rig::Frames& frames, std::uint32_t channel) {
  for (const auto& frame : frames) {
    to.insert(to.end(), frame->channel(channel), frame->channel(channel) + frame->get()->samples);
  }
}

/// Feeds `in` to all channels in blocks of these lengths, over and over.
struct Feeder {
  rig::Rig& sut;
  avrig_format format;
  std::int64_t next = 0;
  rig::Frames out;

  void feed(const Signal& in,
            std::size_t from,
            std::size_t to,
            std::vector<std::uint32_t> lengths) {
    std::size_t turn = 0;
    while (from < to) {
      const auto length = static_cast<std::uint32_t>(
          std::min<std::size_t>(lengths[turn++ % lengths.size()], to - from));
      rig::Frame block(format);
      block->samples = length;
      block->index = next;
      block->capture_ns = next * 1'000'000'000 / format.sample_rate_hz;
      for (std::uint32_t c = 0; c < format.channels; ++c) {
        std::copy_n(in.begin() + static_cast<std::ptrdiff_t>(from), length, block.channel(c));
      }
      const std::int32_t status = sut.process(block, out);
      REQUIRE((status == AVRIG_OK || status == AVRIG_MORE));
      from += length;
      next += length;
    }
  }
};

Signal clean(const Signal& in,
             std::uint32_t rate,
             const rig::Settings& settings = {},
             std::vector<std::uint32_t> lengths = {480}) {
  rig::Rig sut("spectral-subtraction", settings);
  const avrig_format format = rig::audio(rate, 1, *std::ranges::max_element(lengths));
  sut.open(format);
  Feeder feeder{sut, format, 0, {}};
  feeder.feed(in, 0, in.size(), std::move(lengths));
  sut.drain(feeder.out);
  Signal out;
  append(out, feeder.out, 0);
  return out;
}

struct Verdict {
  double noise_less_db;
  double pause_less_db;
  double voice_lost_db;
};

/// What became of voice and noise, from second 1.5 on.
Verdict judge(const Signal& voiced, const Signal& noisy, const Signal& out, std::uint32_t rate) {
  const std::size_t from = rate + rate / 2;
  const std::size_t to = out.size();
  const double gain = dot(out, voiced, from, to) / dot(voiced, voiced, from, to);
  double before = 0;
  double after = 0;
  double pause_before = 0;
  double pause_after = 0;
  for (std::size_t n = from; n < to; ++n) {
    const double unwanted = static_cast<double>(noisy[n]) - static_cast<double>(voiced[n]);
    const double left = static_cast<double>(out[n]) - gain * static_cast<double>(voiced[n]);
    before += unwanted * unwanted;
    after += left * left;
    if (voiced[n] == 0.0F) {
      pause_before += unwanted * unwanted;
      pause_after += left * left;
    }
  }
  return {db(before / after), db(pause_before / pause_after), -2 * db(gain)};
}

}  // namespace

TEST_CASE("noise falls by 6 dB at least while the voice loses less than 1 dB") {
  for (const std::uint32_t rate : {48000U, 44100U, 16000U, 8000U}) {
    for (const bool learn : {false, true}) {
      CAPTURE(rate);
      CAPTURE(learn);
      Signal voiced = voice(rate, 5.0);
      // The first 600 ms are noise alone, as in a recording that learning is made for.
      std::fill_n(voiced.begin(), rate * 6 / 10, 0.0F);
      const Signal noisy = sum(voiced, noise(voiced.size(), 0.02F, 3));
      const Signal out = clean(noisy, rate, {{"learn", learn ? "500000000" : "0"}});
      REQUIRE(out.size() == noisy.size());
      const Verdict seen = judge(voiced, noisy, out, rate);
      MESSAGE(rate << " Hz, learn " << learn << ": noise -" << seen.noise_less_db
                   << " dB, in pauses -" << seen.pause_less_db << " dB, voice -"
                   << seen.voice_lost_db << " dB");
      CHECK(seen.noise_less_db >= 6.0);
      CHECK(seen.pause_less_db >= 6.0);
      CHECK(seen.voice_lost_db < 1.0);
    }
  }
}

TEST_CASE("with nothing to subtract every sample comes out where it went in") {
  const Signal in = sum(voice(48000, 1.0), noise(48000, 0.1F, 5));
  for (const std::vector<std::uint32_t>& lengths :
       std::vector<std::vector<std::uint32_t>>{{480}, {1024}, {1}, {4096, 7, 300}, {48000}}) {
    CAPTURE(lengths[0]);
    const std::size_t count = lengths[0] == 1 ? 5000 : in.size();
    const Signal part(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(count));
    const Signal out = clean(part, 48000, {{"over", "0"}}, lengths);
    REQUIRE(out.size() == part.size());
    float most = 0;
    for (std::size_t n = 0; n < out.size(); ++n) {
      most = std::max(most, std::abs(out[n] - part[n]));
    }
    CHECK(most < 1e-5F);
  }
}

TEST_CASE("streams shorter than the delay come out whole at the end") {
  const Signal in = noise(100, 0.1F, 5);
  CHECK(clean(in, 48000, {{"over", "0"}}).size() == 100);
  CHECK(clean({}, 48000).empty());
}

TEST_CASE("what goes out has the stamps of what went in, and the blocks are not cut up") {
  rig::Rig sut("spectral-subtraction");
  const avrig_format format = rig::audio(48000, 2, 480);
  sut.open(format);
  CHECK(sut.configuration().delay_samples == 1024);
  Feeder feeder{sut, format, 0, {}};
  feeder.feed(noise(48000, 0.1F, 1), 0, 48000, {480});
  sut.drain(feeder.out);
  std::int64_t next = 0;
  for (const auto& frame : feeder.out) {
    CHECK(std::abs(frame->get()->capture_ns - next * 1'000'000'000 / 48000) <= 1);
    next += frame->get()->samples;
  }
  CHECK(next == 48000);
  CHECK(feeder.out.size() <= 101);
}

TEST_CASE("a gap loses nothing: the tail before it goes out first, then the stream begins anew") {
  rig::Rig sut("spectral-subtraction", {{"over", "0"}});
  const avrig_format format = rig::audio(48000, 1, 256);
  sut.open(format);
  const Signal in = noise(20000, 0.1F, 9);
  Feeder feeder{sut, format, 0, {}};
  feeder.feed(in, 0, 10000, {256});
  sut.break_stream(0, AVRIG_BREAK_GAP);
  feeder.next += 5000;
  feeder.feed(in, 10000, 20000, {256});
  sut.drain(feeder.out);
  Signal out;
  append(out, feeder.out, 0);
  REQUIRE(out.size() == in.size());
  float most = 0;
  for (std::size_t n = 0; n < out.size(); ++n) {
    most = std::max(most, std::abs(out[n] - in[n]));
  }
  CHECK(most < 1e-5F);
  std::int64_t at = 0;
  int breaks = 0;
  for (const auto& frame : feeder.out) {
    const std::int64_t sample = at < 10000 ? at : at + 5000;
    CHECK(std::abs(frame->get()->capture_ns - sample * 1'000'000'000 / 48000) <= 1);
    breaks += (frame->get()->flags & AVRIG_FRAME_DISCONTINUITY) != 0 ? 1 : 0;
    at += frame->get()->samples;
  }
  CHECK(breaks == 1);
}

TEST_CASE("a restarted stage that hears its declared history goes on bit for bit") {
  const Signal in = sum(voice(48000, 4.0), noise(192000, 0.02F, 2));
  const avrig_format format = rig::audio(48000, 1, 500);
  rig::Rig whole("spectral-subtraction");
  whole.open(format);
  Feeder all{whole, format, 0, {}};
  all.feed(in, 0, in.size(), {500});
  Signal expected;
  append(expected, all.out, 0);

  rig::Rig sut("spectral-subtraction");
  sut.open(format);
  REQUIRE(sut.configuration().history < 300);
  const std::size_t resume = 250 * 500;
  const std::size_t replay = resume - sut.configuration().history * 500;
  Feeder again{sut, format, static_cast<std::int64_t>(replay), {}};
  again.feed(in, replay, resume, {500});
  again.out.clear();
  again.feed(in, resume, in.size(), {500});
  Signal seen;
  append(seen, again.out, 0);
  const Signal tail(expected.begin() + static_cast<std::ptrdiff_t>(resume - 1024), expected.end());
  CHECK(seen == tail);
}

TEST_CASE("a floor learned once needs the whole stream again after a restart, and says so") {
  rig::Rig sut("spectral-subtraction", {{"learn", "500000000"}});
  sut.open(rig::audio(48000, 1, 480));
  CHECK(sut.configuration().history == std::numeric_limits<std::uint32_t>::max());
}
