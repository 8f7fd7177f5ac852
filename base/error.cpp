// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>

#include <cerrno>
#include <cstring>

namespace avrig {

Error errno_error(ErrorCode code, const std::string& text) {
  const int seen = errno;
  return Error(code, text + ": " + std::strerror(seen));
}

}  // namespace avrig
