// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/sound.hpp>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::dipstream;

namespace {

/// A WAV file of stereo PCM, gone at the end of the test.
class WavFile {
 public:
  WavFile(std::uint16_t bits, const std::vector<std::int32_t>& values)
      : path_(std::filesystem::temp_directory_path() /
              ("avrig-sound-" + std::to_string(::getpid()) + ".wav")) {
    const std::uint16_t bytes = bits / 8;
    const auto size = static_cast<std::uint32_t>(values.size() * bytes);
    std::ofstream file(path_, std::ios::binary);
    file << "RIFF";
    put<std::uint32_t>(file, 36 + size);
    file << "WAVEfmt ";
    put<std::uint32_t>(file, 16);
    put<std::uint16_t>(file, 1);  // PCM
    put<std::uint16_t>(file, 2);
    put<std::uint32_t>(file, 48000);
    put<std::uint32_t>(file, 48000U * 2 * bytes);
    put<std::uint16_t>(file, static_cast<std::uint16_t>(2 * bytes));
    put<std::uint16_t>(file, bits);
    file << "data";
    put<std::uint32_t>(file, size);
    for (const std::int32_t value : values) {
      file.write(reinterpret_cast<const char*>(&value), bytes);  // little-endian, as here
    }
  }
  ~WavFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  WavFile(const WavFile&) = delete;
  WavFile& operator=(const WavFile&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  template <class T>
  static void put(std::ofstream& file, T value) {
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::filesystem::path path_;
};

std::vector<std::int32_t> values(std::int32_t most) {
  std::vector<std::int32_t> all;
  for (std::int32_t i = 0; i < 2000; ++i) {
    all.push_back(
        static_cast<std::int32_t>((std::int64_t{i} * 7919 * 31) % (2 * std::int64_t{most}) - most));
  }
  all[0] = -most;
  all[1] = most - 1;
  return all;
}

}  // namespace

TEST_SUITE("core/dipstream sound") {
  TEST_CASE("a file of 16 bits keeps them in memory, sample for sample") {
    const std::vector<std::int32_t> wanted = values(32768);
    const WavFile file(16, wanted);
    const auto sound = Sound::from_file(file.path(), 48000, true);
    const mixer::SampleView& view = sound->view();
    REQUIRE(view.format == mixer::SampleFormat::S16);
    REQUIRE(view.channels == 2);
    REQUIRE(view.length == 1000);
    CHECK(sound->bytes() == 4000);
    CHECK(view.peak == 1.0F);
    for (std::size_t channel = 0; channel < 2; ++channel) {
      const auto* row = reinterpret_cast<const std::int16_t*>(
          static_cast<const std::byte*>(view.data) + channel * view.stride_bytes);
      for (std::size_t i = 0; i < 1000; ++i) {
        REQUIRE(row[i] == wanted[2 * i + channel]);
      }
    }
  }

  TEST_CASE("a file of 24 bits, and one that is resampled, become float") {
    const WavFile deep(24, values(8388608));
    CHECK(Sound::from_file(deep.path(), 48000, true)->view().format == mixer::SampleFormat::F32);
    const WavFile file(16, values(32768));
    CHECK(Sound::from_file(file.path(), 44100, false)->view().format == mixer::SampleFormat::F32);
  }
}
