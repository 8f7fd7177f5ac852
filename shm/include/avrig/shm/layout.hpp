// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/two_copy.hpp>
#include <avrig/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

/// The bytes of a ring, as drawn in docs/shm-layout.md. Fixed-width, no pointers, one writer a
/// word; producer's and consumers' words lie on lines of their own.
///
///     header page | maker page | a page per participant | descriptors | generations | undo | pool
namespace avrig::shm {

inline constexpr std::uint64_t kRingMagic = 0x676e'6972'7661'0001;  // "..avring"
inline constexpr std::uint32_t kLayoutVersion = 3;
inline constexpr std::uint32_t kMaxParticipants = 32;
inline constexpr std::uint32_t kMaxEditors = 4;
inline constexpr std::uint32_t kMaxOrigins = 4;
inline constexpr std::uint32_t kMaxPins = 128;
inline constexpr std::uint32_t kNoBuffer = 0xffff;
inline constexpr std::uint32_t kReadyState = 0x52454144;  // "READ"

/// What a descriptor stands for.
enum class Kind : std::uint32_t {
  None = 0,
  Frame = 1,  ///< a frame, with a buffer (in a reference ring: perhaps none, or the one before)
  Empty = 2,  ///< a frame that its maker dropped: published so that it is not tried again
  End = 3,    ///< end of stream; no payload, nothing follows
  Break = 4,  ///< discontinuity: a gap of `gap_samples`, a new epoch
  Format = 5  ///< the format changes from here on (see `format_word`)
};

/// Who takes part in a ring, and how.
enum class Part : std::uint32_t { Looker = 0, Editor = 1, Gate = 2 };

/// What an edge may lose.
enum class Loss : std::uint32_t { Must = 0, MaySkip = 1 };

/// What becomes of a frame that an editor could not process.
enum class Unprocessed : std::uint32_t {
  Drop = 0,  ///< the followers of the edited stream pass it over
  Pass = 1   ///< it goes on as it is, flagged AVRIG_FRAME_UNPROCESSED
};

/// Why a frame was not delivered on an edge.
enum class DropReason : std::uint32_t {
  Slack = 0,        ///< a `must` follower of a live maker lagged beyond its slack
  Skipped = 1,      ///< a `may_skip` follower jumped to a newer frame
  Processor = 2,    ///< a processor's verdict
  Unprocessed = 3,  ///< not processed (skipped, quarantined) and `unprocessed: drop`
  Late = 4,         ///< past its due time (gates)
  NoBuffer = 5,     ///< a live maker had no buffer left
  Stopped = 6,      ///< the run was stopped before it was its turn
  Ended = 7,        ///< after the end of its sync group (`end: any`)
  Count = 8
};
inline constexpr std::size_t kDropReasons = static_cast<std::size_t>(DropReason::Count);

/// One follower or editor of a ring; constant.
struct ParticipantEntry {
  std::uint32_t stage;  ///< index of its stage in the run
  std::uint32_t bell;   ///< index of the bell it sleeps on
  Part part;
  Loss loss;
  std::uint32_t editor_line;  ///< editors: which verdict line of a descriptor is theirs
  std::uint32_t reserved;
  std::uint64_t after;   ///< participants whose `done` must have passed a frame before it begins
  std::uint64_t behind;  ///< editors: participants whose `hold` must have passed it
  std::uint64_t undo_offset;  ///< editors that heal by undo: their before-image
  std::uint64_t undo_bytes;
};
static_assert(sizeof(ParticipantEntry) == 56);

/// Page 0: constant once `state` says ready.
struct RingHeader {
  std::uint64_t magic;
  std::uint32_t layout_version;
  std::uint32_t header_bytes;
  std::uint64_t segment_bytes;
  std::uint32_t ring_id;  ///< index of the ring in the run
  std::uint32_t maker_stage;
  std::uint32_t maker_bell;
  std::uint32_t slots;    ///< N descriptors
  std::uint32_t guard;    ///< G slots kept from reuse for taps
  std::uint32_t buffers;  ///< pool size; 0 = a reference ring
  std::uint32_t window;   ///< most frames in flight while nobody lags
  std::uint32_t live;     ///< 1: the maker never waits
  std::uint32_t participants;
  std::uint32_t reserved;
  std::uint64_t buffer_bytes;  ///< distance between pool buffers
  std::uint64_t maker_offset;
  std::uint64_t participant_offset;
  std::uint64_t descriptor_offset;
  std::uint64_t generation_offset;
  std::uint64_t undo_offset;
  std::uint64_t pool_offset;
  std::array<ParticipantEntry, kMaxParticipants> participant;
  avrig_format format;
  std::atomic<std::uint32_t> state;  ///< kReadyState, stored last with release
};
static_assert(sizeof(RingHeader) <= 4096 && offsetof(RingHeader, layout_version) == 8);

/// What only the maker writes.
struct MakerPage {
  alignas(128)
      std::atomic<std::uint64_t> floor;  ///< frames below may be gone for who has not begun them
  alignas(128) std::atomic<std::uint64_t> head;  ///< frames published; a hint for monitors
  std::atomic<std::uint64_t> overrun;            ///< live: frames it could not even place
  std::atomic<std::uint64_t> wanted;   ///< while it waits for room: ring it when the least hold of
                                       ///< `must` followers is here; 0 = at any change
  std::atomic<std::uint64_t> full_at;  ///< head + 1 when it last found its window full; 0 = never
  alignas(128) std::array<std::atomic<std::uint64_t>,
                          kMaxPins> pins;  ///< words of frames below floor still in hand
};
static_assert(sizeof(MakerPage) <= 4096);

/// Frames of an edge that were not delivered. `cursor` is how far it has counted: a successor that
/// finds it ahead of `done` takes the jump as made.
struct Ledger {
  std::uint64_t cursor;
  std::uint64_t dropped[kDropReasons];
  std::uint64_t quarantined;
  std::uint64_t voids;        ///< marks, and frames dropped before this edge: not produced on it
  std::uint64_t maker_voids;  ///< descriptors below `cursor` that carry no frame
  std::uint64_t jump_from;    ///< the last change was a jump from here to `cursor`
};
static_assert(sizeof(Ledger) == 104);

/// Latencies on a log scale: 4 buckets an octave from 1 us.
inline constexpr std::size_t kLatencyBuckets = 128;

/// A rectangle of bytes inside a buffer: what an editor declares it will change.
struct Region {
  std::uint64_t offset;
  std::uint32_t row_bytes;
  std::uint32_t rows;
  std::uint32_t stride;
  std::uint32_t reserved;

