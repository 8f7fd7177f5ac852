// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>

#include <cstdint>
#include <type_traits>

namespace avrig::mixer {

enum class EventKind : std::uint32_t {
  None = 0,
  Accepted,  ///< reply; `sample` is the predicted sample if it is known, else kUnknownSample
  Refused,   ///< reply; `reason` says why; nothing was changed
  Started,   ///< `sample` is the first one heard
  Ended,     ///< `sample` is the first silent one
  Paused,    ///< `sample` is the first silent one; `value` the position kept
  Resumed,
  Looped,     ///< a seam; `value` counts the passes begun
  Gap,        ///< the timeline jumped: `sample` .. `sample + value`; one without a voice, and one
              ///< for each that sounds
  Underrun,   ///< a streaming voice ran dry at `sample`
  Cancelled,  ///< a pending action will not happen; `reason` says why
  Dropped,    ///< a late start that does not play
  NoOp,       ///< an action found nothing to act on
  Applied,    ///< a parameter took effect at `sample`
  Removed,    ///< the voice is gone; its slot may be used again
  MayClip,    ///< predicted when scheduled: from `sample` the peak may reach `level`
  Clipped,    ///< the first sample of a block that left [-1, 1] on output `value`; `level`: peak
  Fault,      ///< policy fault: silence from this block on; `level` is the peak
  EpochOpened,
};

enum class Reason : std::uint32_t {
  None = 0,
  UnknownVoice,
  VoiceExists,
  UnknownSource,
  BadOutput,    ///< out of range, or named twice
  BadChannels,  ///< as many outputs as channels are wanted, or a mono source
  BadIndex,
  BadLoop,
  BadValue,  ///< not finite, or out of range
  BadTime,
  Self,   ///< scheduled against itself
  Cycle,  ///< the anchors would wait for each other
  Playing,
  NotPlaying,
  Full,  ///< a table is full: reserve more
  Unknown,
  BadBatch,
  BatchMember,  ///< another command of the batch was refused
  UnknownBus,
  BusCycle,
  NoLimiter,
  AnchorGone,  ///< the voice that it waited for will never get there
  Replaced,
  Stopped,  ///< stopped before it started
  VoiceRemoved,
  Request,  ///< asked for
  Unsupported,
};

/// Flags of an event.
enum : std::uint32_t {
  kEventLate = 1u << 0,
  kEventNatural = 1u << 1,    ///< Ended: at the end of its content
  kEventRestarted = 1u << 2,  ///< Ended: its own voice started again
  kEventInGap = 1u << 3,      ///< fell into samples that were never rendered
  kEventReplayed = 1u << 4,   ///< seen before: produced while a log was replayed
  kEventConfirmed = 1u << 5,  ///< set by the host: heard
  kEventSuspect = 1u << 6,    ///< set by the host: an xrun lies in between
};

inline constexpr std::int64_t kUnknownSample = INT64_MAX;

/// What the mixer reports, predicted when the sample is rendered. The host turns samples into
/// times, and confirms or doubts them later (EventLedger).
struct Event {
  EventKind kind = EventKind::None;
  Reason reason = Reason::None;
  VoiceId voice = 0;
  std::uint64_t request = 0;
  std::int64_t sample = kUnknownSample;
  std::int64_t requested = kUnknownSample;  ///< the sample that was asked for
  std::int64_t late = 0;                    ///< samples; 0 = on time
  std::int64_t value = 0;
  float level = 0;
  std::uint32_t epoch = 0;
  std::uint32_t flags = 0;
  std::uint32_t play = 0;  ///< which start of the voice this belongs to, from 1
  std::uint16_t client = 0;
  std::uint16_t reserved[3] = {};
};

static_assert(sizeof(Event) == 80 && std::is_trivially_copyable_v<Event>);

[[nodiscard]] const char* to_string(EventKind kind) noexcept;
[[nodiscard]] const char* to_string(Reason reason) noexcept;

}  // namespace avrig::mixer
