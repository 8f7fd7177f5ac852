// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/fd_limit.hpp>

#include <sys/resource.h>

namespace avrig {

void raise_fd_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace avrig
