// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/media/recovery.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace avrig::media_writer {

/// What the parts of a recording, read back, hold of one stream.
struct Recorded {
  bool any = false;
  std::int64_t last_ns = INT64_MIN;  ///< time of the last whole packet
  std::int64_t end_ns = INT64_MIN;   ///< where the first missing sample or picture begins
  std::uint64_t samples = 0;         ///< audio
};

/// The files of one recording: the target itself is part 0; a writer that was killed leaves its
/// part as it is, and its successor writes the next, "name.partN.ext", from the first frame that
/// the parts before lack.
class Parts {
 public:
  explicit Parts(std::string target) : target_(std::move(target)) {}

  /// Read back what is there, from where `known` (a predecessor's known(); "" = nothing) ends.
  /// `streams`: how many the recording has. Returns how many files were read.
  std::size_t read(std::size_t streams, const std::string& known);
  /// What all files but the one being written hold: nobody changes them any more, so that a
  /// successor need not read them again.
  [[nodiscard]] std::string known() const;
  [[nodiscard]] const std::vector<Recorded>& recorded() const noexcept { return recorded_; }
  [[nodiscard]] bool empty() const noexcept { return files_.empty(); }
  [[nodiscard]] std::size_t count() const noexcept { return files_.size(); }

  /// Path of the part to write now, and remember it as one of the recording.
  [[nodiscard]] std::string open_next();
  /// The part being written was removed, since it held nothing.
  void forget_last() { files_.pop_back(); }
  /// Remove the parts, which hold nothing: killed before their first packet.
  void remove_all();
  [[nodiscard]] bool nothing_recorded() const noexcept;
  /// A clean end: join all parts into the target, by stream copy. Returns what was joined; 0 when
  /// there was but one. Throws Error(Open); the parts are then still there.
  std::size_t join(const std::string& container, bool bitexact);

  [[nodiscard]] const std::string& target() const noexcept { return target_; }

 private:
  void recall(const std::string& known);
  [[nodiscard]] std::string part_path(std::size_t number) const;

  std::string target_;
  std::vector<std::string> files_;
  std::vector<Recorded> recorded_;
};

}  // namespace avrig::media_writer
