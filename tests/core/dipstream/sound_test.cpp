// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/sound.hpp>

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/mman.h>
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

/// How much of the mapping that begins at `data` lies in large pages.
long large_kib(const void* data) {
  char begin[32];
  std::snprintf(begin, sizeof begin, "%lx-", reinterpret_cast<unsigned long>(data));
  std::ifstream maps("/proc/self/smaps");
  bool found = false;
  long kib = -1;
  for (std::string line; std::getline(maps, line);) {
    found = found || line.rfind(begin, 0) == 0;
    if (found && std::sscanf(line.c_str(), "ShmemPmdMapped: %ld kB", &kib) == 1) {
      return kib;
    }
  }
  return kib;
}

/// Does the system make large pages of shared memory when asked to?
bool has_large_pages() {
  constexpr int kCollapse = 25;  // MADV_COLLAPSE
  const shm::Segment segment = shm::Segment::create("avrig-probe", 2 * shm::kLargePageBytes);
  const shm::Mapping mapping(segment, shm::Mapping::Access::ReadWrite);
  const auto first = reinterpret_cast<std::uintptr_t>(mapping.bytes().data());
  const std::size_t skip = (shm::round_up(first, shm::kLargePageBytes) - first);
  // Only the offset and the address together make a large page.
  void* again = ::mmap(mapping.bytes().data() + skip,
                       shm::kLargePageBytes,
                       PROT_READ,
                       MAP_SHARED | MAP_FIXED,
                       segment.fd(),
                       0);
  return again != MAP_FAILED && ::madvise(again, shm::kLargePageBytes, kCollapse) == 0;
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

  TEST_CASE("a long sound lies in large pages where the system has them, a short one never does") {
    std::vector<float> samples((5 << 20) / sizeof(float));
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i] = static_cast<float>(i % 1000) / 1000.0F;
    }
    const auto bytes = std::as_bytes(std::span(samples));
    const long wanted = has_large_pages() ? 4096 : 0;
    const auto own = Sound::from_bytes(bytes, {});
    UniqueFd fd(::memfd_create("client", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    REQUIRE(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    REQUIRE(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0);
    const auto clients = Sound::from_memfd(std::move(fd), {});
    const auto kept =
        Sound::from_kept(UniqueFd(::fcntl(own->fd(), F_DUPFD_CLOEXEC, 0)), own->view());
    for (const Sound* sound : {own.get(), clients.get(), kept.get()}) {
      CHECK(large_kib(sound->view().data) == wanted);
      CHECK(std::memcmp(sound->view().data, bytes.data(), bytes.size()) == 0);
    }
    CHECK(large_kib(Sound::from_bytes(bytes.first(1 << 20), {})->view().data) == 0);
  }
}
