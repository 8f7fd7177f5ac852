// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "host_rig.hpp"

#include <cmath>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;
using mixer::EventKind;

namespace {

float tone_at(std::int64_t frame, std::uint32_t channel) {
  return static_cast<float>(std::sin(static_cast<double>(frame) * 0.37 + channel)) * 0.7F;
}

/// What it gives depends on the device's frame alone.
class FrameTone final : public LiveInput {
 public:
  explicit FrameTone(std::uint32_t channels) : channels_(channels) {}
  void read(std::int64_t frame, std::uint32_t samples, float* const* rows) noexcept override {
    for (std::uint32_t channel = 0; channel < channels_; ++channel) {
      for (std::uint32_t at = 0; at < samples; ++at) {
        rows[channel][at] = tone_at(frame + at, channel);
      }
    }
  }

 private:
  std::uint32_t channels_;
};

const mixer::VoiceId kVoice = mixer::make_voice(1, 1);

}  // namespace

TEST_SUITE("core/dipstream mixer_host") {
  TEST_CASE("live sound alone passes bit for bit, whatever the block") {
    for (const std::uint32_t block : {16U, 256U, 1000U, 9000U}) {
      MixerHost host(outputs(2), 2);
      FrameTone tone(2);
      host.set_live(&tone);
      Device device(host, block);
      device.cycle(9000 / static_cast<int>(block) + 3);
      bool same = true;
      for (std::size_t at = 0; at < device.row(0).size(); ++at) {
        const auto frame = 1000 + static_cast<std::int64_t>(at);
        same = same && device.row(0)[at] == tone_at(frame, 0) &&
               device.row(1)[at] == tone_at(frame, 1);
      }
      CHECK(same);
    }
  }

  TEST_CASE("live sound keeps its place through skipped cycles and a new device") {
    MixerHost host(outputs(1), 1);
    FrameTone tone(1);
    host.set_live(&tone);
    Device device(host, 64);
    device.cycle(3);
    device.frame += 7 * 64;
    device.epoch += 1;
    device.cycle(2);
    CHECK(device.row(0)[3 * 64] == tone_at(1000 + 10 * 64, 0));
    CHECK(host.engine().position() == 12 * 64);
    host.expect_new_device();
    const std::int64_t before = device.frame;
    device.frame = 5;  // another server's count, 480 samples later
    device.start_ns +=
        static_cast<std::int64_t>(static_cast<double>(before - 5 + 480) * kNsPerSample);
    device.cycle(1);
    CHECK(device.row(0)[5 * 64] == tone_at(5, 0));
    CHECK(std::llabs(host.engine().position() - (13 * 64 + 480)) <= 1);
    OutputClock clock;
    REQUIRE(host.clock(clock));
    CHECK(clock.epoch == 2);
    CHECK(clock.frame == 5);
  }

  TEST_CASE("a stimulus dips in over live sound at its very sample") {
    MixerHost host(outputs(2), 2);
    FrameTone tone(2);
    host.set_live(&tone);
    const std::vector<float> click(10, 0.25F);
    lend(host, 1, click);
    Device device(host, 64);
    REQUIRE(host.send(std::array{mixer::add_voice(kVoice, 1, {1})}));
    REQUIRE(host.send(std::array{mixer::start(kVoice, mixer::at(777))}));
    device.cycle(20);
    for (std::size_t at = 0; at < device.row(0).size(); ++at) {
      const auto frame = 1000 + static_cast<std::int64_t>(at);
      const bool sounds = at >= 777 && at < 787;
      REQUIRE(device.row(0)[at] == tone_at(frame, 0));
      REQUIRE(device.row(1)[at] == tone_at(frame, 1) + (sounds ? 0.25F : 0.0F));
    }
    CHECK(next(host, EventKind::Started).voice == MixerHost::kLiveVoice);
    CHECK(next(host, EventKind::Started).sample == 777);
  }

  TEST_CASE("the live voice has a gain and a bus that can be muted") {
    MixerHost host(outputs(1), 1);
    FrameTone tone(1);
    host.set_live(&tone);
    Device device(host, 64);
    REQUIRE(host.send(std::array{mixer::set_gain(MixerHost::kLiveVoice, -80, mixer::at(64), 0)}));
    device.cycle(3);
    CHECK(device.row(0)[63] == tone_at(1063, 0));
    CHECK(device.row(0)[64] == 0.0F);
    REQUIRE(host.send(std::array{mixer::set_gain(MixerHost::kLiveVoice, 0, mixer::now(), 0)}));
    REQUIRE(host.send(
        std::array{mixer::set_bus(mixer::CommandKind::SetBusMute, 0, 1, mixer::at(256), 0)}));
    device.cycle(3);
    CHECK(device.row(0)[200] == tone_at(1200, 0));
    CHECK(device.row(0)[256] == 0.0F);
  }

  TEST_CASE("another process acts on voices, but cannot make any or move time") {
    MixerHost host(outputs(1), 0);
    const std::vector<float> click(10, 0.5F);
    lend(host, 1, click);
    const shm::Segment memory =
        shm::CommandQueue::create("test", sizeof(mixer::Command), MixerHost::kQueueCapacity);
    const std::uint16_t client = host.attach(memory);
    REQUIRE(client > 0);
    shm::CommandQueue theirs(memory, sizeof(mixer::Command));
    Device device(host, 64);
    REQUIRE(host.send(std::array{mixer::add_voice(kVoice, 1, {0})}));
    device.cycle();
    for (mixer::Command command : {mixer::start(kVoice, mixer::at(200)),
                                   mixer::add_voice(mixer::make_voice(2, 1), 1, {0}),
                                   mixer::jump(100000, 9),
                                   mixer::add_bus(3, 0)}) {
      command.request = 77;
      REQUIRE(theirs.push(std::as_bytes(std::span(&command, 1))));
    }
    device.cycle(4);
    CHECK(device.row(0)[200] == 0.5F);
    CHECK(host.engine().position() == 5 * 64);
    CHECK(host.engine().status(mixer::make_voice(2, 1)).voice == 0);
    mixer::Event event;
    int refused = 0;
    while (host.engine().next_event(event)) {
      refused += event.kind == EventKind::Refused && event.client == client ? 1 : 0;
    }
    CHECK(refused == 3);
    host.detach(client);
    device.cycle(3);
    CHECK(host.attach(memory) == client);
  }

  TEST_CASE("more commands than a cycle takes wait for the next; none is lost") {
    MixerHost host(outputs(1), 0);
    Device device(host, 64);
    for (int turn = 0; turn < 600; ++turn) {
      REQUIRE(host.send(std::array{mixer::stop(mixer::make_voice(9, 9))}));
    }
    mixer::Event event;
    int answered = 0;
    for (const int expected : {256, 512, 600}) {
      device.cycle();
      while (host.engine().next_event(event)) {
        answered += event.kind == EventKind::Refused ? 1 : 0;
      }
      CHECK(answered == expected);
    }
  }
}
