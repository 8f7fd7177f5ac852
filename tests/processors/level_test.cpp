// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rig.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using namespace avrig;

TEST_CASE("level gives RMS and peak per channel in dBFS") {
  rig::Rig sut("level");
  const avrig_format format = rig::audio(48000, 2, 480);
  sut.open(format);
  CHECK(sut.output().media == AVRIG_MEDIA_FEATURES);
  CHECK(std::string(sut.output().column_names) == "rms_1,peak_1,rms_2,peak_2");
  const rig::Frame block(format);
  for (int n = 0; n < 480; ++n) {
    block.channel(0)[n] =
        0.5F * static_cast<float>(std::sin(2 * std::numbers::pi * (n + 0.5) / 48));
    block.channel(1)[n] = n % 2 == 0 ? -1.0F : 1.0F;
  }
  rig::Frames out;
  REQUIRE(sut.process(block, out) == AVRIG_OK);
  REQUIRE(out.size() == 1);
  CHECK(out[0]->get()->samples == 1);
  const float* const row = out[0]->channel(0);
  CHECK(row[0] == doctest::Approx(-9.03).epsilon(0.001));
  CHECK(row[1] == doctest::Approx(-6.03).epsilon(0.002));
  CHECK(row[2] == doctest::Approx(0.0));
  CHECK(row[3] == doctest::Approx(0.0));
}

TEST_CASE("silence measures the floor of -120 dBFS") {
  rig::Rig sut("level");
  const avrig_format format = rig::audio(44100, 1, 100);
  sut.open(format);
  const rig::Frame block(format);
  block.channel(0)[3] = 1e-9F;
  rig::Frames out;
  REQUIRE(sut.process(block, out) == AVRIG_OK);
  CHECK(out.at(0)->channel(0)[0] == -120.0F);
  CHECK(out.at(0)->channel(0)[1] == -120.0F);
}

TEST_CASE("level asks for exact blocks when told a length") {
  rig::Rig sut("level", {{"block", "480"}});
  CHECK(sut.traits().inputs[0].block == 480);
}

TEST_CASE("more channels than column names fit are refused") {
  rig::Rig sut("level");
  CHECK_THROWS_AS(sut.open(rig::audio(48000, 64, 64)), std::runtime_error);
}
