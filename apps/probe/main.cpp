// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// avrig-probe FILE: what became of the demo clip on its way into this recording.

#include "probe_file.hpp"
#include "tool.hpp"
#include <avrig/media/handles.hpp>

#include <cstdio>
#include <iostream>

namespace {

using avrig::probe::Summary;

constexpr const char* kHelp =
    "Look into a recording of the demo clip: which pictures are there, and how far the sound is\n"
    "from the picture, in ms; positive = the sound is late.\n\n"
    "  avrig-probe take.mkv\n\n";

unsigned long long number(std::uint64_t n) {
  return n;
}

void print_text(const Summary& seen) {
  std::printf(
      "pictures     %llu read, %llu missing, %llu duplicate, %llu out of order, "
      "%llu unreadable\n",
      number(seen.numbers.read),
      number(seen.numbers.missing),
      number(seen.numbers.duplicate),
      number(seen.numbers.out_of_order),
      number(seen.numbers.unreadable));
  std::printf("flashes      %llu, %llu of them without a beep\n",
              number(seen.flashes),
              number(seen.lonely_flashes));
  std::printf("beeps        %llu, %llu of them without a flash\n",
              number(seen.beeps),
              number(seen.lonely_beeps));
  if (seen.pairs == 0) {
    std::printf("A/V offset   not measured: no flash has a beep\n");
    return;
  }
  std::printf("A/V offset   mean %+.3f ms, min %+.3f, max %+.3f over %llu pairs\n",
              seen.offset_mean_ms,
              seen.offset_min_ms,
              seen.offset_max_ms,
              number(seen.pairs));
}

void print_json(const Summary& seen) {
  std::printf(
      "{\"read\": %llu, \"missing\": %llu, \"duplicate\": %llu, \"out_of_order\": %llu, "
      "\"unreadable\": %llu, ",
      number(seen.numbers.read),
      number(seen.numbers.missing),
      number(seen.numbers.duplicate),
      number(seen.numbers.out_of_order),
      number(seen.numbers.unreadable));
  std::printf(
      "\"flashes\": %llu, \"beeps\": %llu, \"flashes_without_beep\": %llu, "
      "\"beeps_without_flash\": %llu, \"pairs\": %llu, ",
      number(seen.flashes),
      number(seen.beeps),
      number(seen.lonely_flashes),
      number(seen.lonely_beeps),
      number(seen.pairs));
  std::printf("\"offset_ms\": {\"mean\": %.6f, \"min\": %.6f, \"max\": %.6f}}\n",
              seen.offset_mean_ms,
              seen.offset_min_ms,
              seen.offset_max_ms);
}

int run(int argc, char** argv) {
  avrig::tool::Line line("avrig-probe FILE [options]", kHelp);
  line.options()("json", "for programs");
  if (!line.parse(argc, argv)) {
    return 0;
  }
  if (line.file().empty()) {
    std::cerr << "avrig-probe: give a file to look into\n";
    return 1;
  }
  avrig::media::set_ffmpeg_log(avrig::media::FfmpegLog::Silent);
  const Summary seen = avrig::probe::probe_file(line.file());
  if (line.has("json")) {
    print_json(seen);
  } else {
    print_text(seen);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return avrig::tool::run("avrig-probe", [&] { return run(argc, argv); });
}
