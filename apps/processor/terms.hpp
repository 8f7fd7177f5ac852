// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/plugin.h>
#include <avrig/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace avrig::processor {

/// One port of the plug-in, as it is served.
struct PortTerms {
  std::string name;
  bool connected = false;
  avrig_format format{};            ///< as the plug-in sees it
  avrig_format ring_format{};       ///< as the frames of the ring are
  std::uint32_t first_entry = 0;    ///< of a call
  std::uint32_t entries = 1;        ///< of a call
  std::uint32_t block_samples = 0;  ///< audio inputs: exact samples a frame; 0 = as they come
};

/// Everything that describe() and configure() settled between host and plug-in.
struct Terms {
  std::uint32_t role = AVRIG_PROCESSOR;
  std::uint32_t work = AVRIG_MAKER;
  std::uint32_t heal = AVRIG_HEAL_NONE;
  std::uint32_t trigger = AVRIG_TRIGGER_ALL;
  std::int64_t tolerance_ns = 0;
  bool live = false;      ///< a device, which cannot be read again
  bool presents = false;  ///< called when a frame is due
  std::vector<PortTerms> inputs;
  std::vector<PortTerms> outputs;
  std::uint32_t input_entries = 0;
  std::uint32_t output_entries = 0;
  std::int64_t delay_ns = 0;
  std::uint32_t history = 0;
  bool remembers_all = false;  ///< its state is the whole stream: a restart cannot bring it back
  std::uint32_t keep_outputs = 0;
  std::array<std::uint32_t, 4> undo{};  ///< x, y, width, height; width 0 = all of the frame
};

}  // namespace avrig::processor
