// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "takes.hpp"
#include <avrig/error.hpp>
#include <avrig/media/encoder.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace avrig;
using namespace avrig::media;
using namespace avrig::media::testing;

namespace {

std::string refusal(const EncoderSettings& settings) {
  try {
    const Encoder encoder(settings);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::Open);
    return error.what();
  }
  return "";
}

std::vector<std::int64_t> drain_times(Encoder& encoder, std::vector<std::int64_t> times = {}) {
  Packet packet;
  while (encoder.receive(packet)) {
    if (!packet.bytes().empty()) {
      times.push_back(*packet.pts_ns());
    }
  }
  return times;
}

}  // namespace

TEST_SUITE("core/media/encoder") {
  TEST_CASE("encoder: bgr24 through FFV1 loses nothing") {
    const TempFolder folder;
    TakeSettings settings;
    settings.pixel_format = "bgr24";
    settings.seconds = 0.3;
    const Take take = make_take(settings);
    EncoderSettings encoder_settings = picture_settings(take, settings);
    encoder_settings.lossless = true;
    Encoder sut(encoder_settings);
    CHECK(sut.stored_pixel_format() == "bgr0");
    Muxer muxer(folder.file("rgb.nut"));
    const int p = muxer.add_stream(sut);
    muxer.begin();
    for (std::size_t i = 0; i < take.pictures.size(); ++i) {
      REQUIRE(encode_picture(sut, take, i) == EncodeStatus::Ok);
      send(sut, muxer, p);
    }
    REQUIRE(muxer.finish() == WriteStatus::Ok);
    const FrameLayout layout = FrameLayout::of(take.picture_format);
    Demuxer demuxer(folder.file("rgb.nut"));
    Decoder decoder(demuxer.streams()[0]);
    std::size_t i = 0;
    decode_rest(demuxer, decoder, 0, [&](const MediaFrame& frame) {
      avrig_frame view{};
      frame.bind(view);
      bool same = true;
      for (std::size_t y = 0; y < 144; ++y) {
        const auto* in = take.pictures[i].data() + y * layout.plane[0].stride_bytes;
        const auto* out =
            static_cast<const std::uint8_t*>(view.plane[0].data) + y * view.plane[0].stride_bytes;
        for (std::size_t x = 0; x < 176; ++x) {
          same = same && std::memcmp(in + x * 3, out + x * 4, 3) == 0;
        }
      }
      CHECK(same);
      ++i;
    });
    CHECK(i == take.pictures.size());
  }

  TEST_CASE("encoder: what cannot be encoded is said with what can") {
    set_ffmpeg_log(FfmpegLog::Silent);
    EncoderSettings settings;
    settings.input = video_format("yuv420p", 176, 144);
    settings.codec = "nosuchcodec";
    CHECK(refusal(settings).find("no such encoder") != std::string::npos);
    settings.codec = "flac";
    CHECK(refusal(settings).find("it encodes sound") != std::string::npos);
    settings.codec = "libx264";
    settings.lossless = true;
    CHECK(refusal(settings).find("qp=0") != std::string::npos);
    settings.lossless = false;
    settings.options = {{"no_such_option", "1"}};
    CHECK(refusal(settings).find("no_such_option") != std::string::npos);
    settings.options = {};
    settings.pixel_format = "bgr24";
    CHECK(refusal(settings).find("does not take pixel format") != std::string::npos);
    settings = {};
    settings.input = audio_format(44100, 2, 441);
    settings.codec = "libopus";
    CHECK(refusal(settings).find("48000") != std::string::npos);
    settings.codec = "aac";
    settings.lossless = true;
    CHECK(refusal(settings).find("lossless") != std::string::npos);
  }

  TEST_CASE("encoder: a wrong frame is refused, and harms nothing") {
    TakeSettings settings;
    settings.seconds = 0.2;
    const Take take = make_take(settings);
    Encoder sut(picture_settings(take, settings));
    CHECK(encode_block(sut, take, 0, 480, 0) == EncodeStatus::WrongFormat);
    CHECK(encode_picture(sut, take, 0) == EncodeStatus::Ok);
  }

  TEST_CASE("encoder: codecs of fixed frames keep the blocks' own times") {
    TakeSettings settings;
    const Take take = make_take(settings);
    for (const std::string codec : {"libopus", "aac", "flac"}) {
      EncoderSettings encoder_settings = sound_settings(take, settings);
      encoder_settings.codec = codec;
      Encoder sut(encoder_settings);
      std::int64_t last = INT64_MIN;
      for (std::size_t i = 0; i < 100; ++i) {
        // A clock that runs 500 ppm fast: no two blocks are 10 ms apart.
        const std::int64_t at = take.sound_ns + static_cast<std::int64_t>(i) * 10'005'000;
        REQUIRE(encode_block(sut, take, i * 480, 480, at) == EncodeStatus::Ok);
      }
      REQUIRE(sut.finish() == EncodeStatus::Ok);
      const auto times = drain_times(sut);
      REQUIRE(times.size() > 8);
      for (const std::int64_t at : times) {
        CHECK(at > last);
        last = at;
        // Which instant this would be without drift, and what the drift makes of it.
        const double nominal = static_cast<double>(at - take.sound_ns) / 1.0005;
        const double samples = nominal * 48e-6;
        CHECK(std::abs(samples - std::round(samples)) < 1.0);
      }
      CHECK(times.front() <= take.sound_ns);
      CHECK(times.front() >= take.sound_ns - 30'000'000);
      CHECK(sut.silence_samples() == 0);
    }
  }

  TEST_CASE("encoder: a gap stays a gap in time") {
    TakeSettings settings;
    const Take take = make_take(settings);
    constexpr std::int64_t kGap = 700'000'000;
    for (const std::string codec : {"libopus", "flac", "pcm_s16le"}) {
      EncoderSettings encoder_settings = sound_settings(take, settings);
      encoder_settings.codec = codec;
      Encoder sut(encoder_settings);
      for (std::size_t i = 0; i < 50; ++i) {
        REQUIRE(encode_block(
                    sut, take, i * 480, 480, sample_ns(take, i * 480) + (i >= 25 ? kGap : 0)) ==
                EncodeStatus::Ok);
      }
      REQUIRE(sut.finish() == EncodeStatus::Ok);
      const auto times = drain_times(sut);
      std::int64_t widest = 0;
      std::int64_t resumed = 0;
      for (std::size_t i = 1; i < times.size(); ++i) {
        if (times[i] - times[i - 1] > widest) {
          widest = times[i] - times[i - 1];
          resumed = times[i];
        }
      }
      CHECK(widest >= kGap);
      const std::int64_t priming = codec == "libopus" ? 6'500'000 : 0;
      CHECK(std::abs(resumed + priming - sample_ns(take, 25 * 480) - kGap) <= 13'500'000);
    }
  }

  TEST_CASE("encoder: where the container keeps no times, gaps become silence") {
    const TempFolder folder;
    TakeSettings settings;
    const Take take = make_take(settings);
    EncoderSettings encoder_settings = sound_settings(take, settings);
    encoder_settings.fill_gaps = true;
    CHECK_FALSE(container_traits("", "a.wav").keeps_times);
    Encoder sut(encoder_settings);
    Muxer muxer(folder.file("gap.wav"));
    const int s = muxer.add_stream(sut);
    muxer.begin();
    for (std::size_t i = 0; i < 20; ++i) {
      REQUIRE(
          encode_block(
              sut, take, i * 480, 480, sample_ns(take, i * 480) + (i >= 10 ? 100'000'000 : 0)) ==
          EncodeStatus::Ok);
      send(sut, muxer, s);
    }
    REQUIRE(sut.finish() == EncodeStatus::Ok);
    send(sut, muxer, s);
    REQUIRE(muxer.finish() == WriteStatus::Ok);
    CHECK(sut.silence_samples() == 4800);
    const DecodedSound sound = decode_sound(folder.file("gap.wav"));
    REQUIRE(sound.channels[0].size() == 9600 + 4800);
    CHECK(sound.channels[0][5000] == 0.0F);
    CHECK(sound.channels[0][4800 + 4800] == take.sound[0][4800]);
  }

  TEST_CASE("encoder: lossy sound lies where it was, in each container, also at 0") {
    const TempFolder folder;
    TakeSettings settings;
    settings.picture_codec = "libx264";
    for (const std::int64_t start : {std::int64_t{0}, std::int64_t{1'234'567'000}}) {
      settings.start_ns = start;
      Take take = make_take(settings);
      for (auto& row : take.sound) {  // silence with a click at 0.5 s
        std::fill(row.begin(), row.end(), 0.0F);
        for (std::size_t i = 0; i < 96; ++i) {
          row[24000 + i] = static_cast<float>(0.9 * std::sin(static_cast<double>(i) * 0.2618));
        }
      }
      for (const std::string name :
           {"aac.mkv", "aac.mp4", "libopus.mkv", "libopus.nut", "aac.nut"}) {
        settings.sound_codec = name.substr(0, name.find('.'));
        const std::string path = folder.file(std::to_string(start) + name);
        record(take, settings, path);
        const DecodedSound sound = decode_sound(path);
        const auto pictures = decode_pictures(path);
        const auto& row = sound.channels.at(0);
        const auto loudest = std::max_element(
            row.begin(), row.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
        const double click_ns = static_cast<double>(sound.first_ns) +
                                static_cast<double>(loudest - row.begin()) / 48e-6;
        const double off = click_ns - static_cast<double>(sample_ns(take, 24048));
        MESSAGE(name,
                " from ",
                start,
                ": click off by ",
                off,
                " ns, pictures by ",
                pictures.front().pts_ns - take.picture_ns.front());
        const std::int64_t moved = pictures.front().pts_ns - take.picture_ns.front();
        CHECK(std::abs(off - static_cast<double>(moved)) < 2'500'000.0);
        const bool may_move = name.ends_with("nut") && start == 0;
        CHECK(std::abs(moved) <= (may_move ? 21'400'000 : 500'000));
        CHECK(pictures.size() == take.pictures.size());
      }
    }
  }
}
