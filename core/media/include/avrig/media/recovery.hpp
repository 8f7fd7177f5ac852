// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace avrig::media {

/// What one stream of a file really holds.
struct ReadBackStream {
  std::uint32_t media = AVRIG_MEDIA_NONE;
  std::string codec;
  std::vector<std::int64_t> pts_ns;  ///< of each whole packet, in the file's order
  std::uint64_t samples = 0;         ///< audio: samples in them, where the codec tells
  std::int64_t end_ns = INT64_MIN;   ///< end of the last in time: where the next begins; nut does
                                     ///< not store how long a picture lasts: then its start
  std::uint64_t broken_packets = 0;  ///< cut off or damaged; not in pts_ns
};

struct ReadBack {
  bool readable = false;  ///< false: not even a whole header; no stream
  std::string why;        ///< when not readable
  std::vector<ReadBackStream> streams;
};

/// The whole packets of a recording, also of one whose writer was killed in mid-write.
///
/// Reads the file once. Never throws for what is in it; a file that does not exist is not readable.
[[nodiscard]] ReadBack read_back(const std::string& path);

/// What join_parts() did.
struct JoinReport {
  std::uint64_t packets = 0;
  std::uint64_t duplicates = 0;  ///< not written again
  std::uint64_t broken = 0;      ///< cut off; left out
};

struct JoinOptions {
  std::string container;  ///< "" = by the target's ending
  bool bitexact = false;
  bool remove_parts = false;  ///< once the target is in place
};

/// Stream-copies the parts of a recording into one file, times unchanged.
///
/// Of each stream a packet that is not after the last of the parts before is left out. The result
/// is written beside `target` and renamed into place when it is whole; `target` may itself be one
/// of the parts (it is replaced), any other existing file is refused. A part that is not readable
/// is passed over. Throws Error(Open): no part readable, parts with different streams, target
/// exists, disk full; then nothing has changed.
JoinReport join_parts(std::span<const std::string> parts,
                      const std::string& target,
                      const JoinOptions& options = {});

}  // namespace avrig::media
