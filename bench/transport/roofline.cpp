// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// What can this machine move between two cores at all? Two spinning processes, three buffers, two
// counters: no recovery, no sleeping, no bookkeeping. A bound, not a transport.
#include "harness.hpp"
#include <avrig/shm/bell.hpp>
#include <avrig/shm/segment.hpp>

using namespace avrig;
using namespace avrig::bench;

namespace {

constexpr std::uint64_t kSlots = 3;

struct Counters {
  alignas(128) std::atomic<std::uint64_t> written;
  alignas(128) std::atomic<std::uint64_t> read;
};

class RawEnd {
 public:
  RawEnd(const shm::Segment& segment, const Options& options)
      : mapping_(segment, shm::Mapping::Access::ReadWrite),
        stride_(shm::round_up(options.size, shm::kPageBytes)) {}
  [[nodiscard]] Counters& counters() const {
    return *reinterpret_cast<Counters*>(mapping_.bytes().data());
  }
  [[nodiscard]] std::byte* slot(std::uint64_t sequence) const {
    return mapping_.bytes().data() + shm::kPageBytes + sequence % kSlots * stride_;
  }
  [[nodiscard]] static std::uint64_t sleeps() noexcept { return 0; }

 private:
  shm::Mapping mapping_;
  std::size_t stride_;
};

class RawSender : public RawEnd {
 public:
  using RawEnd::RawEnd;
  std::byte* begin() {
    while (next_ - counters().read.load(std::memory_order_acquire) >= kSlots) {
      shm::relax_cpu();
    }
    return slot(next_);
  }
  void publish() { counters().written.store(++next_, std::memory_order_release); }
  void close() {}

 private:
  std::uint64_t next_ = 0;
};

class RawReceiver : public RawEnd {
 public:
  using RawEnd::RawEnd;
  const std::byte* wait() {
    while (counters().written.load(std::memory_order_acquire) <= next_) {
      shm::relax_cpu();
    }
    return slot(next_);
  }
  void release() { counters().read.store(++next_, std::memory_order_release); }

 private:
  std::uint64_t next_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Board* board = make_board();
  const shm::Segment segment = shm::Segment::create(
      "bench-roofline", shm::kPageBytes + kSlots * shm::round_up(options.size, shm::kPageBytes));
  return run_pair(
      options,
      *board,
      1,
      [&] { return std::make_unique<RawSender>(segment, options); },
      [&] { return std::make_unique<RawReceiver>(segment, options); });
}
