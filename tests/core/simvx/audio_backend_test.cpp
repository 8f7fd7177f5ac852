// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../../support/patience.hpp"
#include <avrig/simvx/audio_backend.hpp>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace avrig::simvx;

namespace {

constexpr unsigned kRate = 48000;
using Clock = std::chrono::steady_clock;

/// A backend on no device, and what it warned of.
struct Rig {
  explicit Rig(double buffer_seconds = 0.5)
      : audio({.sample_rate = kRate,
               .device = "null",
               .buffer_seconds = buffer_seconds,
               .warn = [this](const std::string& text) {
                 warnings.push_back(text);
               }}) {}
  std::vector<std::string> warnings;
  AudioBackend audio;
};

std::vector<float> stereo(double seconds) {
  return std::vector<float>(2 * static_cast<std::size_t>(seconds * kRate), 0.1F);
}

/// A file that is gone afterwards: 16-bit mono, or noise.
class File {
 public:
  File(bool good, std::uint32_t samples) {
    char pattern[] = "/tmp/avrig-simvx-XXXXXX";
    REQUIRE(::mkdtemp(pattern) != nullptr);
    folder_ = pattern;
    path = folder_ + "/sound.wav";
    std::ofstream file(path, std::ios::binary);
    const auto put = [&](std::uint32_t value, int bytes) {
      for (int byte = 0; byte < bytes; ++byte) {
        file.put(static_cast<char>(value >> (8 * byte) & 0xff));
      }
    };
    if (good) {
      file << "RIFF";
      put(36 + 2 * samples, 4);
      file << "WAVEfmt ";
      for (const auto& [value, bytes] :
           {std::pair{16U, 4}, {1U, 2}, {1U, 2}, {kRate, 4}, {2 * kRate, 4}, {2U, 2}, {16U, 2}}) {
        put(value, bytes);
      }
      file << "data";
      put(2 * samples, 4);
    }
    for (std::uint32_t sample = 0; sample < samples; ++sample) {
      put(good ? 0x1000U : sample * 2654435761U, 2);
    }
  }
  ~File() { std::filesystem::remove_all(folder_); }
  std::string path;

