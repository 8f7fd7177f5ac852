// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "clips.hpp"
#include <avrig/error.hpp>
#include <avrig/media/decoder.hpp>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <set>
#include <sys/wait.h>

using namespace avrig;
using namespace avrig::media;
using namespace avrig::media::testing;

namespace {

/// A pool as a ring has one: fixed buffers in one stretch of memory.
class Pool : public BufferSource {
 public:
  Pool(std::size_t count, std::uint64_t bytes)
      : bytes_((bytes + 4095) & ~std::uint64_t{4095}), count_(count) {
    memory_ = static_cast<std::uint8_t*>(std::aligned_alloc(4096, bytes_ * count));
    for (std::size_t i = 0; i < count; ++i) {
      free_.push_back(i);
    }
  }
  ~Pool() override { std::free(memory_); }

  Claim claim(std::uint64_t bytes) noexcept override {
    const std::lock_guard lock(mutex_);
    if (bytes > bytes_) {
      return {Outcome::TooBig, nullptr, 0};
    }
    if (free_.empty()) {
      return {Outcome::Ended, nullptr, 0};
    }
    const std::size_t i = free_.back();
    free_.pop_back();
    most_ = std::max(most_, count_ - free_.size());
    return {Outcome::Claimed, memory_ + i * bytes_, i};
  }
  void let_go(std::uint64_t cookie) noexcept override {
    const std::lock_guard lock(mutex_);
    // Called on the decoder's threads: counted here, checked in the test's own.
    twice_ += std::find(free_.begin(), free_.end(), cookie) != free_.end() ? 1U : 0U;
    free_.push_back(cookie);
  }
  [[nodiscard]] bool holds(const void* data, std::uint64_t cookie) const {
    const auto* p = static_cast<const std::uint8_t*>(data);
    return p >= memory_ + cookie * bytes_ && p < memory_ + (cookie + 1) * bytes_;
  }
  [[nodiscard]] std::size_t free_buffers() const { return free_.size(); }
  [[nodiscard]] std::size_t let_go_twice() const { return twice_; }
  [[nodiscard]] std::size_t most_used() const { return most_; }

 private:
  std::uint8_t* memory_;
  std::uint64_t bytes_;
  std::size_t count_;
  std::size_t most_ = 0;
  std::size_t twice_ = 0;
  std::vector<std::size_t> free_;
  std::mutex mutex_;
};

/// What the ffmpeg command decodes, in FFmpeg's own hashes of the raw pictures.
std::vector<std::string> ffmpeg_hashes(const std::string& path, const std::string& folder_file) {
  ffmpeg("-i " + path + " -map 0:v -f rawvideo " + folder_file);
  return {read_file(folder_file)};
}

std::string raw_bytes(const MediaFrame& frame) {
  avrig_frame view{};
  frame.bind(view);
  const avrig_format format = frame.format();
  std::string out;
  for (std::uint32_t p = 0; p < view.planes; ++p) {
    const std::size_t width = p == 0 ? format.width : (format.width + 1) / 2;
    for (std::uint32_t y = 0; y < view.plane[p].rows; ++y) {
      out.append(static_cast<const char*>(view.plane[p].data) +
                     std::size_t{y} * view.plane[p].stride_bytes,
                 width);
    }
  }
  return out;
}

void check_in_place(const std::string& path, DecoderOptions options, const std::string& reference) {
  Demuxer demuxer(path);
  const int stream = demuxer.best_stream(AVRIG_MEDIA_VIDEO).value();
  const StreamInfo& info = demuxer.streams()[static_cast<std::size_t>(stream)];
  const Decoder probe(info, options);
  Pool pool(static_cast<std::size_t>(probe.held_buffers()) + 1, probe.buffer_bytes());
  const std::size_t all = pool.free_buffers();
  std::string decoded;
  {
    options.buffers = &pool;
    Decoder decoder(info, options);
    CHECK(decoder.direct());
    decode_rest(demuxer, decoder, stream, [&](const MediaFrame& frame) {
      REQUIRE(frame.cookie().has_value());
      avrig_frame view{};
      frame.bind(view);
      for (std::uint32_t p = 0; p < view.planes; ++p) {
        REQUIRE(pool.holds(view.plane[p].data, *frame.cookie()));
        CHECK(reinterpret_cast<std::uintptr_t>(view.plane[p].data) % 16 == 0);
      }
      decoded += raw_bytes(frame);
    });
    CHECK(decoder.copied_pictures() == 0);
    CHECK(decoder.corrupt_packets() == 0);
    MESSAGE("held at most ", pool.most_used(), " of ", probe.held_buffers(), " promised");
  }
  CHECK(decoded.size() == reference.size());
  const bool same = decoded == reference;  // megabytes: not for the test's report
  CHECK(same);
  CHECK(pool.let_go_twice() == 0);
  CHECK(pool.free_buffers() == all);
}

}  // namespace

TEST_SUITE("core/media/decoder") {
  TEST_CASE("decoder: pictures are decoded straight into supplied buffers, equal to ffmpeg's") {
    const TempFolder folder;
    const std::string clip = folder.file("clip.mkv");
    std::string codec;
    SUBCASE("H.264 with B-frames and odd size") {
      codec = "-c:v libx264 -preset medium -s 318x182";
    }
    SUBCASE("H.264 with 1080 lines, cropped") {
      codec = "-c:v libx264 -s 1920x1080";
    }
    SUBCASE("FFV1") {
      codec = "-c:v ffv1 -level 3 -slices 4";
    }
    SUBCASE("MPEG-4") {
      codec = "-c:v mpeg4 -bf 2";
    }
    ffmpeg("-f lavfi -i testsrc2=s=320x180:r=30:d=1.5 -pix_fmt yuv420p " + codec + " " + clip);
    const std::string reference = ffmpeg_hashes(clip, folder.file("raw.yuv")).front();
    for (const Threading threading : {Threading::Slices, Threading::Frames}) {
      for (const int threads : {1, 3}) {
        DecoderOptions options;
        options.threading = threading;
        options.threads = threads;
        check_in_place(clip, options, reference);
      }
    }
  }
}
