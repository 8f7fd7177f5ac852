// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// decode FILE [PIXEL_FORMAT]: decode into the buffers of a shared pool as the media reader does:
/// straight into them, or, when another pixel format is asked for, with the conversion as the last
/// step, into a buffer of the pool.

#include <avrig/media/decoder.hpp>
#include <avrig/media/demuxer.hpp>
#include <avrig/media/formats.hpp>
#include <avrig/media/picture_converter.hpp>

#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <vector>

namespace {

namespace media = avrig::media;

/// Shared memory, populated before the first picture; the buffer freed last is used first.
class Pool final : public media::BufferSource {
 public:
  Pool(std::uint64_t buffer_bytes, std::size_t buffers)
      : buffer_bytes_((buffer_bytes + 4095) & ~std::uint64_t{4095}),
        total_(buffer_bytes_ * buffers) {
    base_ = ::mmap(
        nullptr, total_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (base_ == MAP_FAILED) {
      throw std::bad_alloc();
    }
    for (std::size_t index = buffers; index > 0; --index) {
      free_.push_back(index - 1);
    }
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() override { ::munmap(base_, total_); }

  Claim claim(std::uint64_t bytes) noexcept override {
    if (bytes > buffer_bytes_) {
      return {Outcome::TooBig, nullptr, 0};
    }
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return !free_.empty(); });
    const std::size_t index = free_.back();
    free_.pop_back();
    return {Outcome::Claimed, static_cast<std::uint8_t*>(base_) + index * buffer_bytes_, index};
  }

  void let_go(std::uint64_t cookie) noexcept override {
    const std::lock_guard lock(mutex_);
    free_.push_back(cookie);
    freed_.notify_one();
  }

 private:
  std::uint64_t buffer_bytes_;
  std::uint64_t total_;
  void* base_ = nullptr;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::size_t> free_;  // room for all from the start: push_back never allocates
};

avrig_format target_format(const media::StreamInfo& stream, const std::string& pixels) {
  avrig_format format = stream.format;
  if (!pixels.empty()) {
    format = media::video_format(pixels, format.width, format.height);
    format.color_range = stream.format.color_range;
    format.color_space = stream.format.color_space;
  }
  return format;
}

/// One file's pictures, into the pool.
class Reading {
 public:
  Reading(const std::string& file, const std::string& pixels)
      : demuxer_(file),
        stream_(demuxer_.streams().at(
            static_cast<std::size_t>(demuxer_.best_stream(AVRIG_MEDIA_VIDEO).value_or(0)))),
        format_(target_format(stream_, pixels)),
        direct_(media::same_layout(stream_.format, format_)),
        layout_(media::FrameLayout::of(format_)),
        pool_(pool_bytes(), pool_buffers()),
        decoder_(stream_, options(direct_ ? &pool_ : nullptr)) {
    const int index = stream_.index;
    demuxer_.select({&index, 1});
    if (!direct_) {
      converter_.emplace(stream_.format, format_);
    }
  }

  void run() {
    media::Packet packet;
    while (demuxer_.read(packet) == media::ReadStatus::Packet) {
      while (decoder_.send(packet) == media::DecodeStatus::Again) {
        receive();
      }
      receive();
    }
    (void)decoder_.send_end();
    receive();
  }

  [[nodiscard]] bool good() const { return decoder_.copied_pictures() == 0 && outside_ == 0; }
  [[nodiscard]] std::uint64_t frames() const { return decoder_.frames(); }

 private:
  static constexpr int kThreads = 2;
  // Beside those that the decoder keeps: what a small ring holds.
  static constexpr std::size_t kRingBuffers = 4;

  static media::DecoderOptions options(media::BufferSource* buffers) {
    media::DecoderOptions options;
    options.buffers = buffers;
    options.threads = kThreads;
    return options;
  }
  [[nodiscard]] std::uint64_t pool_bytes() const {
    return direct_ ? media::Decoder(stream_, options(nullptr)).buffer_bytes() : layout_.total_bytes;
  }
  [[nodiscard]] std::size_t pool_buffers() const {
    const int held = direct_ ? media::Decoder(stream_, options(nullptr)).held_buffers() : 0;
    return kRingBuffers + static_cast<std::size_t>(held);
  }

  void receive() {
    for (;;) {
      const media::DecodeStatus status = decoder_.receive(frame_);
      if (status == media::DecodeStatus::Ok) {
        take();
      } else if (status != media::DecodeStatus::Corrupt) {
        return;
      }
    }
  }

  void take() {
    if (direct_) {
      outside_ += frame_.cookie() ? 0U : 1U;
      return;
    }
    const auto claim = pool_.claim(layout_.total_bytes);
    avrig_frame from{};
    avrig_frame to{};
    frame_.bind(from);
    layout_.bind(to, claim.data);
    converter_->convert({from.plane, from.planes}, {to.plane, to.planes});
    pool_.let_go(claim.cookie);
  }

  media::Demuxer demuxer_;
  media::StreamInfo stream_;
  avrig_format format_;
  bool direct_;
  media::FrameLayout layout_;
  Pool pool_;
  std::optional<media::PictureConverter> converter_;
  media::Decoder decoder_;
  media::MediaFrame frame_;  // before the decoder and the pool go
  std::uint64_t outside_ = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: decode FILE [PIXEL_FORMAT]\n");
    return 1;
  }
  Reading reading(argv[1], argc > 2 ? argv[2] : "");
  reading.run();
  if (!reading.good()) {
    std::fprintf(stderr, "pictures were not decoded into the pool\n");
    return 1;
  }
  std::printf("{\"frames\": %llu}\n", static_cast<unsigned long long>(reading.frames()));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "decode: %s\n", error.what());
  return 1;
}
