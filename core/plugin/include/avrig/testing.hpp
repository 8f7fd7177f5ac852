// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// Run one plug-in on frames in memory: one process, no shared memory, no pipeline file.
///
///   using namespace avrig::testing;
///   Rig rig(component_of<Gain>(), {{"gain", "-6"}});          // or Rig rig("./gain.so");
///   Frame block(audio_format(48000, 2, 256));
///   block.channel(0)[0] = 1.0F;
///   const Outcome outcome = rig.run({{block}});
///   CHECK(outcome.outputs[0][0].channel(0)[0] == doctest::Approx(0.501).epsilon(0.001));
///
/// The rig keeps the rules that a pipeline keeps: blocks of exact size with the rest carried over,
/// stamps preset less the delay, Again, drop, drain. It also watches the plug-in: a write beyond a
/// frame, into a read-only input, or more samples than fit throw std::logic_error.
///
/// Thread: any, one at a time      RT-safe: no

#include <avrig/plugin.h>
#include <avrig/plugin/instance.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace avrig::plugin::skin {
template <class T>
struct Table;
}

namespace avrig::testing {

using plugin::Setting;

/// The formats of tests; throw std::invalid_argument where a name is unknown or too long.
[[nodiscard]] avrig_format audio_format(std::uint32_t sample_rate_hz,
                                        std::uint32_t channels,
                                        std::uint32_t block_samples);
[[nodiscard]] avrig_format video_format(std::string_view pixel_format,
                                        std::uint32_t width,
                                        std::uint32_t height,
                                        std::uint32_t frames_a_second = 25);
[[nodiscard]] avrig_format features_format(std::string_view column_names, std::uint32_t max_rows);
[[nodiscard]] avrig_format packets_format(std::uint32_t max_packet_bytes);

/// A frame that owns its memory, laid out as in a ring: rows 64-byte aligned, guarded at both ends.
class Frame {
 public:
  /// A full frame of zeros: block_samples samples, max_rows rows, ...
  explicit Frame(const avrig_format& format);
  Frame(const Frame& other);
  Frame(Frame&& other) noexcept = default;
  Frame& operator=(const Frame& other);
  Frame& operator=(Frame&& other) noexcept = default;
  ~Frame() = default;

  [[nodiscard]] const avrig_format& format() const noexcept { return format_; }
  /// Stamps and planes, as the plug-in sees them.
  [[nodiscard]] avrig_frame& raw() noexcept { return frame_; }
  [[nodiscard]] const avrig_frame& raw() const noexcept { return frame_; }

  [[nodiscard]] std::span<float> channel(std::uint32_t c) const noexcept;  ///< audio
  [[nodiscard]] std::span<std::uint8_t> row(std::uint32_t plane, std::uint32_t y) const noexcept;
  [[nodiscard]] std::span<float> features(std::uint32_t row) const noexcept;
  [[nodiscard]] std::span<std::uint8_t> bytes() const noexcept;  ///< packets

  void fill(std::byte value) noexcept;
  /// False: something wrote before or behind the frame's memory.
  [[nodiscard]] bool guards_intact() const noexcept;
  /// The same bytes in the same layout; stamps are not compared.
  [[nodiscard]] bool same_bytes(const Frame& other) const noexcept;

 private:
  struct alignas(64) Chunk {
    std::byte bytes[64];
  };
  void place_planes();

  avrig_format format_;
  avrig_frame frame_{};
  std::vector<Chunk> memory_;
};

/// What a run gave.
struct Outcome {
  std::vector<std::vector<Frame>> outputs;  ///< by port
  std::uint64_t calls = 0;                  ///< of process
  std::uint64_t dropped = 0;                ///< calls that returned AVRIG_DROP
  std::uint64_t failed = 0;                 ///< calls that returned AVRIG_ERROR
  bool ended = false;                       ///< a reader came to its end
  std::string error;                        ///< the last failure's text
  std::map<std::string, std::uint64_t> counters;
  std::vector<std::string> log;
};

/// The component of a class written with the C++ skin, without building a library.
template <class T>
[[nodiscard]] const avrig_component& component_of() noexcept {
  return plugin::skin::Table<T>::kComponent;
}

/// Holds one instance and drives it through whole streams.
class Rig {
 public:
  /// `given` in canonical form (levels in dB, durations in ns, ...). Throws as PluginInstance.
  explicit Rig(const avrig_component& component, const std::vector<Setting>& given = {});
  /// A library, as a pipeline names it: "./gain.so", "gain", "./several.so:one".
  explicit Rig(std::string_view reference,
               const std::vector<Setting>& given = {},
               std::uint32_t role = AVRIG_PROCESSOR);
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  [[nodiscard]] const avrig_traits& traits() const noexcept;
  /// Of the last run.
  [[nodiscard]] const avrig_configuration& configuration() const noexcept;
  [[nodiscard]] plugin::PluginInstance& instance() noexcept;

  /// One stream, from configure to stop: every frame of `inputs` (by port, in order) through the
  /// plug-in, then its tail. `wanted` asks for output formats, as the graph does.
  [[nodiscard]] Outcome run(const std::vector<std::vector<Frame>>& inputs,
                            const std::vector<avrig_format>& wanted = {});
  /// One stream of a reader: until its end, or `most_calls`.
  [[nodiscard]] Outcome read(std::size_t most_calls, const std::vector<avrig_format>& wanted = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace avrig::testing