 private:
  std::string folder_;
};

template <class Condition>
bool until(Condition&& condition) {
  const auto deadline = Clock::now() + std::chrono::nanoseconds(avrig::test::kPatienceNs);
  while (!condition()) {
    if (Clock::now() > deadline) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_SUITE("core/simvx") {
  TEST_CASE("SX-04 each call has the defaults of the original") {
    CHECK(BackendOptions{}.sample_rate == 44100);
    CHECK(BackendOptions{}.nchannels == 2);
    CHECK(BackendOptions{}.buffer_seconds == 0.5);
    CHECK(Play{}.bus == "master");
    CHECK(Play2D{}.bus == "sfx");
    CHECK(Play3D{}.bus == "sfx");
    CHECK(OpenStream{}.bus == "master");
    CHECK(Play2D{}.max_distance == 2000);
    CHECK(Play3D{}.max_distance == 100);
    CHECK_FALSE(Play2D{}.position.has_value());
    CHECK_FALSE(Play3D{}.position.has_value());
    const auto plain = [](const auto& how) {
      return how.volume_db == 0 && how.pitch == 1;
    };
    CHECK((plain(Play{}) && plain(Play2D{}) && plain(Play3D{}) && plain(OpenStream{})));
    CHECK_FALSE((Play{}.loop || Play2D{}.loop || Play3D{}.loop));
    Rig rig;
    const auto first = rig.audio.play_audio(stereo(1));
    CHECK(rig.audio.play_audio(stereo(1)) == first.value() + 1);
  }

  TEST_CASE("SX-05 what cannot be played is one warning and no voice; the rest goes on") {
    Rig rig;
    const File noise(false, 5000);
    const File good(true, 4800);
    CHECK_FALSE(rig.audio.play_audio("/nowhere/x.wav").has_value());
    CHECK(rig.warnings.size() == 1);
    CHECK_FALSE(rig.audio.play_audio(noise.path).has_value());
    CHECK_FALSE(rig.audio.play_audio(std::vector<float>{NAN, 0}).has_value());
    CHECK_FALSE(rig.audio.play_audio(std::vector<float>{}).has_value());
    CHECK_FALSE(rig.audio.play_audio(std::vector<float>{0.5F}).has_value());
    CHECK(rig.warnings.size() == 5);
    CHECK(rig.audio.play_audio(good.path).has_value());
    CHECK(rig.warnings.size() == 5);
  }

  TEST_CASE("SX-09 the position counts what was played, also of a stream; 0 for unknown ids") {
    Rig rig;
    const VoiceId sound = rig.audio.play_audio(stereo(20)).value();
    const VoiceId fast = rig.audio.play_audio(stereo(20), {.pitch = 2}).value();
    REQUIRE(until([&] { return rig.audio.get_playback_position(sound) > 0; }));
    // A starved device makes up for what it missed: measured again, until it missed nothing.
    double moved = 0;
    CHECK(until([&] {
      const auto began = Clock::now();
      const double before = rig.audio.get_playback_position(sound);
      REQUIRE(until([&] { return rig.audio.get_playback_position(sound) > before + 0.2; }));
      moved = rig.audio.get_playback_position(sound) - before;
      const double passed = std::chrono::duration<double>(Clock::now() - began).count();
      return moved <= passed + 2 * 256.0 / kRate;
    }));
    CHECK(rig.audio.get_playback_position(fast) > 1.9 * moved);
    rig.audio.pause_audio(sound);
    double held = -1;
    REQUIRE(until([&] {
      const double now = rig.audio.get_playback_position(sound);
      const double last = held;
      held = now;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return now == last;
    }));
    rig.audio.resume_audio(sound);
    CHECK(until([&] { return rig.audio.get_playback_position(sound) > held; }));
    const VoiceId stream = rig.audio.open_stream();
    const std::vector<std::byte> chunk(4 * 9600);
    CHECK(rig.audio.feed_audio_chunk(stream, chunk) == chunk.size());
    CHECK(until([&] { return rig.audio.get_playback_position(stream) >= 0.19; }));
    CHECK(rig.audio.get_playback_position(99999) == 0);
  }

  TEST_CASE("SX-10 a stream's buffer is bounded, and odd chunks keep the channels apart") {
    Rig rig(0.1);
    const VoiceId stream = rig.audio.open_stream();
    const std::vector<std::byte> odd(4 * 100 + 3);
    CHECK(rig.audio.feed_audio_chunk(stream, odd) == odd.size());
    CHECK(rig.audio.feed_audio_chunk(stream, std::span(odd).first(1)) == 1);
    const std::vector<std::byte> second(4 * kRate);
    const std::size_t taken = rig.audio.feed_audio_chunk(stream, second);
    CHECK(taken > 4 * 4000);
    CHECK(taken < second.size());
    CHECK(taken % 4 == 0);
  }

  TEST_CASE(
      "SX-11 buses: the standard names in any case, their sums, and an error that lists them") {
    Rig rig;
    CHECK(rig.audio.bus_names() ==
          std::vector<std::string>{"Master", "Music", "SFX", "UI", "Voice"});
    CHECK(rig.audio.play_audio(stereo(0.1), {.bus = "SFX"}).has_value());
    CHECK_THROWS_WITH_AS((void)rig.audio.play_audio(stereo(0.1), {.bus = "effects"}),
                         doctest::Contains("Master, Music, SFX, UI, Voice"),
                         std::invalid_argument);
    rig.audio.set_bus_volume("sfx", -6);
    rig.audio.set_bus_volume("Master", -6);
    CHECK(rig.audio.get_effective_volume("SFX") == -12);
    rig.audio.add_bus("Steps", -3, "sfx");
    CHECK(rig.audio.get_effective_volume("Steps") == -15);
    CHECK_THROWS_AS(rig.audio.set_bus_send_to("sfx", "Steps"), std::invalid_argument);
    rig.audio.set_bus_solo("music", true);
    CHECK(rig.audio.get_effective_volume("Steps") == -80);
  }

  TEST_CASE("SX-17 the whole API without a device and without root; unknown ids do nothing") {
    AudioBackend audio({.device = "null"});
    const File file(true, 4800);
    const VoiceId loop = audio.play_audio(stereo(0.1), {.volume_db = -6, .loop = true}).value();
    const VoiceId flat = audio.play_audio_2d(file.path, {.position = Vector{100, 50, 0}}).value();
    const VoiceId space = audio.play_audio_3d(file.path, {.position = Vector{1, 2, 3}}).value();
    const VoiceId stream = audio.open_stream({.pitch = 0.5});
    CHECK(loop < flat);
    CHECK(flat < space);
    audio.set_listener({.position = {1, 0, 0}});
    audio.update_audio_2d(flat, -12, -3);
    audio.update_audio_3d(space, -12, 0.5, 0.01);
    CHECK(audio.feed_audio_chunk(stream, std::vector<std::byte>(400)) == 400);
    audio.pause_audio(loop);
    audio.resume_audio(loop);
    CHECK(until([&] { return audio.get_playback_position(loop) > 0; }));
    const VoiceId brief = audio.play_audio(stereo(0.01)).value();
    CHECK(until([&] { return audio.get_playback_position(brief) == 0; }));  // dead with its end
    audio.stop_audio(stream);
    for (const VoiceId unknown : {VoiceId{0}, VoiceId{99999}, stream, brief}) {
      audio.stop_audio(unknown);
      audio.stop(unknown);
      audio.pause_audio(unknown);
      audio.resume_audio(unknown);
      audio.update_audio_2d(unknown, 0, 0);
      audio.update_audio_3d(unknown, 0, 0, 1);
      CHECK(audio.feed_audio_chunk(unknown, std::vector<std::byte>(4)) == 0);
      CHECK(audio.get_playback_position(unknown) == 0);
    }
    audio.shutdown();
    audio.shutdown();
    audio.stop_audio(loop);
    audio.update_audio_2d(loop, 0, 0);
    CHECK(audio.get_playback_position(loop) == 0);
    CHECK(audio.open_stream() == 0);
  }
}
