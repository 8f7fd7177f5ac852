// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>

namespace avrig::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kSlower = 6;  ///< how much longer everything may take: a sanitizer watches
#else
inline constexpr int kSlower = 1;
#endif

/// How long a test waits for what should come at once, until it says that it does not come. Long
/// enough for a busy machine; nobody waits so long when all is well.
inline constexpr std::int64_t kPatienceNs = kSlower * std::int64_t{10'000'000'000};

}  // namespace avrig::test
