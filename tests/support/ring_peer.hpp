// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <atomic>
#include <cstdint>

/// What the kill test and its stages share beside the ring.
namespace avrig::shm::testing {

inline constexpr int kRingFd = 20;
inline constexpr int kRunFd = 21;
inline constexpr int kJournalFd = 22;
inline constexpr std::uint64_t kPeerBytes = 256;

struct PeerJournal {
  std::atomic<std::uint64_t> stop;    ///< the maker ends its stream
  std::atomic<std::uint64_t> wrong;   ///< frames with wrong bytes, or out of order
  std::atomic<std::uint64_t> broken;  ///< rings found broken
};

/// The stages, by argument and by bell.
enum class Peer : std::uint32_t { Maker = 0, Raw, Rerun, Undo, Looker };
inline constexpr std::uint32_t kPeers = 5;

}  // namespace avrig::shm::testing
