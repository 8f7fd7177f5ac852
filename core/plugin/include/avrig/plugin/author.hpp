// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// The words of a plug-in class: what it is given, what it answers. Included by <avrig/plugin.hpp>,
/// which says how they go together.

#include <avrig/plugin.h>
#include <avrig/plugin/views.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace avrig::plugin {

/// What a frame call came to; see AVRIG_OK and its neighbours.
enum class Status : std::int32_t {
  Ok = AVRIG_OK,
  Drop = AVRIG_DROP,
  More = AVRIG_MORE,
  Again = AVRIG_AGAIN,
  End = AVRIG_END,
  Error = AVRIG_ERROR
};

enum class Work : std::uint32_t {
  Maker = AVRIG_MAKER,
  Editor = AVRIG_EDITOR,
  Looker = AVRIG_LOOKER
};
enum class Heal : std::uint32_t {
  None = AVRIG_HEAL_NONE,
  Rerun = AVRIG_HEAL_RERUN,
  Undo = AVRIG_HEAL_UNDO
};
enum class Trigger : std::uint32_t {
  All = AVRIG_TRIGGER_ALL,
  Any = AVRIG_TRIGGER_ANY,
  Paired = AVRIG_TRIGGER_PAIRED
};

inline constexpr std::uint32_t kLiveSettable = AVRIG_PARAMETER_LIVE;
inline constexpr std::uint32_t kRequired = AVRIG_PARAMETER_REQUIRED;

/// A published parameter; all values canonical (see avrig_parameter).
struct Parameter {
  const char* name;
  const char* type;
  const char* default_value = nullptr;
  const char* minimum = nullptr;
  const char* maximum = nullptr;
  const char* choices = nullptr;
  const char* unit = nullptr;
  const char* doc = nullptr;
  std::uint32_t flags = 0;
};

/// A parameter's value: canonical text, read as what it is.
class Value {
 public:
  Value(std::string_view name, std::string_view text) noexcept : name_(name), text_(text) {}

  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// T: bool, an integer, float, double, std::string, std::chrono::nanoseconds (durations) or
  /// std::vector<std::string> (lists). Throws where the text is no such thing.
  template <class T>
  [[nodiscard]] T as() const {
    if constexpr (std::is_same_v<T, bool>) {
      return text_ == "true" || (text_ != "false" && (refuse(), false));
    } else if constexpr (std::is_arithmetic_v<T>) {
      T number{};
      const char* const end = text_.data() + text_.size();
      const auto seen = std::from_chars(text_.data(), end, number);
      if (seen.ec != std::errc{} || seen.ptr != end) {
        refuse();
      }
      return number;
    } else if constexpr (std::is_same_v<T, std::chrono::nanoseconds>) {
      return std::chrono::nanoseconds(as<std::int64_t>());
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      return items();
    } else {
      return T(text_);
    }
  }

 private:
  [[noreturn]] void refuse() const {
    throw std::invalid_argument("parameter '" + std::string(name_) + "': cannot read '" +
                                std::string(text_) + "'");
  }
  [[nodiscard]] std::vector<std::string> items() const {
    std::vector<std::string> found;
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t comma = std::min(text_.find(',', at), text_.size());
      found.emplace_back(text_.substr(at, comma - at));
      at = comma + 1;
    }
    return found;
  }

  std::string_view name_;
  std::string_view text_;
};

/// The resolved parameters of an instance. Valid during the constructor.
class Params {
 public:
  Params(const avrig_setting* settings, std::uint32_t count) noexcept
      : settings_(settings), count_(settings == nullptr ? 0 : count) {}

  [[nodiscard]] bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
  /// Throws when it was not given and has no default.
  template <class T>
  [[nodiscard]] T get(std::string_view name) const {
    const avrig_setting* const setting = find(name);
    if (setting == nullptr) {
      throw std::invalid_argument("parameter '" + std::string(name) + "' is missing");
    }
    return Value(name, setting->value == nullptr ? "" : setting->value).as<T>();
  }
  template <class T>
  [[nodiscard]] T get(std::string_view name, T fallback) const {
    return has(name) ? get<T>(name) : fallback;
  }

 private:
  [[nodiscard]] const avrig_setting* find(std::string_view name) const noexcept {
    for (std::uint32_t i = 0; i < count_; ++i) {
      const void* const at = static_cast<const char*>(static_cast<const void*>(settings_)) +
                             i * settings_->struct_size;
      const auto* const setting = static_cast<const avrig_setting*>(at);
      if (setting->name != nullptr && name == setting->name) {
        return setting;
      }
    }
    return nullptr;
  }

  const avrig_setting* settings_;
  std::uint32_t count_;
};

/// What the host does for a plug-in. Copy it and keep it.
class Host {
 public:
  explicit Host(const avrig_host* host) noexcept : host_(host) {}

  /// Thread: process      RT-safe: no
  void log(std::uint32_t level, const std::string& text) const noexcept {
    host_->log(host_->context, level, text.c_str());
  }
  void info(const std::string& text) const noexcept { log(AVRIG_LOG_INFO, text); }
  void warn(const std::string& text) const noexcept { log(AVRIG_LOG_WARNING, text); }
  /// Say why a frame call is about to fail: `return host_.fail("the disk is full");`
  [[nodiscard]] Status fail(const char* text) const noexcept {
    host_->set_error(host_->context, text);
    return Status::Error;
  }
  /// Thread: process      RT-safe: yes
  [[nodiscard]] std::int64_t now_ns() const noexcept { return host_->now_ns(host_->context); }
  /// Add to a counter of the report; `name` is a literal.  RT-safe: yes
  void count(const char* name, std::uint64_t n = 1) const noexcept {
    host_->count(host_->context, name, n);
  }
  [[nodiscard]] std::string_view stage_id() const noexcept { return text(host_->stage_id); }
  [[nodiscard]] std::string_view run_folder() const noexcept { return text(host_->run_folder); }
  [[nodiscard]] bool offline() const noexcept { return (host_->flags & AVRIG_HOST_OFFLINE) != 0; }