  friend bool operator==(const Region&, const Region&) = default;
};
static_assert(sizeof(Region) == 24);

/// What only one participant writes.
struct ParticipantPage {
  alignas(128) std::atomic<std::uint64_t> begun;  ///< frames it has begun; begun - 1 may be in hand
  std::atomic<std::uint64_t> done;                ///< frames it has completed
  std::atomic<std::uint64_t> hold;                ///< frames whose memory it has let go
  std::atomic<std::int64_t> since_ns;             ///< when it began the frame in hand (to a tick);
                                                  ///< 0 = none
  std::atomic<std::uint64_t> wanted;  ///< while it waits for frames: ring it when as many are
                                      ///< there; 0 = at the first
  alignas(128) TwoCopy<Ledger> ledger;
  alignas(
      128) std::atomic<std::uint64_t> undo_tag;  ///< sequence + 1 of the before-image, stored last
  std::uint32_t undo_regions;
  std::uint32_t undo_buffer;
  std::array<Region, 4> undo_region;
  alignas(
      128) std::array<std::atomic<std::uint32_t>, kLatencyBuckets> latency;  ///< published to done
  std::atomic<std::int64_t> latency_max_ns;
};
static_assert(sizeof(ParticipantPage) <= 4096);

/// Everything about a frame but its bytes. The maker fills it; `word` publishes it.
///
/// In front, on the commit word's cache line, what is new in each frame; behind it what mostly
/// stays: the maker stores only what changed, so that a frame passes with one line or two.
struct Descriptor {
  std::uint64_t sequence;
  std::int64_t capture_ns;
  std::int64_t index;            ///< first sample / picture number since the stream began
  std::int64_t published_ns;     ///< CLOCK_MONOTONIC, just before publishing
  std::uint64_t generation;      ///< of its buffer, for taps: another one has other bytes
  std::int64_t source_position;  ///< readers: where in the source (their own unit)
  std::int64_t due_ns;           ///< reference rings: when to present, CLOCK_MONOTONIC; live only

  /// For each input of the maker: frames consumed when this one was made (0 = none yet). The
  /// output is the commit record: a successor resumes from here.
  std::array<std::uint64_t, kMaxOrigins> origin;
  /// For each input: the first frame that the maker's state at this point still needs.
  std::array<std::uint64_t, kMaxOrigins> origin_from;

  std::int64_t sigma_ns;
  std::int64_t duration_ns;
  std::uint64_t epoch;
  std::uint32_t quality;           ///< AVRIG_QUALITY_*
  std::uint32_t flags;             ///< AVRIG_FRAME_*
  std::uint64_t voids;             ///< descriptors in [0, this] that carry no frame
  std::uint64_t drops;             ///< of these, frames that the maker dropped
  std::uint32_t part;              ///< which of several outputs of the same origin
  std::uint32_t more_parts;        ///< 1: further outputs of the same origin follow
  std::uint64_t gap_samples;       ///< Break, or samples missing before this frame
  std::uint32_t reference_buffer;  ///< buffer of the referred ring; kNoBuffer = silence or black
  std::uint32_t reference_ring;

