// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/launch/child_process.hpp>
#include <avrig/spec/pipeline_spec.hpp>
#include <avrig/unique_fd.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace avrig::launch {

/// Does a JACK server of this name (empty: the default one) take connections? Looks at its socket:
/// libjack's own way is to try to become a client, which takes long when there is none.
///
/// Thread: any
[[nodiscard]] bool jack_answers(const std::string& server);

/// The server's name as libjack resolves it: asked, else $JACK_DEFAULT_SERVER, else "default".
[[nodiscard]] std::string jack_name(const std::string& asked);

/// A jackd of our own, for a run that needs one where none is.
///
/// It runs under jack_guard, which holds the read end of a pipe whose write ends are ours and the
/// stages': so it ends after the last of us, even when the launcher is killed, and takes its files
/// in /dev/shm with it.
///
/// Thread: control
class PrivateJack {
 public:
  /// Where a stage finds its write end of the guard's pipe.
  static constexpr int kLifelineFd = 4;

  /// Start it; wait_ready() before using it. Throws Error(Open).
  [[nodiscard]] static std::unique_ptr<PrivateJack> start(const spec::JackSpec& spec,
                                                          const std::string& program_dir);
  /// Closes the pipe, then waits for jackd to be gone (it is when the stages are).
  ~PrivateJack();
  PrivateJack(const PrivateJack&) = delete;
  PrivateJack& operator=(const PrivateJack&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// To be given to each stage as kLifelineFd.
  [[nodiscard]] int lifeline() const noexcept { return lifeline_.get(); }
  /// What it says; its end when it is gone.
  [[nodiscard]] int output_fd() const noexcept { return guard_.output_fd(); }
  /// "was killed by signal 9 (Killed)", once output_fd() has ended.
  [[nodiscard]] std::string how_ended();
  /// It stands still: let the guard kill it. The guard does so itself when the server is stopped by
  /// a signal for three seconds.
  void end_still() const noexcept;
  /// When it has ended: start it again, under the same name. Throws Error(Open).
  void restart();
  /// Error(Open) with what jackd said.
  void wait_ready(std::int64_t deadline_ns);

 private:
  PrivateJack(spec::JackSpec spec, std::string program_dir);
  void free_place() noexcept;

  spec::JackSpec spec_;
  std::string program_dir_;
  std::string name_;
  UniqueFd lifeline_;
  UniqueFd guard_end_;  ///< for the guard of a restarted server
  ChildProcess guard_;
};

}  // namespace avrig::launch
