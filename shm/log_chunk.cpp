// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/shm/log_chunk.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace avrig::shm {
namespace {

constexpr std::uint32_t kMagic = 0x474c5641;  // "AVLG"
constexpr std::uint32_t kLayout = 1;

struct RecordHead {
  std::uint32_t kind;
  std::uint32_t bytes;
};

}  // namespace

Segment LogChunk::create(const std::string& label, std::uint64_t bytes, std::uint64_t number) {
  Segment segment = Segment::create(label, sizeof(LogHeader) + bytes);
  const Mapping mapping(segment, Mapping::Access::ReadWrite);
  auto* header = new (mapping.bytes().data()) LogHeader{};
  header->magic = kMagic;
  header->layout = kLayout;
  header->number = number;
  header->capacity = segment.bytes() - sizeof(LogHeader);
  return segment;
}

LogChunk::LogChunk(const Segment& segment) : mapping_(segment, Mapping::Access::ReadWrite) {
  if (segment.bytes() >= sizeof(LogHeader)) {
    header_ = reinterpret_cast<LogHeader*>(mapping_.bytes().data());
    records_ = mapping_.bytes().data() + sizeof(LogHeader);
    number_ = header_->number;
    capacity_ = header_->capacity;
    head_ = written();
    if (header_->magic == kMagic && header_->layout == kLayout &&
        capacity_ == segment.bytes() - sizeof(LogHeader) && head_ <= capacity_ && head_ % 8 == 0) {
      return;
    }
  }
  throw Error(ErrorCode::Open, "this memory is no log of this version");
}

bool LogChunk::append(std::uint32_t kind,
                      std::span<const std::byte> first,
                      std::span<const std::byte> second,
                      std::uint64_t spare) noexcept {
  const std::uint64_t bytes = first.size() + second.size();
  const std::uint64_t whole = sizeof(RecordHead) + round_up(bytes, 8);
  if (whole + spare > capacity_ - head_) {
    return false;
  }
  const RecordHead head{kind, static_cast<std::uint32_t>(bytes)};
  std::byte* to = records_ + head_;
  std::memcpy(to, &head, sizeof head);
  to = std::copy(first.begin(), first.end(), to + sizeof head);
  std::copy(second.begin(), second.end(), to);
  head_ += whole;
  // Whoever outlives us sees the record before it is counted.
  header_->head.store(head_, std::memory_order_release);
  return true;
}

bool LogChunk::next(std::uint64_t& at, Record& record) const noexcept {
  const std::uint64_t end = std::min(written(), capacity_);
  if (at > end || end - at < sizeof(RecordHead)) {
    return false;
  }
  RecordHead head{};
  std::memcpy(&head, records_ + at, sizeof head);
  const std::uint64_t whole = sizeof head + round_up(head.bytes, 8);
  if (whole > end - at) {
    return false;
  }
  record = {head.kind, {records_ + at + sizeof head, head.bytes}};
  at += whole;
  return true;
}

}  // namespace avrig::shm
