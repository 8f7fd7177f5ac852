// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include "takes.hpp"
#include <avrig/error.hpp>
#include <avrig/media/recovery.hpp>

#include <filesystem>
#include <signal.h>
#include <sys/wait.h>

using namespace avrig;
using namespace avrig::media;
using namespace avrig::media::testing;

namespace {

const ReadBackStream& stream_of(const ReadBack& back, std::uint32_t media) {
  for (const ReadBackStream& stream : back.streams) {
    if (stream.media == media) {
      return stream;
    }
  }
  FAIL("no such stream");
  return back.streams.front();
}

}  // namespace

TEST_SUITE("core/media/recovery") {
  TEST_CASE("read_back: a whole file gives every packet and sample") {
    const TempFolder folder;
    TakeSettings settings;
    const Take take = make_take(settings);
    for (const char* name : {"a.nut", "a.mkv"}) {
      record(take, settings, folder.file(name));
      const ReadBack back = read_back(folder.file(name));
      REQUIRE(back.readable);
      CHECK(stream_of(back, AVRIG_MEDIA_VIDEO).pts_ns.size() == take.pictures.size());
      const ReadBackStream& sound = stream_of(back, AVRIG_MEDIA_AUDIO);
      CHECK(sound.samples == take.sound[0].size());
      CHECK(std::abs(sound.end_ns - sample_ns(take, take.sound[0].size())) <= 1'000'000);
    }
  }

  TEST_CASE("read_back: in a file cut at any byte only whole packets count") {
    const TempFolder folder;
    TakeSettings settings;
    settings.seconds = 0.4;
    const Take take = make_take(settings);
    for (const std::string name : {"cut.nut", "cut.mkv"}) {
      record(take, settings, folder.file("whole-" + name));
      const std::string bytes = read_file(folder.file("whole-" + name));
      std::size_t last = 0;
      for (std::size_t at = 1; at < bytes.size(); at += 4001) {
        const std::string path = folder.file(name);
        write_file(path, bytes.substr(0, at));
        const ReadBack back = read_back(path);
        if (!back.readable) {
          CHECK(back.why.find(path) != std::string::npos);
          continue;
        }
        std::size_t whole = 0;
        for (const ReadBackStream& stream : back.streams) {
          if (stream.media == AVRIG_MEDIA_VIDEO) {
            whole = stream.pts_ns.size();
          }
        }
        CHECK(whole >= last);
        last = whole;
        // Each that counts decodes to its true pixels.
        if (whole > 0) {
          const auto pictures = decode_pictures(path);
          REQUIRE_MESSAGE(pictures.size() >= whole, name, " cut at ", at, " of ", bytes.size());
          for (std::size_t i = 0; i < whole; ++i) {
            CHECK(pictures[i].hash == take.hashes[i]);
          }
        }
      }
      CHECK(last >= take.pictures.size() - 1);
    }
    CHECK_FALSE(read_back(folder.file("none.mkv")).readable);
  }

  TEST_CASE("muxer: a recording killed -9 holds every packet that was promised") {
    const TempFolder folder;
    TakeSettings settings;
    settings.seconds = 1.0;
    const Take take = make_take(settings);
    for (const std::string name : {"kill.nut", "kill.mkv"}) {
      const std::string path = folder.file(name);
      int promise[2] = {};
      REQUIRE(::pipe(promise) == 0);
      const pid_t child = ::fork();
      if (child == 0) {
        Encoder pictures(picture_settings(take, settings));
        Muxer muxer(path);
        const int p = muxer.add_stream(pictures);
        muxer.begin();
        Packet packet;
        for (std::size_t i = 0; i < 17; ++i) {
          static_cast<void>(encode_picture(pictures, take, i));
          while (pictures.receive(packet)) {
            static_cast<void>(muxer.write(p, std::move(packet)));
          }
        }
        const std::uint64_t durable = muxer.durable_packets(p);
        static_cast<void>(::write(promise[1], &durable, sizeof durable));
        ::kill(::getpid(), SIGKILL);
      }
      std::uint64_t durable = 0;
      REQUIRE(::read(promise[0], &durable, sizeof durable) == sizeof durable);
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      CHECK(WIFSIGNALED(status));
      CHECK(durable == 17);
      const ReadBack back = read_back(path);
      REQUIRE(back.readable);
      CHECK(back.streams[0].pts_ns.size() == durable);
      ::close(promise[0]);
      ::close(promise[1]);
    }
  }

  TEST_CASE("join_parts: the parts of a killed recording equal an uninterrupted one") {
    const TempFolder folder;
    TakeSettings settings;
    settings.bitexact = true;
    const Take take = make_take(settings);
    for (const std::string ending : {".nut", ".mkv"}) {
      const std::string whole = folder.file("whole" + ending);
      record(take, settings, whole);
      const std::string first = folder.file("take" + ending);
      record(take, settings, first, {0, 0, 12});
      const std::string bytes = read_file(first);
      write_file(first, bytes.substr(0, bytes.size() - 2000));  // torn
      const ReadBack back = read_back(first);
      REQUIRE(back.readable);
      const std::size_t pictures = stream_of(back, AVRIG_MEDIA_VIDEO).pts_ns.size();
      const std::size_t samples = stream_of(back, AVRIG_MEDIA_AUDIO).samples;
      REQUIRE(pictures > 3);
      // The second begins two pictures and one block too early: those must not come twice.
      const std::string second = folder.file("take.part1" + ending);
      record(take, settings, second, {pictures - 2, samples - settings.block_samples, SIZE_MAX});
      const std::string parts[] = {first, second};
      JoinOptions options;
      options.bitexact = true;
      options.remove_parts = true;
      const JoinReport report = join_parts(parts, first, options);
      CHECK(report.duplicates == 3);
      const auto joined = decode_pictures(first);
      const auto expected = decode_pictures(whole);
      REQUIRE(joined.size() == expected.size());
      for (std::size_t i = 0; i < joined.size(); ++i) {
        CHECK(joined[i].pts_ns == expected[i].pts_ns);
        CHECK(joined[i].hash == expected[i].hash);
      }
      CHECK(decode_sound(first) == decode_sound(whole));
      CHECK_FALSE(std::filesystem::exists(second));
      CHECK_FALSE(std::filesystem::exists(first + ".joining"));
    }
  }

  TEST_CASE("join_parts: refuses an existing target and parts that do not fit") {
    const TempFolder folder;
    TakeSettings settings;
    settings.seconds = 0.3;
    const Take take = make_take(settings);
    record(take, settings, folder.file("a.nut"));
    settings.sound_codec = "flac";
    record(take, settings, folder.file("b.nut"));
    write_file(folder.file("there.nut"), "precious");
    const std::string parts[] = {folder.file("a.nut"), folder.file("b.nut")};
    CHECK_THROWS_WITH_AS(
        join_parts(parts, folder.file("there.nut")), doctest::Contains("never overwritten"), Error);
    CHECK(read_file(folder.file("there.nut")) == "precious");
    CHECK_THROWS_WITH_AS(
        join_parts(parts, folder.file("new.nut")), doctest::Contains("other streams"), Error);
    CHECK_FALSE(std::filesystem::exists(folder.file("new.nut")));
    CHECK_FALSE(std::filesystem::exists(folder.file("new.nut.joining")));
    const std::string none[] = {folder.file("no.nut")};
    CHECK_THROWS_WITH_AS(
        join_parts(none, folder.file("new.nut")), doctest::Contains("no part is readable"), Error);
  }
}
