// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/shm/command_queue.hpp>

#include <cstring>
#include <new>

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace avrig::shm {
namespace {

// Memory that is mapped twice has two addresses, and ThreadSanitizer takes it for two memories: it
// does not see that one end of a queue in this process has waited for the other. Told so here.
#if defined(__SANITIZE_THREAD__)
char queues_filled;
char queues_emptied;
void passed_on(char& what) noexcept {
  __tsan_release(&what);
}
void taken_over(char& what) noexcept {
  __tsan_acquire(&what);
}
#define AVRIG_TSAN_PASSED_ON(what) passed_on(what)
#define AVRIG_TSAN_TAKEN_OVER(what) taken_over(what)
#else
#define AVRIG_TSAN_PASSED_ON(what)
#define AVRIG_TSAN_TAKEN_OVER(what)
#endif

constexpr std::uint32_t kMagic = 0x51435641;  // "AVCQ"
constexpr std::uint32_t kLayout = 1;

}  // namespace

Segment CommandQueue::create(const std::string& label,
                             std::uint32_t record_bytes,
                             std::uint32_t capacity) {
  if (record_bytes == 0 || record_bytes > 4096 || capacity == 0 || capacity > (1U << 20) ||
      (capacity & (capacity - 1)) != 0) {
    throw Error(ErrorCode::Internal, "a command queue needs a power of two of records");
  }
  Segment segment =
      Segment::create(label, sizeof(CommandQueueHeader) + std::uint64_t{record_bytes} * capacity);
  const Mapping mapping(segment, Mapping::Access::ReadWrite);
  auto* header = new (mapping.bytes().data()) CommandQueueHeader{};
  header->magic = kMagic;
  header->layout = kLayout;
  header->record_bytes = record_bytes;
  header->capacity = capacity;
  return segment;
}

CommandQueue::CommandQueue(const Segment& segment, std::uint32_t record_bytes)
    : mapping_(segment, Mapping::Access::ReadWrite),
      header_(reinterpret_cast<CommandQueueHeader*>(mapping_.bytes().data())),
      record_bytes_(record_bytes) {
  if (segment.bytes() >= sizeof(CommandQueueHeader)) {
    // Copied once and checked: nobody can change them under us afterwards.
    capacity_ = header_->capacity;
    const std::uint64_t needed =
        sizeof(CommandQueueHeader) + std::uint64_t{record_bytes} * capacity_;
    const bool good = header_->magic == kMagic && header_->layout == kLayout &&
                      header_->record_bytes == record_bytes && capacity_ > 0 &&
                      (capacity_ & (capacity_ - 1)) == 0 && needed <= segment.bytes();
    if (good) {
      taken_ = header_->tail.load(std::memory_order_acquire);
      written_ = header_->head.load(std::memory_order_acquire);
      return;
    }
  }
  throw Error(ErrorCode::Open, "this memory is no command queue of this version");
}

std::byte* CommandQueue::slot(std::uint64_t position) const noexcept {
  return mapping_.bytes().data() + sizeof(CommandQueueHeader) +
         (position & (capacity_ - 1)) * record_bytes_;
}

bool CommandQueue::push(std::span<const std::byte> records) noexcept {
  const std::uint64_t count = records.size() / record_bytes_;
  // Pairs with the release in pop(): the slots below tail are ours again.
  const std::uint64_t tail = header_->tail.load(std::memory_order_acquire);
  AVRIG_TSAN_TAKEN_OVER(queues_emptied);
  const std::uint64_t used = written_ - tail;
  if (used > capacity_ || count > capacity_ - used) {
    return false;
  }
  for (std::uint64_t record = 0; record < count; ++record) {
    std::memcpy(slot(written_ + record), records.data() + record * record_bytes_, record_bytes_);
  }
  written_ += count;
  AVRIG_TSAN_PASSED_ON(queues_filled);
  // Pairs with the acquire in waiting(): a batch becomes visible whole, or not at all.
  header_->head.store(written_, std::memory_order_release);
  return true;
}

std::uint32_t CommandQueue::waiting() noexcept {
  const std::uint64_t there = header_->head.load(std::memory_order_acquire) - taken_;
  AVRIG_TSAN_TAKEN_OVER(queues_filled);
  if (there > capacity_) {
    broken_.store(true, std::memory_order_relaxed);
  }
  return broken() ? 0 : static_cast<std::uint32_t>(there);
}

void CommandQueue::peek(std::uint32_t ahead, void* record) const noexcept {
  std::memcpy(record, slot(taken_ + ahead), record_bytes_);
}

void CommandQueue::skip_to(std::uint64_t position) noexcept {
  const std::uint64_t ahead = position - taken_;
  if (ahead > 0 && ahead <= waiting()) {
    pop(static_cast<std::uint32_t>(ahead));
  }
}

void CommandQueue::pop(std::uint32_t count) noexcept {
  taken_ += count;
  AVRIG_TSAN_PASSED_ON(queues_emptied);
  header_->tail.store(taken_, std::memory_order_release);
}

}  // namespace avrig::shm
