// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"
#include <avrig/mixer/gain.hpp>

#include <cmath>
#include <numbers>

#include <doctest/doctest.h>

using namespace avrig::mixer;
using namespace avrig::mixer::test;

TEST_SUITE("core/mixer/voice") {
  TEST_CASE("DS-07 voice: bit-equal on the mapped outputs and silent elsewhere") {
    const std::vector<float> mono = counting(1000, 1.1e-5F);
    for (const auto& outputs : {std::vector<unsigned>{0}, {1}, {0, 1}, {0, 4}}) {
      Rig rig(Rig::outputs(8));
      Command add = add_voice(make_voice(0, 1), rig.lend(mono), {});
      for (const unsigned output : outputs) {
        add.as.add.output[add.as.add.lanes++] = static_cast<std::uint8_t>(output);
      }
      REQUIRE(rig.send(add));
      REQUIRE(rig.send(start(make_voice(0, 1), at(3))));
      const auto out = rig.driver.render(1100);
      for (unsigned o = 0; o < 8; ++o) {
        const bool mapped = std::find(outputs.begin(), outputs.end(), o) != outputs.end();
        for (std::size_t i = 0; i < 1100; ++i) {
          REQUIRE(out[o][i] == (mapped && i >= 3 && i < 1003 ? mono[i - 3] : 0.0F));
        }
      }
    }
  }

  TEST_CASE("DS-07 voice: a stereo source goes to [1,5] and to [5,1]") {
    const std::vector<float> both = counting(600, 1.3e-5F);
    for (const bool swapped : {false, true}) {
      Rig rig(Rig::outputs(8));
      const unsigned left = swapped ? 4 : 0;
      const unsigned right = swapped ? 0 : 4;
      const VoiceId a = rig.voice_over(0, rig.lend(both, 2), {left, right});
      REQUIRE(rig.send(start(a, at(0))));
      const auto out = rig.driver.render(300);
      for (std::size_t i = 0; i < 300; ++i) {
        REQUIRE(out[left][i] == both[i]);
        REQUIRE(out[right][i] == both[300 + i]);
      }
    }
  }

  TEST_CASE("DS-08 voice: sources on one output are summed in the order of their slots") {
    std::vector<std::vector<float>> data;
    for (std::size_t v = 0; v < 9; ++v) {
      data.push_back(counting(512, 1e-5F * static_cast<float>(v + 1) / 3.0F));
    }
    std::vector<float> first;
    for (int run = 0; run < 100; ++run) {
      Rig rig;
      for (std::uint32_t v = 9; v-- > 0;) {
        const VoiceId id = rig.voice(v, data[v], {0, 1});
        REQUIRE(rig.send(start(id, at(0))));
      }
      const auto out = rig.driver.render(512);
      for (std::size_t i = 0; i < 512; ++i) {
        float sum = 0.0F;
        for (std::size_t v = 0; v < 9; ++v) {
          sum += data[v][i];
        }
        REQUIRE(out[0][i] == sum);
      }
      first = run == 0 ? out[0] : first;
      REQUIRE(out[0] == first);
    }
  }

  TEST_CASE(
      "DS-09 voice: with policy fault 1.0 passes and 1.0001 silences the block and the stream") {
    EngineConfig config;
    config.clip = ClipPolicy::Fault;
    Rig rig(config);
    const VoiceId a = rig.voice(0, std::vector<float>(256, 1.0F));
    const VoiceId b = rig.voice(1, std::vector<float>(256, 1.0001F));
    REQUIRE(rig.send(start(a, at(0))));
    REQUIRE(rig.send(start(b, at(300))));
    auto out = rig.driver.render(1024);
    CHECK(out[0][255] == 1.0F);
    CHECK(*std::max_element(out[0].begin() + 256, out[0].end()) == 0.0F);
    CHECK(rig.driver.engine().failed());
    const Event fault = rig.event(EventKind::Fault);
    CHECK(fault.sample == 300);
    CHECK(fault.level == 1.0001F);
    REQUIRE(rig.send(command(CommandKind::ClearFault)));
    REQUIRE(rig.send(start(a, now())));
    out = rig.driver.render(256);
    CHECK(out[0][0] == 1.0F);
  }

  TEST_CASE("DS-10 voice: a looped ramp has no missing and no doubled sample, at any length") {
    for (const std::size_t length :
         {std::size_t{1}, std::size_t{7}, std::size_t{85}, std::size_t{256}, std::size_t{997}}) {
      Rig rig;
      const std::vector<float> data = counting(length);
      const VoiceId a = rig.voice(0, data);
      REQUIRE(rig.send(start(a, at(5), kLoopForever, static_cast<std::int64_t>(length / 2))));
      const auto out = rig.driver.render(480000);
      for (std::size_t i = 5; i < out[0].size(); ++i) {
        REQUIRE(out[0][i] == data[(i - 5 + length / 2) % length]);
      }
    }
  }

  TEST_CASE("DS-14 voice: a playing source is not removed unless forced; then it fades and goes") {
    Rig rig;
    const VoiceId a = rig.voice(0, std::vector<float>(100000, 0.5F));
    REQUIRE(rig.send(start(a, at(0))));
    (void)rig.driver.render(256);
    CHECK_FALSE(rig.send(remove_voice(a)));
    CHECK(rig.last_reason() == Reason::Playing);
    REQUIRE(rig.send(remove_voice(a, kCommandForce, 240)));
    const auto out = rig.driver.render(256);
    CHECK(out[0][0] > 0.49F);
    CHECK(out[0][239] < 0.001F);
    CHECK(out[0][240] == 0.0F);
    CHECK(rig.event(EventKind::Ended, a).sample == 496);
    CHECK(rig.event(EventKind::Removed, a).sample == 496);
    CHECK(rig.driver.engine().status(a).state == VoiceState::None);
    CHECK_FALSE(rig.send(start(a)));
    const VoiceId again = make_voice(0, 2);
    CHECK(rig.send(add_voice(again, 0, {0})));
    CHECK(rig.send(remove_voice(again)));
  }

  TEST_CASE("SX-01 voice: the dB table") {
    CHECK(db_to_linear(-80.0) == 0.0F);
    CHECK(db_to_linear(-200.0) == 0.0F);
    CHECK(db_to_linear(0.0) == 1.0F);
    CHECK(db_to_linear(-6.0) == doctest::Approx(0.50119).epsilon(1e-5));
    CHECK(db_to_linear(6.0) == doctest::Approx(1.99526).epsilon(1e-5));
    CHECK(db_to_linear(24.0) == doctest::Approx(15.8489).epsilon(1e-5));
  }

  TEST_CASE("SX-02 voice: the pan tables of both laws") {
    const auto balance = [](float pan, float left, float right) {
      const Pair pair = pan_gains(PanLaw::Balance, pan);
      CHECK(pair.left == left);
      CHECK(pair.right == right);
    };
    balance(-1.0F, 1.0F, 0.0F);
    balance(-0.5F, 1.0F, 0.5F);
    balance(0.0F, 1.0F, 1.0F);
    balance(0.5F, 0.5F, 1.0F);
    balance(7.0F, 0.0F, 1.0F);
    const Pair centre = pan_gains(PanLaw::ConstantPower, 0.0F);
    CHECK(20.0 * std::log10(static_cast<double>(centre.left)) == doctest::Approx(-3.0103));
    CHECK(centre.left == doctest::Approx(centre.right));
    CHECK(pan_gains(PanLaw::ConstantPower, -1.0F).right == 0.0F);
  }

  TEST_CASE("SX-03 voice: clamp holds 1.0, goes on and counts") {
    EngineConfig config;
    config.clip = ClipPolicy::Clamp;
    Rig rig(config);
    const VoiceId a = rig.voice(0, std::vector<float>(100, 0.75F));
    const VoiceId b = rig.voice(1, std::vector<float>(50, 0.75F));
    REQUIRE(rig.send(start(a, at(10))));
    REQUIRE(rig.send(start(b, at(20))));
    const auto out = rig.driver.render(256);
    CHECK(out[0][19] == 0.75F);
    CHECK(out[0][20] == 1.0F);
    CHECK(out[0][70] == 0.75F);
    const OutputMeter meter = rig.driver.engine().meter(0);
    CHECK(meter.peak == 1.5F);
    CHECK(meter.clipped == 50);
    CHECK(meter.first_clip == 20);
  }

  TEST_CASE("SX-08 voice: after a pause of a second the next sample is the one after the pause") {
    Rig rig;
    const VoiceId a = rig.voice(0, counting(60000, 1e-6F));
    REQUIRE(rig.send(start(a, at(0))));
    (void)rig.driver.render(1000);
    REQUIRE(rig.send(pause(a)));
    (void)rig.driver.render(24000);
    CHECK(rig.driver.engine().status(a).state == VoiceState::Paused);
    CHECK(rig.driver.engine().status(a).position_at(rig.driver.now()) == 1000);
    (void)rig.driver.render(24000);
    REQUIRE(rig.send(resume(a)));
    const auto out = rig.driver.render(10);
    CHECK(out[0][0] == 1001.0F * 1e-6F);
  }

  TEST_CASE("SX-16 voice: every period carries sound") {
    Rig rig(Rig::outputs(1), 441);
    const VoiceId a = rig.voice(0, std::vector<float>(480, 0.25F));
    REQUIRE(rig.send(start(a, at(0), kLoopForever)));
    rig.driver.run_to(60 * 48000, [](std::span<float* const> rows, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) {
        REQUIRE(rows[0][i] == 0.25F);
      }
    });
  }
}
