// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <string>

namespace avrig {

/// The folder of this user's sockets, made 0700 where it is missing: $XDG_RUNTIME_DIR/avrig, else
/// /run/avrig for root, else /tmp/avrig-<uid>. Throws Error(Open) when it belongs to somebody else.
[[nodiscard]] std::string control_folder();

}  // namespace avrig
