// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/unique_fd.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

struct AVIOContext;

namespace avrig::media {

/// The file under a muxer. What FFmpeg writes is kept until commit(), which gives it to the kernel
/// in as few writes as there are stretches (for a packet: one), appended data before corrections of
/// what is there. A commit that fails leaves the file as the last good one left it.
class MuxerTarget {
 public:
  /// Creates the file; throws Error(Open). Names with "://" go to FFmpeg's protocols.
  explicit MuxerTarget(const std::string& path);
  MuxerTarget(const MuxerTarget&) = delete;
  MuxerTarget& operator=(const MuxerTarget&) = delete;
  ~MuxerTarget();

  [[nodiscard]] AVIOContext* io() const noexcept { return io_; }
  /// false: error_number() says why; nothing more can be written.
  [[nodiscard]] bool commit() noexcept;
  [[nodiscard]] bool close() noexcept;

  using FirstWrite = std::function<void(std::span<const std::uint8_t>)>;
  /// Call `seen` with the next bytes that FFmpeg writes, before it goes on: until unwatch() they
  /// come as they are written. False: not so for a URL. `seen` must not throw.
  [[nodiscard]] bool watch_first_write(FirstWrite seen);
  void unwatch() noexcept;
  [[nodiscard]] int error_number() const noexcept { return error_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return committed_; }

 private:
  struct Stretch {
    std::int64_t offset = 0;
    std::vector<std::uint8_t> bytes;
  };
  static int write(void* opaque, std::uint8_t* data, int size) noexcept;
  static std::int64_t seek(void* opaque, std::int64_t offset, int whence) noexcept;
  [[nodiscard]] bool write_out(const Stretch& stretch) noexcept;

  AVIOContext* io_ = nullptr;
  bool is_url_ = false;
  FirstWrite first_write_;
  UniqueFd fd_;
  std::vector<Stretch> pending_;
  std::int64_t position_ = 0;
  std::int64_t size_ = 0;        // with what is pending
  std::uint64_t committed_ = 0;  // bytes of the file that are whole
  int error_ = 0;
};

}  // namespace avrig::media
