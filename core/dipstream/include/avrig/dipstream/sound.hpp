// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/sample.hpp>
#include <avrig/shm/segment.hpp>
#include <avrig/unique_fd.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace avrig::dipstream {

/// How samples from outside are laid out.
struct SoundShape {
  mixer::SampleFormat format = mixer::SampleFormat::F32;
  std::uint32_t channels = 1;
  bool planar = false;  ///< channel after channel; else sample after sample
};

/// Sample data, checked, in memory and locked there where the system allows it; from 2 MiB on in
/// large pages where it has them. Never changes.
class Sound {
 public:
  /// Copies. Throws Error(Spec): nothing in it, not whole samples, NaN or infinity (which sample).
  [[nodiscard]] static std::shared_ptr<const Sound> from_bytes(std::span<const std::byte> bytes,
                                                               const SoundShape& shape);

  /// A memfd of another process: shared where one channel or planar, else copied. It must be sealed
  /// against write, shrink and grow. Throws Error(Spec) as above.
  [[nodiscard]] static std::shared_ptr<const Sound> from_memfd(UniqueFd fd,
                                                               const SoundShape& shape);

  /// The first audio stream of a file of any format that FFmpeg reads, at `rate_hz`. `strict`: a
  /// file of another rate is an error instead. What has 16 bits in the file, and the right rate,
  /// keeps them. Throws Error(Open), Error(Spec).
  [[nodiscard]] static std::shared_ptr<const Sound> from_file(const std::string& path,
                                                              std::uint32_t rate_hz,
                                                              bool strict);

  /// Memory of ours that a predecessor had given into keeping, as its view() described it. Throws
  /// Error(Open) where it does not fit.
  [[nodiscard]] static std::shared_ptr<const Sound> from_kept(UniqueFd fd,
                                                              const mixer::SampleView& shape);

  [[nodiscard]] const mixer::SampleView& view() const noexcept { return view_; }
  /// The memory itself, for a keeper.
  [[nodiscard]] int fd() const noexcept { return memory_ ? memory_->fd() : -1; }
  [[nodiscard]] std::size_t bytes() const noexcept;

  Sound() = default;
  ~Sound();
  Sound(const Sound&) = delete;
  Sound& operator=(const Sound&) = delete;

 private:
  void check();

  void hold() noexcept;

  mixer::SampleView view_;
  std::optional<shm::Segment> memory_;
  std::optional<shm::Mapping> mapped_;
  bool locked_ = false;
};

/// Decoded files by path, time of change and rate, so that voices share them: bounded, the ones
/// unused for longest go first.
///
/// Thread: control
class SoundCache {
 public:
  explicit SoundCache(std::size_t most_bytes = std::size_t{512} << 20) : most_bytes_(most_bytes) {}
  [[nodiscard]] std::shared_ptr<const Sound> get(const std::string& path,
                                                 std::uint32_t rate_hz,
                                                 bool strict);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Sound> sound;
  };
  std::size_t most_bytes_;
  std::vector<Entry> entries_;  // the last used last
};

}  // namespace avrig::dipstream
