// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/segment.hpp>
#include <avrig/shm/two_copy.hpp>

#include <atomic>
#include <cstdint>
#include <optional>

namespace avrig::shm {

inline constexpr std::uint32_t kMaxSections = 16;

/// What a member of a sync group is.
enum class SyncRole : std::uint64_t { None = 0, Gate, AudioWriter, PictureWriter };

/// How far a member is.
enum class SyncPhase : std::uint64_t { Absent = 0, Preroll, Running, Ended };

/// A clock map: media time `media_ns` is heard (or seen) at CLOCK_MONOTONIC `mono_ns`, and from
/// there media time advances `rate` ns a monotonic ns. Valid inside one epoch only.
struct MediaMap {
  std::uint64_t valid;
  std::uint64_t epoch;
  std::int64_t media_ns;
  std::int64_t mono_ns;
  double rate;
  std::int64_t sigma_ns;
};

/// What one member says. Fields that are not its role's stay zero.
struct SyncSection {
  SyncRole role;
  SyncPhase phase;
  std::uint64_t media;  ///< AVRIG_MEDIA_* of its stream

  // Gates.
  std::int64_t first_capture_ns;  ///< of its first frame
  std::uint64_t released;         ///< frames released
  std::uint64_t late;             ///< of these, past their due time
  std::uint64_t live;             ///< 1: a device feeds it
  std::int64_t ready_ns;          ///< when its first frame was there
  std::int64_t lag_ns;            ///< the longest from capture to the gate, in the pre-roll
  std::int64_t horizon_ns;        ///< the stream goes on at least until here
  std::uint64_t ends;             ///< 1: it ends at horizon_ns
  std::int64_t position_ns;       ///< capture time of the newest frame released ...
  std::int64_t position_at_ns;    ///< ... and when that was
  std::uint64_t bell;             ///< whom to ring when another gate's state changes

  // The group's leader alone.
  std::uint64_t started;  ///< 1: the three below are fixed
  std::int64_t t0_ns;     ///< CLOCK_MONOTONIC at which media time `media0_ns` is due
  std::int64_t media0_ns;
  std::int64_t delay_ns;  ///< D
  std::int64_t max_unsynced_ns;

  // The audio writer: the master map, and where its own counting began.
  MediaMap master;
  std::int64_t anchor_frame;  ///< device frame (unwrapped) at which media0_ns is played
  std::int64_t last_frame;    ///< device frame of the newest cycle, for unwrapping
  std::uint64_t underrun_samples;
  std::uint64_t xruns;
  std::int64_t needs_ns;  ///< how long before it is due a block must have come

  // Presenting writers: offset = when it was presented - when it was due by the master map.
  std::uint64_t presented;
  std::uint64_t held;      ///< presentations repeated for want of a frame
  std::uint64_t dropped;   ///< frames passed over because a newer one was due
  std::uint64_t unsynced;  ///< of those presented, further off than max_unsynced_ns
  std::int64_t offset_min_ns;
  std::int64_t offset_max_ns;
  std::int64_t offset_sum_ns;
  std::int64_t offset_last_ns;
};
static_assert(sizeof(SyncSection) % sizeof(std::uint64_t) == 0);

/// Page 0 of a sync block.
struct SyncHeader {
  std::uint64_t magic;
  std::uint32_t layout_version;
  std::uint32_t sections;
  std::uint32_t leader;
  std::atomic<std::uint32_t> state;  ///< kReadyState, stored last with release
};

/// The common block of one sync group: a page per member, each written by that member alone, in two
/// copies, so that a member's death in mid-write leaves a good one.
///
///     header page | a page per member
class SyncBlock {
 public:
  [[nodiscard]] static Segment create(std::uint32_t sections, std::uint32_t leader);

  /// `own`: the section that this process may write; empty = look only. Throws Error(Open).
  SyncBlock(const Segment& segment, std::optional<std::uint32_t> own);

  [[nodiscard]] std::uint32_t sections() const noexcept { return sections_; }
  [[nodiscard]] std::uint32_t leader() const noexcept { return leader_; }

  /// The last whole state of a section. RT-safe: yes
  [[nodiscard]] SyncSection read(std::uint32_t section) const noexcept;
  /// Replace our own section. Thread: one a section      RT-safe: yes
  void write(const SyncSection& state) noexcept;
  /// The last whole state of our own section: a successor goes on with it.
  [[nodiscard]] SyncSection own() const noexcept { return read(own_); }

  /// The master map, where an audio writer gives one.
  [[nodiscard]] MediaMap master() const noexcept;
  /// When media time `media_ns` is due: by the master map, else by the leader's T0; empty before
  /// the group has started. RT-safe: yes
  [[nodiscard]] std::optional<std::int64_t> due_ns(std::int64_t media_ns) const noexcept;

 private:
  [[nodiscard]] TwoCopy<SyncSection>& place(std::uint32_t section) const noexcept;

  Mapping mapping_;
  std::uint32_t sections_ = 0;
  std::uint32_t leader_ = 0;
  std::uint32_t own_ = 0;
};

/// `media_ns` on CLOCK_MONOTONIC by a map that is valid.
[[nodiscard]] std::int64_t to_mono_ns(const MediaMap& map, std::int64_t media_ns) noexcept;

}  // namespace avrig::shm
