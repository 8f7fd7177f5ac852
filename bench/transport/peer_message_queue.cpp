// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// Boost.Interprocess message_queue: copies in and copies out, under a mutex.
#include "harness.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>

using namespace avrig::bench;
using boost::interprocess::message_queue;

namespace {

class QueueEnd {
 public:
  QueueEnd(const std::string& name, const Options& options)
      : queue_(boost::interprocess::open_only, name.c_str()), bytes_(options.size) {}
  std::byte* begin() { return bytes_.data(); }
  void publish() { queue_.send(bytes_.data(), bytes_.size(), 0); }
  void close() {}
  const std::byte* wait() {
    message_queue::size_type received = 0;
    unsigned priority = 0;
    queue_.receive(bytes_.data(), bytes_.size(), received, priority);
    return bytes_.data();
  }
  void release() {}
  [[nodiscard]] static std::uint64_t sleeps() noexcept { return 0; }

 private:
  message_queue queue_;
  std::vector<std::byte> bytes_;
};

// The name goes when the run does.
struct NamedQueue {
  explicit NamedQueue(const Options& options)
      : name("avrig-bench-" + std::to_string(::getpid())), owner(::getpid()) {
    message_queue queue(
        boost::interprocess::create_only, name.c_str(), options.queue, options.size);
    // Once around, so that no page is touched first while it is measured.
    const std::vector<std::byte> zeros(options.size);
    std::vector<std::byte> back(options.size);
    message_queue::size_type received = 0;
    unsigned priority = 0;
    for (std::uint32_t index = 0; index < options.queue; ++index) {
      queue.send(zeros.data(), zeros.size(), 0);
    }
    for (std::uint32_t index = 0; index < options.queue; ++index) {
      queue.receive(back.data(), back.size(), received, priority);
    }
  }
  ~NamedQueue() {
    if (owner == ::getpid()) {
      message_queue::remove(name.c_str());
    }
  }
  std::string name;
  pid_t owner;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const NamedQueue queue(options);
  return run_pair(
      options,
      *make_board(),
      1,
      [&] { return std::make_unique<QueueEnd>(queue.name, options); },
      [&] { return std::make_unique<QueueEnd>(queue.name, options); });
}
