// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"

#include "../core/media/clips.hpp"
#include "clip.hpp"
#include "probe_file.hpp"

#include <algorithm>
#include <cstdlib>

namespace avrig::e2e {

namespace mt = media::testing;

std::string make_clip(const Rig& rig, const ClipWish& wish) {
  media::set_ffmpeg_log(media::FfmpegLog::Silent);
  demo_clip::ClipOptions options;
  options.path = rig.file(wish.name);
  options.seconds = wish.seconds;
  options.width = wish.width;
  options.height = wish.height;
  options.video_codec = wish.video_codec;
  options.audio_codec = wish.audio_codec;
  demo_clip::write_clip(options);
  return options.path;
}

Content decode(const std::string& path) {
  media::set_ffmpeg_log(media::FfmpegLog::Silent);
  Content content;
  const media::Demuxer streams(path);
  if (streams.best_stream(AVRIG_MEDIA_VIDEO)) {
    for (const mt::DecodedPicture& picture : mt::decode_pictures(path)) {
      content.pictures.push_back({picture.pts_ns, picture.hash});
    }
  }
  if (streams.best_stream(AVRIG_MEDIA_AUDIO)) {
    mt::DecodedSound sound = mt::decode_sound(path);
    content.sound = std::move(sound.channels);
    content.sound_ns = sound.first_ns;
    content.block_ns = std::move(sound.block_pts_ns);
  }
  return content;
}

void check_same(const Content& got, const Content& expected) {
  CHECK(got.pictures.size() == expected.pictures.size());
  std::size_t wrong_time = 0;
  std::size_t wrong_picture = 0;
  std::size_t first_wrong = SIZE_MAX;
  for (std::size_t i = 0; i < std::min(got.pictures.size(), expected.pictures.size()); ++i) {
    wrong_time += std::llabs(got.pictures[i].pts_ns - expected.pictures[i].pts_ns) > 1000 ? 1U : 0U;
    if (got.pictures[i].hash != expected.pictures[i].hash) {
      ++wrong_picture;
      first_wrong = std::min(first_wrong, i);
    }
  }
  CHECK(wrong_time == 0);
  CHECK_MESSAGE(wrong_picture == 0, "the first is picture ", first_wrong);
  CHECK(got.sound.size() == expected.sound.size());
  CHECK(got.samples() == expected.samples());
  CHECK((got.sound == expected.sound));
  if (!expected.sound.empty()) {
    CHECK(std::llabs(got.sound_ns - expected.sound_ns) <= 1000);
  }
}

Probed probe(const std::string& path) {
  const probe::Summary seen = avrig::probe::probe_file(path);
  return {seen.numbers.read,
          seen.numbers.missing,
          seen.numbers.duplicate,
          seen.numbers.out_of_order,
          seen.pairs,
          seen.offset_min_ms,
          seen.offset_max_ms};
}

}  // namespace avrig::e2e
