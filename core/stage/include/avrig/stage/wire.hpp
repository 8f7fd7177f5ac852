// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/unique_fd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace avrig::stage {

/// One message between launcher and stage: a JSON text and the descriptors that go with it.
struct Message {
  std::string text;
  std::vector<UniqueFd> fds;
};

/// One end of the socket between launcher and stage (SOCK_SEQPACKET: a message is a packet).
///
/// Launcher -> stage, each {"order": ...}:
///   parameters {request: Request}                   -> {"answer": "parameters", parameters: [...]}
///   describe  {request: Request}                    -> {"answer": "description", ...Description}
///   configure {inputs: [format], wishes: [Wish]}    -> {"answer": "configured", ...Configured}
///   kept      {names: [name]} + fds, in order   what a predecessor gave into keeping (no answer)
///   attach    {assignment: Assignment} + fds: run block, [sync block], rings in order
///                                                   -> {"answer": "ready"}
///   go        {}                                    (no answer; frames may flow)
///   set       {name, value}      mark {time_ns, text}
///   taps      {}                 somebody taps the rings: spare what was used last
///   stop      {}                 drain and end
/// Stage -> launcher besides answers:
///   {"answer": "failed", code, text}   setting up or running failed; the process then exits
///   {"event": "log", level, text}      {"event": "set", name, value, sequence, error?}
///   {"event": "ended"}                 every input has ended and all is written
///   {"event": "keep", name} + fd       hold this for our successor; replaces one of that name
///   {"event": "forget", name}          let go of it
///   {"event": "word", name, text}      for our successor: Assignment::words
class Socket {
 public:
  explicit Socket(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  /// A connected pair; `second` is to be inherited by the stage.
  [[nodiscard]] static std::pair<Socket, UniqueFd> pair();

  /// Send; false when the other end is gone or does not read (never blocks longer than 1 s).
  /// Thread: any (one send at a time; the caller's lock)
  bool send(const std::string& text, const std::vector<int>& fds = {}) noexcept;
  /// The next message; empty when the other end is gone. Blocks.
  [[nodiscard]] std::optional<Message> receive();
  /// Wait at most until `deadline_ns` (CLOCK_MONOTONIC) for a message to arrive.
  [[nodiscard]] bool wait(std::int64_t deadline_ns) noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// Where a stage finds its end of the socket.
  static constexpr int kStageFd = 3;
  /// Longest message: plans of large runs fit well.
  static constexpr std::size_t kMaxBytes = 192 * 1024;

 private:
  UniqueFd fd_;
};

}  // namespace avrig::stage
