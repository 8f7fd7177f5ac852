// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// What could a chain of maker, editor, gate and looker reach on two cores at all? Their work on the
// bytes, each byte written, changed and read, as two spinning processes with three buffers and
// counters: no process ever waits for its turn on a core, and nobody sleeps. A bound, not a
// transport.
//
// `--wait alternate`: the maker on one core; editor and looker, frame by frame, on the other, as
// with four pinned stages. `--wait split`: maker and looker on one core, the editor on the other.
#include "harness.hpp"
#include <avrig/shm/bell.hpp>
#include <avrig/shm/segment.hpp>

using namespace avrig;
using namespace avrig::bench;

namespace {

constexpr std::uint64_t kMostSlots = 64;

struct Counters {
  alignas(128) std::atomic<std::uint64_t> written;
  alignas(128) std::atomic<std::uint64_t> edited;
  alignas(128) std::atomic<std::uint64_t> read;
};

class RawEnd {
 public:
  RawEnd(const shm::Segment& segment, const Options& options)
      : mapping_(segment, shm::Mapping::Access::ReadWrite),
        stride_(shm::round_up(options.size, shm::kPageBytes)),
        size_(options.size),
        slots_(options.window) {}
  [[nodiscard]] Counters& counters() const {
    return *reinterpret_cast<Counters*>(mapping_.bytes().data());
  }
  [[nodiscard]] std::byte* slot(std::uint64_t sequence) const {
    return mapping_.bytes().data() + shm::kPageBytes + sequence % slots_ * stride_;
  }
  [[nodiscard]] static std::uint64_t sleeps() noexcept { return 0; }

 protected:
  shm::Mapping mapping_;
  std::size_t stride_, size_;
  std::uint64_t slots_, next_ = 0;
};

/// The maker; with `looks` the looker too.
class Maker : public RawEnd {
 public:
  Maker(const shm::Segment& segment, const Options& options, bool looks)
      : RawEnd(segment, options), looks_(looks) {}
  std::byte* begin() {
    while (next_ - counters().read.load(std::memory_order_acquire) >= slots_) {
      if (!looks_) {
        shm::relax_cpu();
      } else if (counters().edited.load(std::memory_order_acquire) > read_) {
        total_ += sum(slot(read_), size_);
        counters().read.store(++read_, std::memory_order_release);
      } else {
        shm::relax_cpu();
      }
    }
    return slot(next_);
  }
  void publish() { counters().written.store(++next_, std::memory_order_release); }
  void close() {
    volatile std::uint64_t sink = total_;
    (void)sink;
  }

 private:
  bool looks_;
  std::uint64_t read_ = 0;
  std::uint64_t total_ = 0;
};

/// The editor; with `looks` the looker too: its bytes are summed by who calls wait().
class Editor : public RawEnd {
 public:
  Editor(const shm::Segment& segment, const Options& options, bool looks)
      : RawEnd(segment, options), looks_(looks) {}
  const std::byte* wait() {
    while (counters().written.load(std::memory_order_acquire) <= next_) {
      shm::relax_cpu();
    }
    edit(slot(next_), size_);
    return slot(next_);
  }
  void release() {
    (looks_ ? counters().read : counters().edited).store(++next_, std::memory_order_release);
  }

 private:
  bool looks_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  if (options.window == 0 || options.window > kMostSlots) {
    options.window = 3;
  }
  const bool alternate = options.wait != "split";
  Board* board = make_board();
  const shm::Segment segment = shm::Segment::create(
      "bench-chain-roofline",
      shm::kPageBytes + options.window * shm::round_up(options.size, shm::kPageBytes));
  Options receiving = options;
  receiving.touch = alternate;
  start_process(options, 1, [&] {
    Editor editor(segment, receiving, alternate);
    receive(receiving, *board, editor);
  });
  pin(options, 0);
  Maker maker(segment, options, !alternate);
  while (board->receivers_ready.load() == 0) {
    sleep_until_ns(monotonic_ns() + 1'000'000);
  }
  const Sent sent = send(options, maker);
  if (!join_children()) {
    return 1;
  }
  print_result(options, *board, sent);
  return 0;
}
