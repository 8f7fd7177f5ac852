// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace avrig {

/// Why a run or a command ended; the numbers are the process exit codes.
enum class ErrorCode : int {
  Ok = 0,
  Internal = 1,      ///< a bug of ours, or a command line that makes no sense
  Spec = 2,          ///< the pipeline file is wrong
  Open = 3,          ///< a source, device, plug-in or target could not be opened
  Promise = 4,       ///< a promise was broken: a drop on a `must` edge
  StageDied = 5,     ///< a stage died beyond its restarts
  Interrupted = 130  ///< Ctrl-C
};

/// Something failed while setting up. The text says what was attempted, on which object, what was
/// seen and what to do.
///
/// Thrown only outside the frame path; `main` turns it into one line and `code()`.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// "text: strerror(errno)" as an Error.
[[nodiscard]] Error errno_error(ErrorCode code, const std::string& text);

}  // namespace avrig
