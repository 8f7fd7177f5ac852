// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

/// One built-in processor, driven call by call: what avrig::testing::Rig does for whole streams.
/// The library is loaded by its one symbol, frames come with stamps as the ABI promises them.

#include <avrig/plugin/instance.hpp>
#include <avrig/testing.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace avrig::rig {

/// A frame with memory of its own, as a pointer to what the plug-in sees.
class Frame : public testing::Frame {
 public:
  using testing::Frame::Frame;

  [[nodiscard]] avrig_frame* get() { return &raw(); }
  [[nodiscard]] const avrig_frame* get() const { return &raw(); }
  avrig_frame* operator->() { return &raw(); }
  const avrig_frame* operator->() const { return &raw(); }
  [[nodiscard]] float* channel(std::uint32_t c) const { return testing::Frame::channel(c).data(); }
  [[nodiscard]] std::uint8_t* row(std::uint32_t plane, std::uint32_t y) const {
    return testing::Frame::row(plane, y).data();
  }
};

[[nodiscard]] inline avrig_format audio(std::uint32_t rate,
                                        std::uint32_t channels,
                                        std::uint32_t block) {
  return testing::audio_format(rate, channels, block);
}
[[nodiscard]] inline avrig_format video(const std::string& pixels,
                                        std::uint32_t w,
                                        std::uint32_t h) {
  return testing::video_format(pixels, w, h, 30);
}

using Settings = std::map<std::string, std::string>;
using Frames = std::vector<std::unique_ptr<Frame>>;

/// One instance of a component. Set-up failures throw Error with the plug-in's text.
class Rig : private plugin::HostServices {
 public:
  explicit Rig(const std::string& library, const Settings& settings = {});

  [[nodiscard]] const avrig_traits& traits() const { return *traits_; }
  [[nodiscard]] const avrig_configuration& configuration() const { return *configuration_; }
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
  void stop() { instance_->stop(); }
  void restart();
  void break_stream(std::uint32_t input, std::uint32_t reason);
  void set(const std::string& name, const std::string& value) {
    instance_->set_parameter(name, value);
  }

  std::map<std::string, std::uint64_t> counters;
  std::vector<std::string> lines;

 private:
  void log(std::uint32_t level, std::string_view text) noexcept override;
  void count(const char* name, std::uint64_t n) noexcept override;
  [[nodiscard]] std::int64_t now_ns() noexcept override { return 0; }
  std::int32_t step(bool draining, const std::vector<const avrig_frame*>& inputs, Frames& out);
  void preset(avrig_frame& frame, const std::vector<const avrig_frame*>& inputs) const;

  std::unique_ptr<plugin::PluginInstance> instance_;
  const avrig_traits* traits_ = nullptr;
  const avrig_configuration* configuration_ = nullptr;
  std::vector<avrig_format> inputs_;
  std::vector<avrig_format> outputs_;
};

}  // namespace avrig::rig
