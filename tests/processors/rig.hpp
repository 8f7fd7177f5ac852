// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// A host in small for the built-in processors: loads the library by its one symbol, settles the
/// formats, gives it frames with stamps as the ABI promises them, and keeps what comes out.

#include <avrig/plugin.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace avrig::rig {

/// A frame with memory of its own, rows 64-byte aligned.
class Frame {
 public:
  explicit Frame(const avrig_format& format);
  Frame(const Frame& other);
  Frame& operator=(const Frame&) = delete;
  ~Frame() = default;

  [[nodiscard]] const avrig_format& format() const { return format_; }
  [[nodiscard]] avrig_frame* get() { return &frame_; }
  [[nodiscard]] const avrig_frame* get() const { return &frame_; }
  avrig_frame* operator->() { return &frame_; }
  const avrig_frame* operator->() const { return &frame_; }
  [[nodiscard]] float* channel(std::uint32_t c) const;
  [[nodiscard]] std::uint8_t* row(std::uint32_t plane, std::uint32_t y) const;
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return memory_; }

 private:
  void point_planes();

  avrig_format format_;
  std::vector<std::byte> memory_;
  avrig_frame frame_{};
  std::vector<std::size_t> offsets_;
};

[[nodiscard]] avrig_format audio(std::uint32_t rate, std::uint32_t channels, std::uint32_t block);
[[nodiscard]] avrig_format video(const std::string& pixels, std::uint32_t w, std::uint32_t h);

using Settings = std::map<std::string, std::string>;
using Frames = std::vector<std::unique_ptr<Frame>>;

/// One instance of a component. Set-up failures throw std::runtime_error with the plug-in's text.
class Rig {
 public:
  explicit Rig(const std::string& library, const Settings& settings = {});
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  [[nodiscard]] const avrig_traits& traits() const { return traits_; }
  [[nodiscard]] const avrig_configuration& configuration() const { return configuration_; }
  [[nodiscard]] const avrig_format& output() const { return outputs_.at(0); }
  /// configure and start; a null entry is an input that is not connected.
  void open(const std::vector<const avrig_format*>& inputs);
  void open(const avrig_format& input) { open(std::vector{&input}); }
  /// One frame in (entries by port, null = absent); what comes out is appended to `out`. Returns
  /// the last status.
  std::int32_t process(const std::vector<const avrig_frame*>& inputs, Frames& out);
  std::int32_t process(const Frame& input, Frames& out) { return process({input.get()}, out); }
  std::int32_t edit(Frame& picture);
  void drain(Frames& out);
  void stop();
  void restart();
  void break_stream(std::uint32_t input, std::uint32_t reason);
  void set(const std::string& name, const std::string& value);

  std::map<std::string, std::uint64_t> counters;
  std::vector<std::string> lines;
  std::string error;

 private:
  std::int32_t step(bool draining, const std::vector<const avrig_frame*>& inputs, Frames& out);
  void preset(avrig_frame& frame, const std::vector<const avrig_frame*>& inputs) const;
  void check(std::int32_t status) const;

  avrig_host host_{};
  const avrig_component* component_ = nullptr;
  void* self_ = nullptr;
  avrig_traits traits_{};
  avrig_configuration configuration_{};
  std::vector<avrig_format> inputs_;
  std::vector<avrig_format> outputs_;
};

}  // namespace avrig::rig
