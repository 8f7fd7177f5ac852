// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/decoder.hpp>
#include <avrig/media/demuxer.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

namespace avrig::media::testing {

/// A folder of its own, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    set_ffmpeg_log(FfmpegLog::Silent);
    char name[] = "/tmp/avrig-media-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Runs the ffmpeg command; the test fails when that does.
inline void ffmpeg(const std::string& arguments) {
  const std::string line = "ffmpeg -nostdin -v error -y " + arguments;
  REQUIRE_MESSAGE(std::system(line.c_str()) == 0, line);
}

inline std::uint64_t fnv(std::uint64_t hash, const void* data, std::size_t bytes) {
  const auto* p = static_cast<const std::uint8_t*>(data);
  for (std::size_t i = 0; i < bytes; ++i) {
    hash = (hash ^ p[i]) * 0x100000001b3ULL;
  }
  return hash;
}

/// Of the visible pixels, row by row.
inline std::uint64_t picture_hash(const MediaFrame& frame) {
  const avrig_format format = frame.format();
  const FrameLayout layout = FrameLayout::of(format);
  std::vector<std::uint8_t> bytes(layout.total_bytes, 0);
  frame.copy_picture(layout, bytes.data());
  return fnv(0xcbf29ce484222325ULL, bytes.data(), bytes.size());
}

struct DecodedPicture {
  std::int64_t pts_ns = 0;
  std::uint64_t hash = 0;
  bool operator==(const DecodedPicture&) const = default;
};

struct DecodedSound {
  std::vector<std::vector<float>> channels;
  std::vector<std::int64_t> block_pts_ns;
  std::int64_t first_ns = INT64_MIN;
  bool operator==(const DecodedSound&) const = default;
};

inline void append(DecodedSound& sound, const MediaFrame& frame) {
  sound.channels.resize(frame.channels());
  std::vector<float> rows(std::size_t{frame.samples()} * frame.channels());
  frame.copy_samples(0, frame.samples(), rows.data(), frame.samples() * sizeof(float));
  for (std::size_t c = 0; c < frame.channels(); ++c) {
    const float* row = rows.data() + c * frame.samples();
    sound.channels[c].insert(sound.channels[c].end(), row, row + frame.samples());
  }
  const std::int64_t at = frame.pts_ns().value_or(INT64_MIN);
  if (sound.first_ns == INT64_MIN) {
    sound.first_ns = at;
  }
  sound.block_pts_ns.push_back(at);
}

/// Decodes one stream from where the demuxer stands to its end; `take` gets each frame.
template <typename Take>
void decode_rest(Demuxer& demuxer, Decoder& decoder, int stream, Take take) {
  Packet packet;
  MediaFrame frame;
  const auto drain = [&] {
    for (;;) {
      const DecodeStatus status = decoder.receive(frame);
      if (status == DecodeStatus::Ok) {
        take(frame);
      } else if (status != DecodeStatus::Corrupt) {
        return;
      }
    }
  };
  while (demuxer.read(packet) == ReadStatus::Packet) {
    if (packet.stream() != stream) {
      continue;
    }
    while (decoder.send(packet) == DecodeStatus::Again) {
      drain();
    }
    drain();
  }
  static_cast<void>(decoder.send_end());
  drain();
}

inline std::vector<DecodedPicture> decode_pictures(const std::string& path,
                                                   DecoderOptions options = {}) {
  Demuxer demuxer(path);
  const int stream = demuxer.best_stream(AVRIG_MEDIA_VIDEO).value();
  Decoder decoder(demuxer.streams()[static_cast<std::size_t>(stream)], options);
  std::vector<DecodedPicture> pictures;
  decode_rest(demuxer, decoder, stream, [&](const MediaFrame& frame) {
    pictures.push_back({frame.pts_ns().value_or(INT64_MIN), picture_hash(frame)});
  });
  return pictures;
}

inline DecodedSound decode_sound(const std::string& path) {
  Demuxer demuxer(path);
  const int stream = demuxer.best_stream(AVRIG_MEDIA_AUDIO).value();
  Decoder decoder(demuxer.streams()[static_cast<std::size_t>(stream)]);
  DecodedSound sound;
  decode_rest(demuxer, decoder, stream, [&](const MediaFrame& frame) { append(sound, frame); });
  return sound;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::string bytes(file ? static_cast<std::size_t>(file.tellg()) : 0, '\0');
  file.seekg(0).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace avrig::media::testing