 private:
  static std::string_view text(const char* s) noexcept { return s == nullptr ? "" : s; }
  const avrig_host* host_;
};

/// One input or output; see avrig_port.
struct Port {
  std::uint32_t media = AVRIG_MEDIA_NONE;
  std::string name = {};
  std::string pixel_formats = {};
  std::string sample_rates = {};
  std::string channels = {};
  std::uint32_t flags = 0;
  std::uint32_t block = 0;
};

/// What an instance tells about itself; see avrig_traits.
struct Traits {
  Work work = Work::Maker;
  Heal heal = Heal::None;
  Trigger trigger = Trigger::All;
  std::int64_t tolerance_ns = 0;
  bool live = false;
  bool presents = false;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
};

/// The formats, and what the plug-in answers; `config->delay_samples = 512` reaches the fields of
/// avrig_configuration.
class Config {
 public:
  explicit Config(avrig_configuration& raw) noexcept : raw_(raw) {}

  [[nodiscard]] avrig_configuration* operator->() const noexcept { return &raw_; }
  [[nodiscard]] bool connected(std::uint32_t input) const noexcept {
    return input < raw_.input_count && raw_.inputs[input] != nullptr;
  }
  [[nodiscard]] const avrig_format& input(std::uint32_t port = 0) const noexcept {
    return *raw_.inputs[port];
  }
  [[nodiscard]] avrig_format& output(std::uint32_t port = 0) const noexcept {
    return *raw_.outputs[port];
  }
  /// Output `port` carries the named float columns ("rms,peak"), at most `max_rows` rows a frame.
  void set_features(std::uint32_t port, std::string_view columns, std::uint32_t max_rows) const {
    avrig_format& format = output(port);
    format.media = AVRIG_MEDIA_FEATURES;
    format.columns =
        static_cast<std::uint32_t>(1 + std::count(columns.begin(), columns.end(), ','));
    format.max_rows = max_rows;
    copy_text(format.column_names, columns);
  }
  void set_audio(std::uint32_t port,
                 std::uint32_t sample_rate_hz,
                 std::uint32_t channels,
                 std::uint32_t block_samples) const noexcept {
    avrig_format& format = output(port);
    format.media = AVRIG_MEDIA_AUDIO;
    format.sample_rate_hz = sample_rate_hz;
    format.channels = channels;
    format.block_samples = block_samples;
  }
  void set_video(std::uint32_t port,
                 std::string_view pixel_format,
                 std::uint32_t width,
                 std::uint32_t height) const {
    avrig_format& format = output(port);
    format.media = AVRIG_MEDIA_VIDEO;
    format.width = width;
    format.height = height;
    copy_text(format.pixel_format, pixel_format);
  }

 private:
  template <std::size_t kSize>
  static void copy_text(char (&to)[kSize], std::string_view text) {
    if (text.size() >= kSize) {
      throw std::length_error("'" + std::string(text) + "' is too long for a format");
    }
    std::memset(to, 0, kSize);
    std::memcpy(to, text.data(), text.size());
  }

  avrig_configuration& raw_;
};

/// Everything one call borrows, for plug-ins that take it as it comes; see avrig_call.
class Call {
 public:
  Call(avrig_call& raw,
       std::span<const avrig_format* const> inputs,
       std::span<const avrig_format* const> outputs) noexcept
      : raw_(raw), inputs_(inputs), outputs_(outputs) {}

  [[nodiscard]] std::uint32_t input_count() const noexcept { return raw_.input_count; }
  [[nodiscard]] std::uint32_t output_count() const noexcept { return raw_.output_count; }
  [[nodiscard]] bool has(std::uint32_t entry) const noexcept {
    return entry < raw_.input_count && raw_.inputs[entry] != nullptr;
  }
  template <class View>
  [[nodiscard]] View in(std::uint32_t entry) const noexcept {
    return has(entry) ? View(raw_.inputs[entry], inputs_[entry]) : View();
  }
  template <class View>
  [[nodiscard]] View out(std::uint32_t entry) const noexcept {
    return View(raw_.outputs[entry], outputs_[entry]);
  }
  /// This output carries nothing in this call, though the status is Ok or Again.
  void withhold(std::uint32_t entry) const noexcept {
    raw_.produced &= ~(std::uint64_t{1} << entry);
  }
  /// Readers, with Status::More: ask again after so long.
  void wait(std::chrono::nanoseconds time) const noexcept { raw_.wait_ns = time.count(); }
  [[nodiscard]] avrig_call& raw() const noexcept { return raw_; }

 private:
  avrig_call& raw_;
  std::span<const avrig_format* const> inputs_;
  std::span<const avrig_format* const> outputs_;
};

/// The factor of a level: 0 dB is 1, -6 dB about one half.
[[nodiscard]] inline float gain_from_db(double level_db) noexcept {
  return static_cast<float>(std::pow(10.0, level_db / 20.0));
}

}  // namespace avrig::plugin
