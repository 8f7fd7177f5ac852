// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "packet_feed.hpp"

#include <algorithm>

namespace avrig::media_reader {

PacketFeed::PacketFeed(media::Demuxer& demuxer, std::vector<int> streams, Settings settings)
    : demuxer_(&demuxer),
      streams_(std::move(streams)),
      settings_(std::move(settings)),
      queues_(streams_.size()),
      thread_([this] { read_all(); }) {}

PacketFeed::~PacketFeed() {
  close();
  thread_.join();
}

void PacketFeed::close() noexcept {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

std::string PacketFeed::error() {
  const std::lock_guard lock(mutex_);
  return error_;
}

bool PacketFeed::broke() {
  const std::lock_guard lock(mutex_);
  return broke_;
}

std::optional<FeedItem> PacketFeed::pop(std::size_t stream) {
  std::unique_lock lock(mutex_);
  Queue& queue = queues_[stream];
  changed_.wait(lock, [&] { return closed_ || !queue.items.empty(); });
  if (closed_) {
    return std::nullopt;
  }
  FeedItem item = std::move(queue.items.front());
  queue.items.pop_front();
  const std::uint64_t bytes = item.packet.bytes().size();
  queue.bytes -= bytes;
  bytes_ -= bytes;
  if (queue.items.size() < kEnoughPackets) {
    changed_.notify_all();
  }
  return item;
}

bool PacketFeed::hungry() const noexcept {
  return std::any_of(queues_.begin(), queues_.end(), [](const Queue& queue) {
    return queue.items.size() < kEnoughPackets;
  });
}

void PacketFeed::fail(const std::string& why) {
  const std::lock_guard lock(mutex_);
  error_ = why;
  broke_ = true;
  closed_ = true;
  changed_.notify_all();
}

bool PacketFeed::keep(std::size_t queue, FeedItem item) {
  std::unique_lock lock(mutex_);
  bytes_ += item.packet.bytes().size();
  queues_[queue].bytes += item.packet.bytes().size();
  queues_[queue].items.push_back(std::move(item));
  changed_.notify_all();
  if (bytes_ > settings_.spill_bytes) {
    lock.unlock();
    fail("'" + demuxer_->url() + "' keeps its streams more than " +
         std::to_string(settings_.spill_bytes >> 20) +
         " MiB of packets apart: raise 'spill' of its reader, or interleave the file (ffmpeg -i IN "
         "-c copy OUT)");
    return false;
  }
  changed_.wait(lock, [&] { return closed_ || hungry(); });
  return !closed_;
}

bool PacketFeed::read_round(bool last) {
  for (;;) {
    FeedItem item;
    const media::ReadStatus status = demuxer_->read(item.packet);
    if (status == media::ReadStatus::Again) {
      continue;
    }
    if (status != media::ReadStatus::Packet) {
      if (status == media::ReadStatus::Failed) {
        // What was read is good: it is played to its end, and the reader says why it is short.
        const std::lock_guard lock(mutex_);
        error_ = demuxer_->error();
      }
      break;
    }
    const auto found = std::find(streams_.begin(), streams_.end(), item.packet.stream());
    if (found != streams_.end() &&
        !keep(static_cast<std::size_t>(found - streams_.begin()), std::move(item))) {
      return false;
    }
  }
  for (std::size_t queue = 0; queue < queues_.size(); ++queue) {
    FeedItem seam;
    seam.end_of_round = true;
    seam.last_round = last;
    if (!keep(queue, std::move(seam))) {
      return false;
    }
  }
  return true;
}

void PacketFeed::read_all() {
  for (std::int64_t round = settings_.first_round;; ++round) {
    const bool resume = round == settings_.first_round && !settings_.resume.empty();
    if (resume && !demuxer_->seek_before(settings_.resume)) {
      // A source that cannot seek is read again from its beginning; what was published is skipped.
      (void)demuxer_->rewind();
    } else if (!resume && round != settings_.first_round && !demuxer_->rewind()) {
      fail("'" + demuxer_->url() + "' cannot be played again: its source cannot seek");
      return;
    }
    const bool last = settings_.rounds >= 0 && round + 1 >= settings_.rounds;
    if (!read_round(last) || last) {
      return;
    }
  }
}

}  // namespace avrig::media_reader