  std::uint32_t samples;  ///< audio: samples a channel; features: rows; packets: bytes
  std::uint32_t planes;
  std::array<std::uint64_t, AVRIG_MAX_PLANES> plane_offset;
  std::array<std::uint32_t, AVRIG_MAX_PLANES> stride;
  std::array<std::uint32_t, AVRIG_MAX_PLANES> rows;
  std::uint32_t reason;       ///< Kind::Empty: DropReason
  std::uint32_t quarantined;  ///< 1: dropped or flagged because it crashed the maker
};
inline constexpr std::size_t kDescriptorWords = sizeof(Descriptor) / sizeof(std::uint64_t);
static_assert(sizeof(Descriptor) == 272 && sizeof(Descriptor) % sizeof(std::uint64_t) == 0);

/// An editor's verdict on a frame; `tag` (sequence + 1) is stored last.
struct EditorLine {
  std::atomic<std::uint64_t> tag;
  std::atomic<std::uint64_t> verdict;  ///< low half 0 keep, else 1 + DropReason; and flags below
};
inline constexpr std::uint64_t kVerdictDrop = 0xffff'ffff;
inline constexpr std::uint64_t kVerdictQuarantined = std::uint64_t{1} << 32;
inline constexpr std::uint64_t kVerdictUnprocessed = std::uint64_t{1} << 33;

/// One slot of the ring.
struct alignas(64) DescriptorSlot {
  /// The commit word: sequence (40 bits) | kind (8) | buffer (16). One store publishes.
  std::atomic<std::uint64_t> word;
  std::array<std::atomic<std::uint64_t>, kDescriptorWords> body;
  std::array<EditorLine, kMaxEditors> editor;
};
static_assert(sizeof(DescriptorSlot) == 384);

inline constexpr std::uint64_t kSequenceBits = 40;
inline constexpr std::uint64_t kSequenceMask = (std::uint64_t{1} << kSequenceBits) - 1;

[[nodiscard]] constexpr std::uint64_t make_word(std::uint64_t sequence,
                                                Kind kind,
                                                std::uint32_t buffer) noexcept {
  return ((sequence & kSequenceMask) << 24) | (static_cast<std::uint64_t>(kind) << 16) |
         (buffer & 0xffffu);
}
[[nodiscard]] constexpr std::uint64_t word_sequence(std::uint64_t word) noexcept {
  return word >> 24;
}
/// The newest sequence below `head` whose low 40 bits are `low`.
[[nodiscard]] constexpr std::uint64_t widen_sequence(std::uint64_t low,
                                                     std::uint64_t head) noexcept {
  const std::uint64_t near = (head & ~kSequenceMask) | low;
  return near < head || near <= kSequenceMask ? near : near - kSequenceMask - 1;
}
[[nodiscard]] constexpr Kind word_kind(std::uint64_t word) noexcept {
  return static_cast<Kind>((word >> 16) & 0xff);
}
[[nodiscard]] constexpr std::uint32_t word_buffer(std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(word & 0xffff);
}

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// How many frames a sleeper lets gather before it is rung, in a stream of one frame each `gap_ns`
/// whose maker is out of room: as many as pass in a millisecond, at most half a window. One where a
/// whole window passes in less than a wake-up takes: then every moment of the sleep counts.
[[nodiscard]] constexpr std::uint64_t worth_waking(std::uint64_t window,
                                                   std::uint64_t gap_ns) noexcept {
  constexpr std::uint64_t kWakeNs = 100'000;
  constexpr std::uint64_t kGatherNs = 1'000'000;
  if (gap_ns == 0 || gap_ns > kGatherNs || window * gap_ns < kWakeNs) {
    return 1;
  }
  const std::uint64_t passing = kGatherNs / gap_ns;
  return passing < window / 2 ? passing : window / 2 > 1 ? window / 2 : 1;
}
static_assert(worth_waking(128, 140) == 1 && worth_waking(4, 60'000) == 2 &&
              worth_waking(128, 100'000) == 10 && worth_waking(26, 21'000'000) == 1 &&
              worth_waking(3, 100'000) == 1);

/// How long a follower without frames leaves the next ones to their maker, in the same stream:
/// while half a window passes, where that is a matter of microseconds; then it takes many at a
/// time.
[[nodiscard]] constexpr std::int64_t worth_gathering_ns(std::uint64_t window,
                                                        std::uint64_t gap_ns) noexcept {
  constexpr std::uint64_t kRapidNs = 750;
  constexpr std::uint64_t kMostNs = 12'000;
  if (gap_ns > kRapidNs) {
    return 0;
  }
  return static_cast<std::int64_t>(window / 2 * gap_ns < kMostNs ? window / 2 * gap_ns : kMostNs);
}
static_assert(worth_gathering_ns(128, 140) == 8'960 && worth_gathering_ns(128, 1'000) == 0 &&
              worth_gathering_ns(1, 100) == 0);

}  // namespace avrig::shm
