// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/demuxer.hpp>

#include <deque>

struct AVStream;

namespace avrig::media {

struct FormatContextClose {
  void operator()(AVFormatContext* context) const noexcept;
};

struct Demuxer::Impl {
  std::string url;
  DemuxerOptions options;
  std::vector<StreamInfo> streams;
  std::vector<int> selected;  // empty = all
  std::unique_ptr<AVFormatContext, FormatContextClose> context;
  std::deque<Packet> ahead;  // read while a seek was verified
  std::uint64_t packets = 0;
  std::uint64_t corrupt = 0;
  std::int64_t deadline_ns = 0;  // 0 = none
  std::string error;

  /// Opens the url from its beginning. Throws Error(Open).
  void open();
  void select();
  [[nodiscard]] ReadStatus read_file(Packet& packet);
  [[nodiscard]] bool seek_before(std::span<const SeekTarget> targets);

 private:
  static int interrupted(void* opaque) noexcept;
  void find_streams();
  [[nodiscard]] bool seek_to(const SeekTarget& lead, std::int64_t pts);
  [[nodiscard]] bool early_enough(std::span<const SeekTarget> targets);
};

}  // namespace avrig::media
