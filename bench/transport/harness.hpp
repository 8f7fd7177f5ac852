// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/monotonic.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <sched.h>
#include <string>
#include <sys/types.h>
#include <unistd.h>
#include <vector>

/// What all transport benches share, so that they differ in the transport alone: one sender
/// process, one receiver process (perhaps some between them), the same stamps, fill and sum.
namespace avrig::bench {

/// The options of every program; `--name value` each.
struct Options {
  std::string name = "?";      ///< copied into the result line
  std::string mode = "paced";  ///< paced: `rate` frames a second; flood: as fast as it goes
  std::size_t size = 512;      ///< payload bytes
  double rate_hz = 1000;
  double seconds = 1;
  double warm_seconds = 0.1;
  bool touch = true;               ///< write and read every byte, not the stamp alone
  std::string wait = "block";      ///< block | adaptive | spin
  std::uint32_t window = 0;        ///< frames in flight; 0 = as avrig's graph chooses
  std::uint32_t queue = 8;         ///< peers: queue length in frames
  std::vector<int> cpus = {0, 1};  ///< process k runs on cpus[k % n]; empty = not pinned
  std::uint64_t messages = 0;      ///< stop after so many; 0 = by time
};
[[nodiscard]] Options parse(int argc, char** argv);

/// The first bytes of every payload.
struct Stamp {
  std::int64_t sent_ns;
  std::uint64_t sequence;
  std::uint64_t phase;
};
inline constexpr std::uint64_t kWarmUp = 0, kMeasured = 1, kLast = 2;

/// Results that processes leave for the sender to print; in shared memory.
struct Board {
  static constexpr std::size_t kMostLatencies = std::size_t{1} << 20;
  std::atomic<std::uint32_t> receivers_ready;
  std::atomic<std::uint64_t> middle_cpu_ns;
  std::uint64_t measured, lost, receiver_cpu_ns, receiver_sleeps;
  std::int64_t first_ns, last_ns;
  std::uint32_t latency_ns[kMostLatencies];
};
[[nodiscard]] Board* make_board();

/// CPU time of this process, library threads included.
[[nodiscard]] std::uint64_t cpu_ns() noexcept;
/// CPU time of all processes of the machine, in ns; `steal` = what the host took.
struct MachineTime {
  std::uint64_t busy_ns, steal_ns;
};
[[nodiscard]] MachineTime machine_time() noexcept;
void pin(const Options& options, std::size_t process) noexcept;
void sleep_until_ns(std::int64_t when_ns) noexcept;
/// Field by field: a wider copy of fields just stored would wait until the whole fill has left the
/// store buffer, and be measured.
inline void put_stamp(std::byte* payload, std::uint64_t sequence, std::uint64_t phase) noexcept {
  auto* stamp = reinterpret_cast<volatile Stamp*>(payload);
  stamp->sequence = sequence;
  stamp->phase = phase;
  stamp->sent_ns = monotonic_ns();
}
/// Write every byte behind the stamp.
void fill(std::byte* payload, std::size_t bytes, std::uint64_t value) noexcept;
/// Read every byte.
[[nodiscard]] std::uint64_t sum(const std::byte* payload, std::size_t bytes) noexcept;
/// Read and write every byte behind the stamp; running again changes nothing more.
void edit(std::byte* payload, std::size_t bytes) noexcept;
/// Run `body` in a child process with its own CPU; 1 when it threw.
template <class Body>
pid_t start_process(const Options& options, std::size_t process, Body&& body);
/// False, with a message, when a child failed.
[[nodiscard]] bool join_children() noexcept;

/// What the sender knows of its own run.
struct Sent {
  std::uint64_t cpu_ns = 0, sleeps = 0, messages = 0;
  std::int64_t wall_ns = 0;
  MachineTime before{}, after{};
};
/// One JSON line on standard output.
void print_result(const Options& options, Board& board, const Sent& sent);
[[noreturn]] void fail_child(const char* what) noexcept;

/// Receiver's part of a run. `Receiver`: `const std::byte* wait()`, `release()`, `sleeps()`.
template <class Receiver>
void receive(const Options& options, Board& board, Receiver& receiver) {
  std::uint64_t count = 0, cpu_before = 0, sleeps_before = 0, expected = 0, total = 0;
  board.receivers_ready.fetch_add(1);
  for (;;) {
    const std::byte* payload = receiver.wait();
    const std::int64_t now_ns = monotonic_ns();
    Stamp stamp;
    std::memcpy(&stamp, payload, sizeof stamp);
    board.lost += stamp.sequence - expected;
    expected = stamp.sequence + 1;
    if (stamp.phase == kLast) {
      board.last_ns = now_ns;
      receiver.release();
      break;
    }
    if (stamp.phase == kMeasured) {
      if (count == 0) {
        board.first_ns = now_ns;
        cpu_before = cpu_ns();
        sleeps_before = receiver.sleeps();
      } else if (options.mode == "paced" && count <= Board::kMostLatencies) {
        board.latency_ns[count - 1] = static_cast<std::uint32_t>(now_ns - stamp.sent_ns);
      }
      ++count;
    }
    if (options.touch) {
      total += sum(payload, options.size);
    }
    receiver.release();
  }
  board.receiver_cpu_ns = cpu_ns() - cpu_before;
  board.receiver_sleeps = receiver.sleeps() - sleeps_before;
  board.measured = count;
  volatile std::uint64_t sink = total;
  (void)sink;
}

/// Sender's part. `Sender`: `std::byte* begin()`, `publish()`, `close()`, `sleeps()`.
template <class Sender>
Sent send(const Options& options, Sender& sender) {
  Sent sent;
  std::uint64_t sequence = 0;
  const auto put = [&](std::uint64_t phase) {
    std::byte* payload = sender.begin();
    if (options.touch && phase != kLast) {
      fill(payload, options.size, sequence);
    }
    put_stamp(payload, sequence++, phase);
    sender.publish();
  };
  const auto ns = [](double seconds) {
    return static_cast<std::int64_t>(seconds * 1e9);
  };
  const bool paced = options.mode == "paced";
  const std::int64_t began_ns = monotonic_ns();
  const std::int64_t measure_ns = began_ns + ns(options.warm_seconds);
  const std::int64_t end_ns = measure_ns + ns(options.seconds);
  std::uint64_t cpu_before = 0, sleeps_before = 0, first = 0;
  std::int64_t wall_before = 0, due_ns = began_ns, now_ns = began_ns;
  for (std::uint64_t turn = 0;; ++turn) {
    if (paced) {
      due_ns += ns(1 / options.rate_hz);
      sleep_until_ns(due_ns);
      now_ns = due_ns;
    } else if (options.size > 65536 || turn % 64 == 0) {
      now_ns = monotonic_ns();
    }
    if (wall_before == 0 && now_ns >= measure_ns) {
      sent.before = machine_time();
      sleeps_before = sender.sleeps();
      first = sequence;
      wall_before = monotonic_ns();
      cpu_before = cpu_ns();
    }
    if (now_ns >= end_ns || (options.messages != 0 && sequence - first >= options.messages)) {
      break;
    }
    put(wall_before == 0 ? kWarmUp : kMeasured);
  }
  sent.cpu_ns = cpu_ns() - cpu_before;
  sent.sleeps = sender.sleeps() - sleeps_before;
  sent.messages = sequence - first;
  sent.after = machine_time();
  sent.wall_ns = monotonic_ns() - wall_before;
  put(kLast);
  sender.close();
  return sent;
}

/// Run one measurement. Each end is made inside its own process, since handles belong to one; the
/// processes between them, if any, were started before with start_process().
template <class MakeSender, class MakeReceiver>
int run_pair(const Options& options,
             Board& board,
             std::size_t receiver_process,
             MakeSender make_sender,
             MakeReceiver make_receiver) {
  start_process(options, receiver_process, [&] {
    const auto receiver = make_receiver();
    receive(options, board, *receiver);
  });
  pin(options, 0);
  {
    const auto sender = make_sender();
    while (board.receivers_ready.load() == 0) {
      sleep_until_ns(monotonic_ns() + 1'000'000);
    }
    sleep_until_ns(monotonic_ns() + 20'000'000);
    const Sent sent = send(options, *sender);
    if (!join_children()) {
      return 1;
    }
    print_result(options, board, sent);
  }
  return 0;
}

template <class Body>
pid_t start_process(const Options& options, std::size_t process, Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      pin(options, process);
      body();
      ::_exit(0);
    } catch (const std::exception& failed) {
      fail_child(failed.what());
    }
  }
  return child;
}

}  // namespace avrig::bench
