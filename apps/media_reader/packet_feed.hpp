// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/demuxer.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace avrig::media_reader {

/// One step of a stream's way: a packet, or the seam between two rounds of a loop.
struct FeedItem {
  media::Packet packet;
  bool end_of_round = false;  ///< drain the decoder; another round begins, or the stream ends
  bool last_round = false;
};

/// One demuxer for all streams of a file, read by a thread of its own.
///
/// It never stops one stream for another: while any stream is short of packets it goes on and keeps
/// the others' compressed ones, to a bound. That bound is the only thing that can fail here.
///
/// Thread: pop() by one thread a stream; the rest by the owner
class PacketFeed {
 public:
  struct Settings {
    std::int64_t rounds = 1;                   ///< how often the file is played; < 0 = for ever
    std::uint64_t spill_bytes = 256ull << 20;  ///< most compressed bytes kept for all streams
    std::int64_t first_round = 0;              ///< resume in this round
    std::vector<media::SeekTarget> resume;     ///< where to resume in it; empty = its beginning
  };

  PacketFeed(media::Demuxer& demuxer, std::vector<int> streams, Settings settings);
  ~PacketFeed();

  /// The next item of `stream` (index into `streams`); empty once the feed was closed or broke.
  [[nodiscard]] std::optional<FeedItem> pop(std::size_t stream);
  /// End: every pop() returns empty from now on. Thread: any
  void close() noexcept;
  /// Why it broke; empty while it is well.
  [[nodiscard]] std::string error();
  /// It broke before the source's end; otherwise error() says why the source ended early.
  [[nodiscard]] bool broke();

 private:
  struct Queue {
    std::deque<FeedItem> items;
    std::uint64_t bytes = 0;
  };

  void read_all();
  bool read_round(bool last);
  [[nodiscard]] bool hungry() const noexcept;
  bool keep(std::size_t queue, FeedItem item);
  void fail(const std::string& why);

  static constexpr std::size_t kEnoughPackets = 12;

  media::Demuxer* demuxer_;
  std::vector<int> streams_;
  Settings settings_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Queue> queues_;
  std::uint64_t bytes_ = 0;
  bool closed_ = false;
  bool broke_ = false;
  std::string error_;
  std::thread thread_;
};

}  // namespace avrig::media_reader
