// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// One living reader, processor or writer of a plug-in, seen from the host's side.

#include <avrig/plugin.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace avrig::plugin {

/// What the host does for its plug-in; see avrig_host. Derive to send it elsewhere.
///
/// Thread: process
class HostServices {
 public:
  HostServices() = default;
  HostServices(const HostServices&) = delete;
  HostServices& operator=(const HostServices&) = delete;
  virtual ~HostServices() = default;
  /// A line on stderr.
  virtual void log(std::uint32_t level, std::string_view text) noexcept;
  /// CLOCK_MONOTONIC.
  [[nodiscard]] virtual std::int64_t now_ns() noexcept;
  /// Nothing. What overrides it must be RT-safe.
  virtual void count(const char* name, std::uint64_t n) noexcept;
};

/// Where an instance lives.
struct Surroundings {
  std::string stage_id;
  std::string run_folder;
  bool offline = false;
};

/// A parameter and its value in canonical form.
struct Setting {
  std::string name;
  std::string value;
};

/// What was given, checked, with the component's defaults for the rest.
///
/// Throws Error(Spec) naming each unknown, missing or bad one.
///
/// Thread: any      RT-safe: no
[[nodiscard]] std::vector<Setting> complete_settings(const avrig_component& component,
                                                     std::span<const Setting> given);

/// How much later than its stamp a sample or picture comes out, in ns: both parts added up.
///
/// Thread: any      RT-safe: yes
[[nodiscard]] std::int64_t total_delay_ns(const avrig_configuration& configuration) noexcept;

/// The frame that is published: `preset` as the host gave it, with what a plug-in may change taken
/// from `answered` (see avrig_call), samples no more than `room` (ignored for video).
///
/// Thread: any      RT-safe: yes
[[nodiscard]] avrig_frame accept_frame(const avrig_frame& preset,
                                       const avrig_frame& answered,
                                       std::uint32_t room) noexcept;

/// Owns one instance: creates it, carries its calls, checks its answers, destroys it.
///
/// Setting up throws Error(Open) with `plug-in 'gain': cannot start: ...` and the text that the
/// plug-in gave. The frame calls return AVRIG_* (what a plug-in returns beyond these becomes
/// AVRIG_ERROR); error_text() then says why.
///
/// Thread: process
class PluginInstance {
 public:
  /// `settings` as complete_settings() gives them. `services` outlives the instance.
  PluginInstance(const avrig_component& component,
                 HostServices& services,
                 const Surroundings& surroundings,
                 std::span<const Setting> settings);
  ~PluginInstance();
  // The plug-in keeps the address of host_.
  PluginInstance(const PluginInstance&) = delete;
  PluginInstance& operator=(const PluginInstance&) = delete;

  [[nodiscard]] const avrig_component& component() const noexcept { return component_; }

  /// RT-safe: no. Valid until the next describe.
  const avrig_traits& describe();

  /// Settle the formats. `inputs` by port, null where not connected. `outputs` by port: what the
  /// graph asks for, or `media` NONE to start from the first input of the port's medium.
  /// On return they hold what the plug-in gives. RT-safe: no. Valid until the next configure.
  const avrig_configuration& configure(std::span<const avrig_format* const> inputs,
                                       std::span<avrig_format> outputs);
  void start();
  void stop();
  void set_parameter(const std::string& name, const std::string& value);

  /// RT-safe: as the plug-in is; nothing is added.
  [[nodiscard]] std::int32_t process(avrig_call& call) noexcept;
  [[nodiscard]] std::int32_t drain(avrig_call& call) noexcept;
  [[nodiscard]] std::int32_t discontinuity(std::uint32_t input, std::uint32_t reason) noexcept;

  /// What the plug-in said last about a failure; may be empty. RT-safe: yes
  [[nodiscard]] std::string_view error_text() const noexcept { return error_.data(); }

 private:
  static void on_log(void* self, std::uint32_t level, const char* text) noexcept;
  static void on_error(void* self, const char* text) noexcept;
  static std::int64_t on_now(void* self) noexcept;
  static void on_count(void* self, const char* name, std::uint64_t n) noexcept;

  void fail(const char* what) const;
  void preset(std::span<const avrig_format* const> inputs, std::span<avrig_format> outputs) const;
  [[nodiscard]] std::int32_t checked(std::int32_t status) noexcept;

  const avrig_component& component_;
  HostServices& services_;
  Surroundings surroundings_;
  avrig_host host_{};
  std::array<char, 1024> error_{};
  void* self_ = nullptr;
  avrig_traits traits_{};
  avrig_configuration configuration_{};
  std::vector<const avrig_format*> inputs_;
  std::vector<avrig_format*> outputs_;
};

}  // namespace avrig::plugin
