// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/clock/output_cycle.hpp>

#include <atomic>
#include <cstdint>
#include <thread>

namespace avrig::dipstream {

/// A device without hardware: renders in real time and throws it away, so that the whole of
/// DipStream works where there is no sound card, no server and no right to either.
class NullDevice {
 public:
  NullDevice(clock::OutputRenderer& renderer,
             std::uint32_t outputs,
             std::uint32_t rate_hz,
             std::uint32_t period);
  ~NullDevice();
  NullDevice(const NullDevice&) = delete;
  NullDevice& operator=(const NullDevice&) = delete;

 private:
  void run(std::uint32_t outputs, std::uint32_t rate_hz, std::uint32_t period);

  clock::OutputRenderer* renderer_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace avrig::dipstream
