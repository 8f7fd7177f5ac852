// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

/// What an experiment tells the mixer: fixed-size records without pointers, so that they can lie in
/// a queue in shared memory, in a log, or in a file, and mean the same when they are replayed.

namespace avrig::mixer {

/// A voice as its owner names it: slot in the low half, generation in the high half. Voices are
/// summed in the order of their slots. Zero names none.
using VoiceId = std::uint64_t;

inline constexpr std::uint32_t kMaxLanes = 64;     ///< outputs that one voice can be mapped to
inline constexpr std::uint32_t kMaxOutputs = 255;  ///< outputs of one mixer
inline constexpr std::uint32_t kMaxBuses = 64;
inline constexpr std::uint32_t kMaxBatch = 256;  ///< commands in one all-or-nothing batch
inline constexpr double kMinPitch = 0.1;
inline constexpr double kMaxPitch = 64.0;
/// Samples are counted in 64 bits; what is asked for must lie within this distance of zero.
inline constexpr std::int64_t kMaxSample = std::int64_t{1} << 60;

[[nodiscard]] constexpr VoiceId make_voice(std::uint32_t slot, std::uint32_t generation) noexcept {
  return (VoiceId{generation} << 32) | slot;
}
[[nodiscard]] constexpr std::uint32_t slot_of(VoiceId id) noexcept {
  return static_cast<std::uint32_t>(id);
}
[[nodiscard]] constexpr std::uint32_t generation_of(VoiceId id) noexcept {
  return static_cast<std::uint32_t>(id >> 32);
}

enum class CommandKind : std::uint32_t {
  None = 0,
  AddVoice,
  RemoveVoice,
  Start,
  Stop,
  Pause,
  Resume,
  Cancel,
  Resolve,
  SetGain,
  SetPan,
  SetPitch,
  SetLoop,
  Seek,
  SetEmitter,
  SetListener,
  AddBus,
  SetBusGain,
  SetBusMute,
  SetBusSolo,
  SetBusParent,
  SetClip,
  ClearFault,
  Jump,
  SetVoiceBus,
};

/// When a command takes effect.
enum class WhenKind : std::uint32_t {
  Now = 0,    ///< the first sample that is not rendered yet
  At,         ///< at `sample`
  WithStart,  ///< `sample` samples after (or before) the start of `voice`
  WithEnd,    ///< `sample` samples after (or before) the first silent sample of `voice`
  Later,      ///< not known yet: the host sends Resolve when it has turned a time into a sample
};

struct When {
  WhenKind kind = WhenKind::Now;
  std::uint32_t reserved = 0;
  VoiceId voice = 0;
  std::int64_t sample = 0;  ///< At: the sample. WithStart, WithEnd: the offset
};

[[nodiscard]] constexpr When now() noexcept {
  return {};
}
[[nodiscard]] constexpr When at(std::int64_t sample) noexcept {
  return {WhenKind::At, 0, 0, sample};
}
[[nodiscard]] constexpr When with_start(VoiceId voice, std::int64_t offset = 0) noexcept {
  return {WhenKind::WithStart, 0, voice, offset};
}
[[nodiscard]] constexpr When with_end(VoiceId voice, std::int64_t offset = 0) noexcept {
  return {WhenKind::WithEnd, 0, voice, offset};
}
[[nodiscard]] constexpr When later() noexcept {
  return {WhenKind::Later, 0, 0, 0};
}

/// What becomes of a start whose sample has already been rendered; always reported.
enum class Late : std::uint8_t {
  Play = 0,  ///< starts at once, whole content
  Skip,      ///< enters where it would be by now, and so keeps in step
  Drop,      ///< does not play
};

enum class PanLaw : std::uint8_t { Balance = 0, ConstantPower };
enum class Quality : std::uint8_t { Linear = 0, Cubic, Sinc };
enum class FadeShape : std::uint8_t { Linear = 0, RaisedCosine };
/// What a playing voice does when the timeline jumps.
enum class GapPolicy : std::uint8_t {
  KeepTimeline = 0,  ///< goes on as if the lost samples had been played
  KeepContent,       ///< goes on where it was; its end moves
};
enum class ClipPolicy : std::uint8_t { Pass = 0, Clamp, Limit, Fault };
enum class SourceKind : std::uint8_t { Samples = 0, Stream };

/// Flags of a command.
enum : std::uint32_t {
  kCommandFadeBefore = 1u << 0,   ///< Stop: the fade ends at the time given, not begins there
  kCommandAtLoopEnd = 1u << 1,    ///< Stop: at the end of the pass that is playing then
  kCommandForce = 1u << 2,        ///< RemoveVoice: also while it plays (with its fade)
  kCommandReportLoops = 1u << 3,  ///< Start: an event at each loop seam
};

struct AddVoicePayload {
  std::uint32_t source;  ///< number of the sample data or of the stream
  SourceKind source_kind;
  PanLaw pan_law;
  Quality quality;
  GapPolicy gap;
  std::uint8_t bus;
  std::uint8_t lanes;  ///< outputs in `output`
  std::uint8_t reserved[2];
  float gain_db;  ///< -80 and below is silence
  float pan;      ///< -1 left .. +1 right; heard where a voice has exactly two outputs
  double pitch;   ///< 0.1 and up
  std::uint8_t output[kMaxLanes];  ///< 0-based outputs; a mono source is repeated on each
};

/// A trigger on a spare output, from the very sample at which the voice starts.
struct Mark {
  std::uint8_t output;
  std::uint8_t bits;  ///< 0 = no mark; 1 = one pulse; else `code`, least significant bit first
  std::uint8_t reserved[2];
  std::uint32_t width;  ///< samples a bit
  std::uint32_t code;
  float level;
};

struct LoopSpec {
  std::int64_t begin;
  std::int64_t end;    ///< 0 = the end of the data
  std::int64_t count;  ///< passes through the region; 0 = endless, 1 = no loop
};

struct StartPayload {
  LoopSpec loop;
  std::int64_t starting_idx;
  Mark mark;
  std::uint32_t fade;  ///< samples; 0 = none
  FadeShape shape;
  Late late;
  std::uint8_t reserved[2];
};

/// Stop, Pause, Resume, RemoveVoice.
struct FadePayload {
  std::uint32_t fade;  ///< samples; 0 = a cut at the sample given
  FadeShape shape;
  std::uint8_t reserved[3];
};

/// SetGain (dB), SetPan, SetPitch, SetBusGain (dB), SetBusMute and SetBusSolo (0 or 1),
/// SetBusParent (a bus number, -1 = none), SetVoiceBus (`bus` and `ramp`).
struct ValuePayload {
  double value;
  std::uint32_t ramp;  ///< samples
  std::uint32_t bus;
};

struct SeekPayload {
  std::int64_t index;
};

enum class DistanceModel : std::uint8_t { None = 0, Linear, Inverse, Exponential };
enum class EmitterMode : std::uint8_t { Off = 0, Flat2D, Space3D };

struct Vec3 {
  float x;
  float y;
  float z;
};

struct EmitterPayload {
  Vec3 position;
  Vec3 velocity;  ///< metres a second
  float reference_distance;
  float max_distance;
  float rolloff;
  float doppler_scale;  ///< 0 = no Doppler
  DistanceModel model;
  EmitterMode mode;
  std::uint8_t reserved[2];
  std::uint32_t ramp;
};

struct ListenerPayload {
  Vec3 position;
  Vec3 velocity;
  Vec3 right;  ///< unit vector to the right ear
  float speed_of_sound;
  std::uint32_t ramp;
};

struct CancelPayload {
  std::uint64_t request;  ///< the request whose pending action is cancelled (same client)
};

struct ResolvePayload {
  std::uint64_t request;  ///< the request that was scheduled `later()` (same client)
  std::int64_t sample;
};

struct ClipPayload {
  std::uint8_t output;  ///< 255 = all
  ClipPolicy policy;
  std::uint8_t reserved[6];
};

struct JumpPayload {
  std::int64_t samples;  ///< how far the timeline jumped; 0 = only a new epoch
  std::uint32_t epoch;
  std::uint32_t reserved;
};

struct BusPayload {
  std::uint32_t bus;
  std::int32_t parent;  ///< -1 = straight to the outputs
  float gain_db;
  std::uint32_t reserved;
};

/// One command.
///
/// Everything in it is checked by the engine when it is applied: it may come from another process.
/// Each command is answered by one event, Accepted or Refused, that carries `client` and
/// `request`.
struct Command {
  std::uint64_t request = 0;  ///< chosen by the client, echoed in every event it causes
  CommandKind kind = CommandKind::None;
  std::uint32_t flags = 0;
  std::uint16_t client = 0;
  std::uint16_t batch = 0;  ///< on the first of a batch: how many commands it has (0 and 1: alone)
  std::uint32_t reserved = 0;
  VoiceId voice = 0;
  When when;
  union Payload {
    AddVoicePayload add;
    StartPayload start;
    FadePayload fade;
    ValuePayload value;
    LoopSpec loop;
    SeekPayload seek;
    EmitterPayload emitter;
    ListenerPayload listener;
    CancelPayload cancel;
    ResolvePayload resolve;
    ClipPayload clip;
    JumpPayload jump;
    BusPayload bus;
    std::uint64_t words[15];
  } as = {.words = {}};
};

static_assert(sizeof(Command) == 176 && std::is_trivially_copyable_v<Command> &&
              std::is_standard_layout_v<Command>);
static_assert(offsetof(Command, when) == 32 && offsetof(Command, as) == 56);

}  // namespace avrig::mixer
