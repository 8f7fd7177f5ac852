// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include <avrig/error.hpp>
#include <avrig/media/demuxer.hpp>

#include <algorithm>
#include <cmath>

extern "C" {
#include <libavutil/mathematics.h>
}

using namespace avrig;
using namespace avrig::media;
using namespace avrig::media::testing;

namespace {

void check_picture_seeks(const std::string& path) {
  const auto linear = decode_pictures(path);
  REQUIRE(linear.size() > 40);
  Demuxer demuxer(path);
  const int stream = demuxer.best_stream(AVRIG_MEDIA_VIDEO).value();
  const StreamInfo& info = demuxer.streams()[static_cast<std::size_t>(stream)];
  Decoder decoder(info);
  for (std::size_t i = 0; i < linear.size(); i += 7) {
    const std::int64_t target =
        av_rescale_q(linear[i].pts_ns, kNanoseconds, demuxer.streams()[0].time_base);
    REQUIRE(demuxer.seek_before(stream, target));
    decoder.flush();
    std::vector<DecodedPicture> rest;
    decode_rest(demuxer, decoder, stream, [&](const MediaFrame& frame) {
      if (frame.pts_ns().value_or(INT64_MIN) >= linear[i].pts_ns) {
        rest.push_back({*frame.pts_ns(), picture_hash(frame)});
      }
    });
    CHECK(rest == std::vector<DecodedPicture>(linear.begin() + static_cast<std::ptrdiff_t>(i),
                                              linear.end()));
  }
}

void check_sound_seeks(const std::string& path) {
  const DecodedSound linear = decode_sound(path);
  Demuxer demuxer(path);
  const int stream = demuxer.best_stream(AVRIG_MEDIA_AUDIO).value();
  const StreamInfo& info = demuxer.streams()[static_cast<std::size_t>(stream)];
  Decoder decoder(info);
  for (std::size_t i = 0; i < linear.block_pts_ns.size(); i += 9) {
    const std::int64_t from = linear.block_pts_ns[i];
    REQUIRE(demuxer.seek_before(stream, av_rescale_q(from, kNanoseconds, info.time_base)));
    decoder.flush();
    DecodedSound rest;
    decode_rest(demuxer, decoder, stream, [&](const MediaFrame& frame) {
      if (frame.pts_ns().value_or(INT64_MIN) >= from) {
        append(rest, frame);
      }
    });
    REQUIRE(!rest.channels.empty());
    CHECK(rest.first_ns == from);
    for (std::size_t c = 0; c < rest.channels.size(); ++c) {
      const auto& all = linear.channels[c];
      const std::size_t n = rest.channels[c].size();
      REQUIRE(n <= all.size());
      CHECK(std::equal(rest.channels[c].begin(),
                       rest.channels[c].end(),
                       all.end() - static_cast<std::ptrdiff_t>(n)));
    }
  }
}

std::string open_error(const std::string& path) {
  try {
    const Demuxer demuxer(path);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::Open);
    CHECK(std::string(error.what()).find(path) != std::string::npos);
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_SUITE("core/media/demuxer") {
  TEST_CASE("demuxer: decoding after seek_before equals a linear decode, pictures") {
    const TempFolder folder;
    std::string codec;
    std::string name;
    SUBCASE("FFV1 in mkv") {
      codec = "-c:v ffv1";
      name = "a.mkv";
    }
    SUBCASE("FFV1 in nut") {
      codec = "-c:v ffv1 -g 10";
      name = "a.nut";
    }
    SUBCASE("H.264, B-frames, closed GOP, mkv") {
      codec = "-c:v libx264 -g 20 -bf 3";
      name = "a.mkv";
    }
    SUBCASE("H.264, B-frames, closed GOP, mp4") {
      codec = "-c:v libx264 -g 20 -bf 3";
      name = "a.mp4";
    }
    SUBCASE("H.264, B-frames, open GOP, mkv") {
      codec = "-c:v libx264 -bf 3 -x264-params open-gop=1:keyint=12:min-keyint=12:scenecut=0";
      name = "a.mkv";
    }
    SUBCASE("H.264, B-frames, open GOP, mp4") {
      codec = "-c:v libx264 -bf 3 -x264-params open-gop=1:keyint=12:min-keyint=12:scenecut=0";
      name = "a.mp4";
    }
    ffmpeg("-f lavfi -i testsrc2=s=160x120:r=25:d=2.4 -pix_fmt yuv420p " + codec + " " +
           folder.file(name));
    check_picture_seeks(folder.file(name));
  }

  TEST_CASE("demuxer: decoding after seek_before equals a linear decode, sound") {
    const TempFolder folder;
    std::string name;
    SUBCASE("PCM in wav") {
      name = "a.wav";
    }
    SUBCASE("PCM in nut") {
      name = "b.nut -c:a pcm_s16le";
    }
    SUBCASE("FLAC in mkv") {
      name = "a.mkv -c:a flac";
    }
    SUBCASE("FLAC by itself") {
      name = "a.flac";
    }
    const std::string file = folder.file(name.substr(0, name.find(' ')));
    const std::string options =
        name.find(' ') == std::string::npos ? "" : name.substr(name.find(' '));
    ffmpeg("-f lavfi -i anoisesrc=d=2:r=48000:seed=3 -ac 2" + options + " " + file);
    check_sound_seeks(file);
  }

  TEST_CASE("demuxer: seeking for two streams at once serves both") {
    const TempFolder folder;
    const std::string path = folder.file("both.mkv");
    ffmpeg(
        "-f lavfi -i testsrc2=s=160x120:r=25:d=4 -f lavfi -i anoisesrc=d=4:r=48000 "
        "-c:v libx264 -g 25 -pix_fmt yuv420p -c:a aac " +
        path);
    Demuxer demuxer(path);
    // Not before 40: AAC's priming puts the first picture at 21 ms.
    for (const std::int64_t ms : {40, 80, 1000, 1990, 3500}) {
      const SeekTarget targets[] = {{0, ms}, {1, ms + 500 > 3900 ? ms : ms + 500}};
      REQUIRE(demuxer.seek_before(targets));
      bool seen[2] = {};
      Packet packet;
      while (demuxer.read(packet) == ReadStatus::Packet) {
        const int s = packet.stream();
        if (!seen[s]) {
          seen[s] = true;
          CHECK(packet.key());
          CHECK(*packet.pts() <= targets[s].pts);
        }
      }
      CHECK((seen[0] && seen[1]));
    }
  }

  TEST_CASE("demuxer: the priming of lossy codecs is trimmed") {
    const TempFolder folder;
    for (const std::string codec : {"aac", "libopus", "libmp3lame"}) {
      const std::string path = folder.file(codec + (codec == "aac"       ? ".mp4"
                                                    : codec == "libopus" ? ".mkv"
                                                                         : ".mp3"));
      // A click in the middle of silence: where it comes out tells the delay.
      ffmpeg(
          "-f lavfi -i \"aevalsrc=if(between(t\\,0.5\\,0.502)\\,0.9*sin(2*PI*2000*t)\\,0):d=1:"
          "s=48000\" -c:a " +
          codec + " " + path);
      const DecodedSound sound = decode_sound(path);
      const auto& row = sound.channels.at(0);
      const auto loudest = std::max_element(
          row.begin(), row.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
      // From the first real sample: MP3 files begin at 23 ms on their own timeline.
      const double at = static_cast<double>(loudest - row.begin()) / 48000.0;
      CHECK_MESSAGE(std::abs(at - 0.501) < 0.0025, codec << " at " << at);
      MESSAGE(codec, ": begins at ", sound.first_ns, " ns, ", row.size(), " samples");
    }
  }

  TEST_CASE("demuxer: what cannot be opened is said plainly") {
    const TempFolder folder;
    CHECK(has(open_error(folder.file("missing.mkv")), "no such file"));
    CHECK(has(open_error(folder.file("")), "folder"));
    write_file(folder.file("empty.mkv"), "");
    CHECK(has(open_error(folder.file("empty.mkv")), "empty"));
    std::string garbage;
    for (int i = 0; i < 50'000; ++i) {
      garbage += static_cast<char>((i * 7919) >> 3);
    }
    write_file(folder.file("garbage.mkv"), garbage);
    CHECK(has(open_error(folder.file("garbage.mkv")), "not a media file"));
    ffmpeg("-f lavfi -i testsrc2=s=160x120:r=25:d=1 -pix_fmt yuv420p " + folder.file("ok.mp4"));
    const std::string whole = read_file(folder.file("ok.mp4"));
    write_file(folder.file("cut.mp4"), whole.substr(0, whole.size() / 2));
    CHECK(has(open_error(folder.file("cut.mp4")), "cut off"));
    write_file(folder.file("text.srt"), "1\n00:00:01,000 --> 00:00:02,000\nhello\n");
    CHECK(has(open_error(folder.file("text.srt")), "no audio or video"));
    DemuxerOptions options;
    options.options["no_such_option"] = "1";
    CHECK_THROWS_WITH_AS(
        Demuxer(folder.file("ok.mp4"), options), doctest::Contains("no_such_option"), Error);
  }

  TEST_CASE("demuxer: files cut anywhere or damaged anywhere never crash") {
    const TempFolder folder;
    for (const std::string name : {"a.mkv", "a.nut", "a.mp4", "a.mov"}) {
      const std::string path = folder.file(name);
      ffmpeg(
          "-f lavfi -i testsrc2=s=64x48:r=25:d=0.6 -f lavfi -i anoisesrc=d=0.6 -c:v libx264 "
          "-pix_fmt yuv420p -c:a aac " +
          path);
      const std::string whole = read_file(path);
      for (std::size_t i = 1; i < 24; ++i) {
        std::string bytes = whole.substr(0, whole.size() * i / 24);
        if (i % 2 == 0) {
          bytes = whole;
          for (std::size_t k = 0; k < 40; ++k) {
            bytes[(i * 7919 + k * 104729) % bytes.size()] ^= static_cast<char>(k * 37 + i);
          }
        }
        const std::string damaged = folder.file("damaged-" + name);
        write_file(damaged, bytes);
        try {
          const std::size_t pictures = decode_pictures(damaged).size();
          CHECK(pictures <= 60);
        } catch (const Error& error) {
          CHECK(std::string(error.what()).find(damaged) != std::string::npos);
        } catch (const std::bad_optional_access&) {
          // the damage hit the description of the picture stream only
        }
      }
    }
  }
}
