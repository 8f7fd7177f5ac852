// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/kept_log.hpp>
#include <avrig/error.hpp>

#include <algorithm>
#include <fcntl.h>

namespace avrig::dipstream {

KeptLog::KeptLog(Keeper& keeper, std::string name, std::uint64_t chunk_bytes)
    : keeper_(&keeper), name_(std::move(name)), chunk_bytes_(chunk_bytes) {
  const std::string prefix = name_ + ".";
  for (const auto& [kept, fd] : keeper.kept()) {
    if (kept.compare(0, prefix.size(), prefix) == 0) {
      shm::Segment segment = shm::Segment::adopt(UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)));
      auto mapped = std::make_unique<shm::LogChunk>(segment);
      const std::uint64_t number = mapped->number();
      chunks_.insert_or_assign(number, Chunk{std::move(segment), std::move(mapped)});
    }
  }
  // The last one may have been made in advance; then nothing has been written to it.
  if (chunks_.empty()) {
    make(0);
    current_ = chunks_.begin()->second.mapped.get();
    return;
  }
  auto last = std::prev(chunks_.end());
  if (chunks_.size() > 1 && last->second.mapped->written() == 0) {
    next_.store(last->second.mapped.get(), std::memory_order_release);
    --last;
  }
  current_ = last->second.mapped.get();
  newest_.store(last->first, std::memory_order_release);
}

KeptLog::~KeptLog() = default;

std::string KeptLog::chunk_name(std::uint64_t number) const {
  return name_ + "." + std::to_string(number);
}

void KeptLog::make(std::uint64_t number) {
  shm::Segment segment = shm::LogChunk::create("avrig-" + chunk_name(number), chunk_bytes_, number);
  if (!keeper_->keep(chunk_name(number), segment.fd())) {
    throw Error(ErrorCode::Open, "nobody keeps the log '" + name_ + "'");
  }
  auto mapped = std::make_unique<shm::LogChunk>(segment);
  chunks_.insert_or_assign(number, Chunk{std::move(segment), std::move(mapped)});
}

bool KeptLog::append(std::uint32_t kind,
                     std::span<const std::byte> first,
                     std::span<const std::byte> second,
                     std::uint64_t spare) noexcept {
  if (current_->append(kind, first, second, spare)) {
    return true;
  }
  shm::LogChunk* next = next_.exchange(nullptr, std::memory_order_acq_rel);
  if (next == nullptr) {
    return false;
  }
  current_ = next;
  newest_.store(next->number(), std::memory_order_release);
  return current_->append(kind, first, second, spare);
}

void KeptLog::supply() {
  if (next_.load(std::memory_order_acquire) != nullptr) {
    return;
  }
  const std::uint64_t number = newest() + 1;
  // The writer has left what lies before its newest chunk for good.
  for (auto& [old, chunk] : chunks_) {
    if (old < newest()) {
      chunk.mapped.reset();
    }
  }
  make(number);
  next_.store(chunks_.at(number).mapped.get(), std::memory_order_release);
}

KeptLog::Place KeptLog::for_each(
    Place from, const std::function<bool(const shm::LogChunk::Record&)>& visit) const {
  Place place = from;
  for (auto at = chunks_.lower_bound(from.chunk); at != chunks_.end(); ++at) {
    // Looked at first: once the next one is begun, nothing more comes into this one.
    const auto next = std::next(at);
    const bool over = next != chunks_.end() && shm::LogChunk(next->second.segment).written() > 0;
    const shm::LogChunk reader(at->second.segment);
    place = {at->first, at->first == from.chunk ? from.at : 0};
    shm::LogChunk::Record record;
    for (std::uint64_t behind = place.at; reader.next(behind, record); place.at = behind) {
      if (!visit(record)) {
        return place;
      }
    }
    if (!over) {
      break;
    }
  }
  return place;
}

std::uint64_t KeptLog::written() const noexcept {
  const auto found = chunks_.find(newest());
  const bool there = found != chunks_.end() && found->second.mapped;
  return newest() * chunk_bytes_ + (there ? found->second.mapped->written() : 0);
}

void KeptLog::give_up() noexcept {
  for (const auto& [number, chunk] : chunks_) {
    keeper_->forget(chunk_name(number));
  }
}

void KeptLog::drop_before(std::uint64_t number) {
  for (auto at = chunks_.begin(); at != chunks_.end() && at->first < std::min(number, newest());) {
    keeper_->forget(chunk_name(at->first));
    at = chunks_.erase(at);
  }
}

}  // namespace avrig::dipstream
