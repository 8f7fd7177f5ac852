// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// The C++20 skin over the plug-in ABI: write a class, end with AVRIG_PLUGIN(Class).
///
///   struct Gain {
///     static constexpr const char* kName = "gain";
///     static constexpr const char* kSummary = "make audio louder or softer";
///     static constexpr Parameter kParameters[] = {
///         {.name = "gain", .type = "level", .default_value = "0", .flags = kLiveSettable}};
///     explicit Gain(const Params& params);
///     Status process(AudioIn in, AudioOut out) noexcept;
///   };
///   AVRIG_PLUGIN(Gain)
///
/// **The frame call** says what the class is; it is noexcept and RT-safe, returns Status or void:
///   read(XOut...)           a reader           write(XIn...)    a writer
///   process(XIn..., XOut...) a maker           look(XIn...)     a processor that only reads
///   edit(XOut)              an editor (declare kHeal)
/// with X = Audio, Video, Features, Packets; each argument becomes a port named after its medium
/// (`audio`, a second one `audio-2`). `process(Call&)` (and read, write, look) takes everything as
/// it comes; such a class declares its ports in describe().
///
/// **Constructor**: (Host, const Params&), (const Params&) or (). It may throw, as may all hooks
/// but the frame calls; the text of the exception is what the user reads.
///
/// **Constants, all optional but the first**: kName, kSummary, kParameters, kPixelFormats,
/// kSampleRates, kChannels (comma-separated, for all ports), kBlock (exact samples a frame, audio),
/// kLive (readers), kPresents (writers), kHeal (editors), kTrigger, kToleranceNs, kVersion.
///
/// **Hooks, all optional**:
///   void describe(Traits&)            change what was derived from the above
///   void configure(Config&)           formats are known: set output formats, delay, history, ...
///   void start(), void stop()         begin and end of a stream
///   Status drain(XOut...|Call&) noexcept   the tail; called while it returns Status::Again
///   void discontinuity(std::uint32_t input, std::uint32_t reason)
///   void set_param(std::string_view name, const Value& value)     a kLiveSettable parameter
///   changed

#include <avrig/plugin/author.hpp>
#include <avrig/plugin/skin.hpp>

/// Export the listed classes: the one line at the end of a plug-in.
#define AVRIG_PLUGIN(...)                                                                    \
  extern "C" AVRIG_EXPORT const avrig_plugin_descriptor* avrig_plugin_entry(void) noexcept { \
    return &::avrig::plugin::Library<__VA_ARGS__>::kDescriptor;                              \
  }
