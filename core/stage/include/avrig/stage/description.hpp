// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::stage {

/// What a stage does to the frames of one input (see docs/architecture.md).
enum class Work : std::uint32_t {
  Maker = 0,   ///< writes new frames into rings of its own
  Editor = 1,  ///< changes the frame where it lies; its output is its input's ring
  Looker = 2,  ///< only reads
  Gate = 3     ///< opens a reference ring that names its input's buffers
};

/// How a half-done edit is made whole after a crash.
enum class Heal : std::uint32_t {
  Rerun = 0,  ///< running again gives the same frame
  Undo = 1    ///< a before-image of `undo_bytes` is kept and put back
};

/// What a port can take or give, before a format is fixed. Empty lists mean "any".
struct Acceptance {
  std::uint32_t media = AVRIG_MEDIA_NONE;  ///< NONE = any
  std::vector<std::string> pixel_formats;  ///< in order of preference
  std::vector<std::uint32_t> sample_rates_hz;
  std::vector<std::uint32_t> channels;
};

/// One input of a stage, as it describes itself.
struct InputPort {
  std::string name;  ///< "in", "audio", "video", ... unique in the stage
  Acceptance accepts;
  std::uint32_t history = 0;  ///< frames before the current one that must stay readable
  std::uint32_t holds = 1;    ///< frames that the stage may hold at once (encoder delay, ...)
  bool optional = false;      ///< may stay unconnected
  bool presents = false;  ///< shows or plays when due (display, JACK): joins the gate's sync group;
                          ///< pictures are `may_skip` by default, sound is not
};

/// One output of a stage, as it describes itself.
struct OutputPort {
  std::string name;               ///< "out", "audio", "video", ... unique in the stage
  Acceptance offers;              ///< formats the maker can write directly, its own first
  std::uint32_t own_buffers = 0;  ///< buffers that the maker itself may keep (reference pictures)
  bool own_bell = false;          ///< a thread of its own serves this output
};

/// A parameter that a stage publishes, so that `with:` can be checked before anything runs.
/// The texts are canonical (ns, Hz, bytes, dB).
struct ParameterDescription {
  std::string name, type, unit, default_text, minimum, maximum, doc;
  std::vector<std::string> choices;
  bool live = false;  ///< `avrig set` may change it while running
  bool required = false;
};

/// A published parameter with a default; the other fields are set afterwards where needed.
[[nodiscard]] ParameterDescription parameter(std::string name,
                                             std::string type,
                                             std::string standard,
                                             std::string doc);

/// A stage's answer to `describe`: everything that is known before formats are fixed.
struct Description {
  Work work = Work::Looker;
  Heal heal = Heal::Rerun;
  bool live = false;         ///< a device feeds it: its makers never wait
  bool many_inputs = false;  ///< repeats its last input port for further inputs ("in2", ...)
  std::vector<InputPort> inputs;
  std::vector<OutputPort> outputs;
  std::vector<ParameterDescription> parameters;
  std::int64_t duration_ns = 0;  ///< of the source, where known: for the progress line
};

/// A stage's answer to `configure`: what follows from its input formats.
struct Configured {
  std::vector<avrig_format> outputs;       ///< one per output port, in order
  std::vector<std::uint64_t> frame_bytes;  ///< payload capacity per output buffer
  std::vector<std::uint32_t> history;      ///< per input; empty = as described
  std::vector<std::uint32_t> holds;        ///< per input; empty = as described
  std::vector<std::uint32_t> own_buffers;  ///< per output; empty = as described
  std::vector<bool> keeps_reading;         ///< per output: the maker reads what it published, so no
                                           ///< editor may follow; empty = none
  std::uint64_t undo_bytes = 0;            ///< editors with Heal::Undo
  std::int64_t delay_ns = 0;               ///< algorithmic delay, subtracted by the host
};

void to_json(nlohmann::json& json, const ParameterDescription& value);
void from_json(const nlohmann::json& json, ParameterDescription& value);
void to_json(nlohmann::json& json, const Acceptance& value);
void from_json(const nlohmann::json& json, Acceptance& value);
void to_json(nlohmann::json& json, const Description& value);
void from_json(const nlohmann::json& json, Description& value);
void to_json(nlohmann::json& json, const Configured& value);
void from_json(const nlohmann::json& json, Configured& value);

/// avrig_format as JSON and back (text for pixel format, columns; numbers for the rest).
[[nodiscard]] nlohmann::json format_to_json(const avrig_format& format);
[[nodiscard]] avrig_format format_from_json(const nlohmann::json& json);

}  // namespace avrig::stage
