// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/shm/command_queue.hpp>

#include <array>
#include <csignal>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

using namespace avrig;
using shm::CommandQueue;

namespace {

using Record = std::array<std::uint64_t, 4>;
constexpr std::uint32_t kBytes = sizeof(Record);

/// Records that begin with these numbers.
bool push(CommandQueue& queue, std::initializer_list<std::uint64_t> numbers) {
  std::vector<Record> records;
  for (const std::uint64_t number : numbers) {
    records.push_back({number, 0, 0, 0});
  }
  return queue.push(std::as_bytes(std::span(records)));
}

std::uint64_t take(CommandQueue& queue) {
  Record record{};
  queue.peek(0, &record);
  queue.pop(1);
  return record[0];
}

}  // namespace

TEST_SUITE("shm/command_queue") {
  TEST_CASE("a batch arrives whole and in order, or not at all") {
    const shm::Segment memory = CommandQueue::create("test", kBytes, 4);
    CommandQueue producer(memory, kBytes);
    CommandQueue consumer(memory, kBytes);
    CHECK(consumer.waiting() == 0);
    CHECK(push(producer, {1, 2, 3}));
    CHECK_FALSE(push(producer, {4, 5}));
    CHECK(consumer.waiting() == 3);
    CHECK(take(consumer) == 1);
    CHECK(push(producer, {4, 5}));
    CHECK_FALSE(push(producer, {6}));
    for (std::uint64_t expected = 2; expected <= 5; ++expected) {
      CHECK(take(consumer) == expected);
    }
    CHECK(consumer.waiting() == 0);
  }

  TEST_CASE("a producer killed in mid-write has not written; its successor goes on") {
    const shm::Segment memory = CommandQueue::create("test", kBytes, 8);
    CommandQueue consumer(memory, kBytes);
    const pid_t child = ::fork();
    if (child == 0) {
      CommandQueue producer(memory, kBytes);
      (void)push(producer, {1});
      // As far as a push comes before it says so: the slots are written, the head is not.
      const shm::Mapping mapping(memory, shm::Mapping::Access::ReadWrite);
      std::memset(mapping.bytes().data() + sizeof(shm::CommandQueueHeader) + kBytes, 0xff, kBytes);
      ::raise(SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(consumer.waiting() == 1);
    CommandQueue successor(memory, kBytes);
    CHECK(push(successor, {2}));
    CHECK(take(consumer) == 1);
    CHECK(take(consumer) == 2);
    CHECK_FALSE(consumer.broken());
  }

  TEST_CASE("a head that cannot be breaks the queue, not its reader") {
    const shm::Segment memory = CommandQueue::create("test", kBytes, 8);
    CommandQueue consumer(memory, kBytes);
    const shm::Mapping mapping(memory, shm::Mapping::Access::ReadWrite);
    auto* header = reinterpret_cast<shm::CommandQueueHeader*>(mapping.bytes().data());
    header->head.store(1000);
    CHECK(consumer.waiting() == 0);
    CHECK(consumer.broken());
    header->head.store(1);
    CHECK(consumer.waiting() == 0);
  }

  TEST_CASE("memory that is no such queue is refused") {
    CHECK_THROWS_AS(CommandQueue(shm::Segment::create("test", 4096), kBytes), Error);
    const shm::Segment memory = CommandQueue::create("test", kBytes, 8);
    CHECK_THROWS_AS(CommandQueue(memory, kBytes * 2), Error);
    const shm::Mapping mapping(memory, shm::Mapping::Access::ReadWrite);
    reinterpret_cast<shm::CommandQueueHeader*>(mapping.bytes().data())->capacity = 1U << 19;
    CHECK_THROWS_AS(CommandQueue(memory, kBytes), Error);
  }
}
