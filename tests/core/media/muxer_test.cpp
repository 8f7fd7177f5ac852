// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "takes.hpp"
#include <avrig/error.hpp>
#include <avrig/media/muxer.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <random>
#include <sys/resource.h>

using namespace avrig;
using namespace avrig::media;
using namespace avrig::media::testing;

namespace {

constexpr std::int64_t kExactNs = 3;

std::int64_t worst(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
  REQUIRE(a.size() == b.size());
  std::int64_t most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::abs(a[i] - b[i]));
  }
  return most;
}

std::vector<std::int64_t> times(const std::vector<DecodedPicture>& pictures) {
  std::vector<std::int64_t> out;
  for (const DecodedPicture& picture : pictures) {
    out.push_back(picture.pts_ns);
  }
  return out;
}

std::uint32_t demuxed_rate(const std::string& path) {
  const Demuxer demuxer(path);
  const int sound = demuxer.best_stream(AVRIG_MEDIA_AUDIO).value();
  return demuxer.streams()[static_cast<std::size_t>(sound)].format.sample_rate_hz;
}

}  // namespace

TEST_SUITE("core/media/muxer") {
  TEST_CASE("muxer: pictures and samples come back bit for bit, at their times") {
    const TempFolder folder;
    TakeSettings settings;
    std::string name;
    std::int64_t picture_limit_ns = 0;
    std::int64_t sound_limit_ns = 0;
    SUBCASE("nut, FFV1 and s16") {
      name = "take.nut";
      settings.sound_codec = "pcm_s16le";
      settings.sound_bits = 16;
      sound_limit_ns = kExactNs;
    }
    SUBCASE("nut, FFV1 and s24") {
      name = "take.nut";
      settings.sound_codec = "pcm_s24le";
      settings.sound_bits = 24;
      sound_limit_ns = kExactNs;
    }
    SUBCASE("nut, FFV1 and float") {
      name = "take.nut";
      settings.sound_codec = "pcm_f32le";
      sound_limit_ns = kExactNs;
    }
    SUBCASE("nut, FFV1 and FLAC of 24 bits") {
      name = "take.nut";
      settings.sound_codec = "flac";
      settings.sound_bits = 24;
      sound_limit_ns = kExactNs;
    }
    SUBCASE("nut, FFV1 and float at 44.1 kHz") {
      name = "take.nut";
      settings.sound_codec = "pcm_f32le";
      settings.sound_rate_hz = 44'100;
      settings.block_samples = 441;
      sound_limit_ns = kExactNs;
    }
    SUBCASE("mkv, FFV1 and FLAC of 24 bits") {
      name = "take.mkv";
      settings.sound_codec = "flac";
      settings.sound_bits = 24;
      picture_limit_ns = 500'000;
      sound_limit_ns = 500'000;
    }
    SUBCASE("mkv, lossless H.264 and float") {
      name = "take.mkv";
      settings.picture_codec = "libx264";
      settings.picture_options = {{"qp", "0"}};
      settings.sound_codec = "pcm_f32le";
      picture_limit_ns = 500'000;
      sound_limit_ns = 500'000;
    }
    SUBCASE("fragmented mov, lossless H.264 and s16") {
      name = "take.mov";
      settings.picture_codec = "libx264";
      settings.picture_options = {{"qp", "0"}};
      settings.sound_codec = "pcm_s16le";
      settings.sound_bits = 16;
      picture_limit_ns = 500;
      sound_limit_ns = 10'500;
    }
    const Take take = make_take(settings);
    const std::string path = folder.file(name);
    record(take, settings, path);
    const auto pictures = decode_pictures(path);
    REQUIRE(pictures.size() == take.picture_ns.size());
    CHECK(worst(times(pictures), take.picture_ns) <= picture_limit_ns);
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      CHECK(pictures[i].hash == take.hashes[i]);
    }
    const DecodedSound sound = decode_sound(path);
    CHECK(sound.channels == take.sound);
    CHECK(std::abs(sound.first_ns - take.sound_ns) <= sound_limit_ns);
    CHECK(demuxed_rate(path) == settings.sound_rate_hz);
    if (sound_limit_ns == kExactNs && settings.sound_codec != "flac") {  // FLAC blocks its own way
      std::vector<std::int64_t> given;
      for (std::size_t at = 0; at < take.sound[0].size(); at += settings.block_samples) {
        given.push_back(sample_ns(take, at));
      }
      CHECK(worst(sound.block_pts_ns, given) <= kExactNs);
    }
    MESSAGE(name,
            ": pictures off by at most ",
            worst(times(pictures), take.picture_ns),
            " ns, sound begins off by ",
            sound.first_ns - take.sound_ns,
            " ns");
  }

  TEST_CASE("muxer: the same frames twice give the same bytes") {
    const TempFolder folder;
    TakeSettings settings;
    settings.bitexact = true;
    const Take take = make_take(settings);
    for (const char* name : {"a.nut", "a.mkv", "a.mov"}) {
      if (std::string(name) == "a.mov") {
        settings.picture_codec = "libx264";
      }
      record(take, settings, folder.file(name));
      record(take, settings, folder.file(std::string("second-") + name));
      CHECK(read_file(folder.file(name)) == read_file(folder.file(std::string("second-") + name)));
    }
  }

  TEST_CASE("muxer: an existing target is refused and left alone") {
    const TempFolder folder;
    const std::string path = folder.file("old.mkv");
    write_file(path, "precious");
    CHECK_THROWS_WITH_AS(Muxer{path}, doctest::Contains("exists already"), Error);
    CHECK(read_file(path) == "precious");
    CHECK_THROWS_WITH_AS(Muxer{folder.file("no/such/folder.mkv")},
                         doctest::Contains("folder does not exist"),
                         Error);
    CHECK_THROWS_WITH_AS(Muxer{folder.file("a.xyzzy")}, doctest::Contains("no container"), Error);
  }

  TEST_CASE("muxer: a recording that could not begin leaves no file behind") {
    const TempFolder folder;
    TakeSettings settings;
    settings.seconds = 0.1;
    const Take take = make_take(settings);
    const Encoder sound(sound_settings(take, settings));
    {
      Muxer muxer(folder.file("a.mp4"));
      CHECK_THROWS_WITH_AS(muxer.add_stream(sound), doctest::Contains("pcm_s16le"), Error);
    }
    {
      MuxerOptions options;
      options.options = {{"no_such_option", "1"}};
      Muxer muxer(folder.file("a.mkv"), options);
      muxer.add_stream(sound);
      CHECK_THROWS_WITH_AS(muxer.begin(), doctest::Contains("no_such_option"), Error);
    }
    CHECK(read_file(folder.file("a.mp4")).empty());
    CHECK_FALSE(std::filesystem::exists(folder.file("a.mp4")));
    CHECK_FALSE(std::filesystem::exists(folder.file("a.mkv")));
  }

  TEST_CASE("muxer: a recording without a packet leaves no file, one with a single packet does") {
    const TempFolder folder;
    for (const std::string name : {"a.nut", "a.mkv", "a.mov", "a.wav", "a.flac"}) {
      CAPTURE(name);
      TakeSettings settings;
      settings.sound_codec = name == "a.flac" ? "flac" : "pcm_s16le";
      const Take take = make_take(settings);
      for (const bool any : {false, true}) {
        Encoder sound(sound_settings(take, settings));
        Muxer muxer(folder.file(name));
        const int s = muxer.add_stream(sound);
        muxer.begin();
        if (any) {
          REQUIRE(encode_block(sound, take, 0, 480, take.sound_ns) == EncodeStatus::Ok);
          REQUIRE(sound.finish() == EncodeStatus::Ok);
          send(sound, muxer, s);
        }
        CHECK(muxer.finish() == WriteStatus::Ok);
        CHECK(muxer.has_packets() == any);
        CHECK(std::filesystem::exists(folder.file(name)) == any);
      }
      CHECK(decode_sound(folder.file(name)).channels[0].size() == 480);
    }
  }

  TEST_CASE("muxer: a stalled stream holds the other back by the interleaving bound only") {
    const TempFolder folder;
    for (const char* name : {"stall.nut", "stall.mkv"}) {
      TakeSettings settings;
      settings.seconds = 3.0;
      const Take take = make_take(settings);
      Encoder pictures(picture_settings(take, settings));
      Encoder sound(sound_settings(take, settings));
      Muxer muxer(folder.file(name));
      const int p = muxer.add_stream(pictures);
      const int s = muxer.add_stream(sound);
      muxer.begin();
      static_cast<void>(s);  // never written: stalled from the start
      Packet packet;
      for (std::size_t i = 0; i < take.picture_ns.size(); ++i) {
        REQUIRE(encode_picture(pictures, take, i) == EncodeStatus::Ok);
        while (pictures.receive(packet)) {
          REQUIRE(muxer.write(p, std::move(packet)) == WriteStatus::Ok);
        }
        const std::int64_t now = take.picture_ns[i];
        if (now - take.picture_ns[0] > 240'000'000) {
          CHECK(muxer.durable_pts_ns(p) >= now - 240'000'000);
        }
      }
      // As it lies there now, without a trailer, it holds what was promised.
      const std::int64_t durable = muxer.durable_pts_ns(p);
      const auto seen = decode_pictures(folder.file(name));
      REQUIRE(!seen.empty());
      CHECK(std::abs(seen.back().pts_ns - durable) <= 500'000);
      CHECK(seen.size() == muxer.durable_packets(p));
      CHECK(muxer.finish() == WriteStatus::Ok);
    }
  }

  TEST_CASE("muxer: a full disk is a value, and what was written stays valid") {
    const TempFolder folder;
    TakeSettings settings;
    settings.seconds = 2.0;
    const Take take = make_take(settings);
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    for (const char* name : {"full.nut", "full.mkv"}) {
      const std::string path = folder.file(name);
      Encoder pictures(picture_settings(take, settings));
      Muxer muxer(path);
      const int p = muxer.add_stream(pictures);
      muxer.begin();
      rlimit small = before;
      small.rlim_cur = 300'000;
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
      WriteStatus status = WriteStatus::Ok;
      Packet packet;
      std::uint64_t written = 0;
      for (std::size_t i = 0; i < take.picture_ns.size() && status == WriteStatus::Ok; ++i) {
        REQUIRE(encode_picture(pictures, take, i) == EncodeStatus::Ok);
        while (status == WriteStatus::Ok && pictures.receive(packet)) {
          status = muxer.write(p, std::move(packet));
        }
        written = muxer.durable_packets(p);
      }
      CHECK(status == WriteStatus::Failed);
      CHECK(muxer.error().find(path) != std::string::npos);
      CHECK(muxer.error().find("plays up to there") != std::string::npos);
      CHECK(muxer.finish() == WriteStatus::Failed);
      REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
      REQUIRE(written > 0);
      const auto seen = decode_pictures(path);
      REQUIRE(seen.size() == written);
      for (std::size_t i = 0; i < seen.size(); ++i) {
        CHECK(seen[i].hash == take.hashes[i]);
      }
    }
  }

  TEST_CASE("muxer: marks go into the text track of mkv, elsewhere beside the file") {
    const TempFolder folder;
    TakeSettings settings;
    const Take take = make_take(settings);
    for (const char* name : {"m.mkv", "m.nut"}) {
      Encoder pictures(picture_settings(take, settings));
      MuxerOptions options;
      options.marks = true;
      Muxer muxer(folder.file(name), options);
      const int p = muxer.add_stream(pictures);
      muxer.begin();
      Packet packet;
      for (std::size_t i = 0; i < take.picture_ns.size(); ++i) {
        REQUIRE(encode_picture(pictures, take, i) == EncodeStatus::Ok);
        while (pictures.receive(packet)) {
          REQUIRE(muxer.write(p, std::move(packet)) == WriteStatus::Ok);
        }
        if (i == 5) {
          REQUIRE(muxer.write_mark(take.picture_ns[i], "stimulus \"A\" on") == WriteStatus::Ok);
        }
      }
      REQUIRE(muxer.finish() == WriteStatus::Ok);
    }
    CHECK(read_file(folder.file("m.nut.marks.csv")) ==
          "time_ns,text\n" + std::to_string(take.picture_ns[5]) + ",\"stimulus \"\"A\"\" on\"\n");
    Demuxer demuxer(folder.file("m.mkv"));
    Packet packet;
    std::string text;
    while (demuxer.read(packet) == ReadStatus::Packet) {
      if (demuxer.streams()[static_cast<std::size_t>(packet.stream())].codec == "subrip") {
        text.assign(reinterpret_cast<const char*>(packet.bytes().data()), packet.bytes().size());
        CHECK(std::abs(*packet.pts_ns() - take.picture_ns[5]) <= 500'000);
      }
    }
    CHECK(text == "stimulus \"A\" on");
  }

  TEST_CASE("muxer: packets that go back in time are refused") {
    const TempFolder folder;
    TakeSettings settings;
    const Take take = make_take(settings);
    Encoder pictures(picture_settings(take, settings));
    Muxer muxer(folder.file("back.nut"));
    const int p = muxer.add_stream(pictures);
    muxer.begin();
    REQUIRE(encode_picture(pictures, take, 3) == EncodeStatus::Ok);
    Packet packet;
    REQUIRE(pictures.receive(packet));
    CHECK(muxer.write(p, packet.share()) == WriteStatus::Ok);
    CHECK(muxer.write(p, packet.share()) == WriteStatus::NotMonotonic);
    CHECK(muxer.finish() == WriteStatus::Ok);
  }
}
