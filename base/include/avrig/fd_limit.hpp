// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

namespace avrig {

/// Let this process have as many descriptors as the system allows it at all: the usual 1024 are
/// meant for programs that call select(). Processes that it starts have them too.
void raise_fd_limit() noexcept;

}  // namespace avrig
