// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clip.hpp"
#include "probe_file.hpp"
#include <avrig/error.hpp>
#include <avrig/marks/schedule.hpp>
#include <avrig/media/handles.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

using namespace avrig;
using demo_clip::ClipOptions;

namespace {

namespace fs = std::filesystem;

class TempFolder {
 public:
  TempFolder() {
    media::set_ffmpeg_log(media::FfmpegLog::Silent);
    std::string name = (fs::temp_directory_path() / "avrig-clip-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("no temporary folder");
    }
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

probe::Summary write_and_probe(const ClipOptions& options) {
  demo_clip::write_clip(options);
  return probe::probe_file(options.path);
}

void check_faultless(const probe::Summary& seen, std::uint64_t pictures, std::size_t flashes) {
  CHECK(seen.numbers.read == pictures);
  CHECK(seen.numbers.unreadable + seen.numbers.missing + seen.numbers.duplicate +
            seen.numbers.out_of_order ==
        0);
  CHECK(seen.pairs == flashes);
  CHECK(seen.lonely_beeps + seen.lonely_flashes == 0);
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("the clip in H.264 and FLAC has every picture and an offset of zero") {
  const TempFolder folder;
  const probe::Summary seen =
      write_and_probe({.path = folder.file("clip.mkv"), .width = 320, .height = 180});
  check_faultless(seen, 300, marks::flash_schedule(300, 30.0).size());
  MESSAGE("offset " << seen.offset_min_ms << " to " << seen.offset_max_ms << " ms");
  // Matroska's times are whole milliseconds.
  CHECK(seen.offset_min_ms > -0.51);
  CHECK(seen.offset_max_ms < 0.51);
}

TEST_CASE("in nut, whose times are exact, the offset is zero to a microsecond") {
  const TempFolder folder;
  const probe::Summary seen = write_and_probe({.path = folder.file("clip.nut"),
                                               .seconds = 5,
                                               .width = 320,
                                               .height = 180,
                                               .rate_num = 30000,
                                               .rate_den = 1001,
                                               .video_codec = "ffv1",
                                               .audio_codec = "pcm_s16le"});
  check_faultless(seen, 150, marks::flash_schedule(150, 30000.0 / 1001).size());
  CHECK(std::abs(seen.offset_min_ms) < 0.002);
  CHECK(std::abs(seen.offset_max_ms) < 0.002);
}

TEST_CASE("AAC in mp4 keeps the beeps where they belong") {
  const TempFolder folder;
  const probe::Summary seen =
      write_and_probe({.path = folder.file("clip.mp4"), .seconds = 5, .width = 320, .height = 180});
  check_faultless(seen, 150, marks::flash_schedule(150, 30.0).size());
  MESSAGE("offset " << seen.offset_min_ms << " to " << seen.offset_max_ms << " ms");
  CHECK(std::abs(seen.offset_min_ms) < 0.1);
  CHECK(std::abs(seen.offset_max_ms) < 0.1);
}

TEST_CASE("faults that were put in are found: late sound, a lost picture") {
  const TempFolder folder;
  const probe::Summary seen = write_and_probe({.path = folder.file("clip.nut"),
                                               .seconds = 4,
                                               .width = 320,
                                               .height = 180,
                                               .sound_late_ms = 10.0,
                                               .lost_picture = 50});
  CHECK(seen.numbers.missing == 1);
  CHECK(seen.numbers.read == 119);
  CHECK(std::abs(seen.offset_mean_ms - 10.0) < 0.002);
  CHECK(seen.offset_max_ms - seen.offset_min_ms < 0.004);
}

TEST_CASE("a recording in RGB is read as well") {
  const TempFolder folder;
  const probe::Summary seen = write_and_probe({.path = folder.file("clip.nut"),
                                               .seconds = 2,
                                               .width = 320,
                                               .height = 180,
                                               .video_codec = "libx264rgb"});
  check_faultless(seen, 60, marks::flash_schedule(60, 30.0).size());
}

TEST_CASE("a voice under the beeps does not move them") {
  const TempFolder folder;
  demo_clip::write_clip({.path = folder.file("voice.nut"),
                         .seconds = 2,
                         .width = 320,
                         .height = 180,
                         .sample_rate_hz = 22050,
                         .audio_codec = "pcm_s16le"});
  const probe::Summary seen = write_and_probe({.path = folder.file("clip.nut"),
                                               .seconds = 4,
                                               .width = 320,
                                               .height = 180,
                                               .voice = folder.file("voice.nut"),
                                               .beeps = true});
  // The other clip's beeps are in its voice: they are found too, beside their own flashes or alone.
  CHECK(seen.pairs == marks::flash_schedule(120, 30.0).size());
  CHECK(seen.numbers.read == 120);
}

TEST_CASE("the same options give the same bytes, and an existing file is never touched") {
  const TempFolder folder;
  ClipOptions options{.path = folder.file("a.mkv"), .seconds = 2, .width = 320, .height = 180};
  demo_clip::write_clip(options);
  options.path = folder.file("b.mkv");
  demo_clip::write_clip(options);
  const std::string bytes = bytes_of(options.path);
  CHECK(bytes.size() > 1000);
  CHECK(bytes == bytes_of(folder.file("a.mkv")));
  CHECK_THROWS_AS(demo_clip::write_clip(options), Error);
  CHECK(bytes == bytes_of(options.path));
}

TEST_CASE("clips that cannot be made are refused") {
  const TempFolder folder;
  CHECK_THROWS_WITH_AS(
      demo_clip::write_clip({.path = folder.file("a.mkv"), .width = 160, .height = 90}),
      doctest::Contains("160x90"),
      Error);
  CHECK_THROWS_AS(demo_clip::write_clip({.path = folder.file("b.mkv"), .voice = folder.file("no")}),
                  Error);
  CHECK_FALSE(fs::exists(folder.file("b.mkv")));
  CHECK_THROWS_AS(demo_clip::write_clip({.path = folder.file("c.mkv"), .seconds = -1}), Error);
}
