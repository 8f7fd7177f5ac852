// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// avrig-demo-clip OUT: write the clip that the demo plays.

#include "clip.hpp"
#include "tool.hpp"
#include <avrig/media/handles.hpp>

#include <charconv>
#include <iostream>
#include <string>

#include <boost/program_options.hpp>

namespace {

namespace po = boost::program_options;
using avrig::demo_clip::ClipOptions;

constexpr const char* kHelp =
    "Write a clip to test a pipeline with: each picture carries its number, and at irregular "
    "times\n"
    "a patch flashes and a beep sounds in the same instant. The sound is FLAC, in mp4 AAC.\n\n"
    "  avrig-demo-clip clip.mkv --seconds 10 --voice speech.wav\n\n";

/// Two numbers with a separator between, the second one optional.
bool read_two(const std::string& text, char separator, std::uint32_t& a, std::uint32_t& b) {
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, a);
  if (first.ec != std::errc{} || first.ptr == end) {
    return first.ec == std::errc{};
  }
  const auto second = std::from_chars(first.ptr + 1, end, b);
  return *first.ptr == separator && second.ec == std::errc{} && second.ptr == end;
}

int run(int argc, char** argv) {
  ClipOptions options;
  std::string size = "640x360";
  std::string rate = "30";
  avrig::tool::Line line("avrig-demo-clip OUT [options]", kHelp);
  line.options()("seconds",
                 po::value(&options.seconds)->default_value(10.0, "10"),
                 "how long it is")("size", po::value(&size)->default_value(size), "of the picture")(
      "fps", po::value(&rate)->default_value(rate), "pictures a second: 30, 30000/1001")(
      "rate", po::value(&options.sample_rate_hz)->default_value(48000), "samples a second")(
      "voice", po::value(&options.voice), "a sound file to lay under the beeps")(
      "video-codec", po::value(&options.video_codec), "FFmpeg's name; libx264 unless told")(
      "audio-codec", po::value(&options.audio_codec), "FFmpeg's name")(
      "late-ms", po::value(&options.sound_late_ms), "a fault: so late are the beeps")(
      "lose", po::value(&options.lost_picture), "a fault: this picture is left out");
  if (!line.parse(argc, argv)) {
    return 0;
  }
  options.path = line.file();
  const bool good = !options.path.empty() && read_two(size, 'x', options.width, options.height) &&
                    read_two(rate, '/', options.rate_num, options.rate_den);
  if (!good) {
    std::cerr << "avrig-demo-clip: give a file, --size as 640x360, --fps as 30 or 30000/1001\n";
    return 1;
  }
  avrig::media::set_ffmpeg_log(avrig::media::FfmpegLog::Silent);
  avrig::demo_clip::write_clip(options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return avrig::tool::run("avrig-demo-clip", [&] { return run(argc, argv); });
}
