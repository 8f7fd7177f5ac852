// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace avrig::mixer {

/// A bus by name, as its user thinks of it.
struct BusInfo {
  std::string name;
  double gain_db = 0;
  bool mute = false;
  bool solo = false;
  std::string send_to;  ///< empty: straight to the outputs
};

/// The names of the buses, and what they add up to; the engine itself knows numbers only.
///
/// Every change returns the command that makes the engine follow. Throws avrig::Error for an
/// unknown name (the text lists the valid ones), a name twice, or a ring of buses.
/// Thread: control
class BusLayout {
 public:
  /// Master <- Music, SFX, Voice, UI.
  [[nodiscard]] static BusLayout standard();
  /// Master alone.
  BusLayout();

  [[nodiscard]] Command add(std::string_view name,
                            double gain_db = 0,
                            std::string_view send_to = "Master");
  [[nodiscard]] Command set_gain(std::string_view name, double gain_db, std::uint32_t ramp = 64);
  [[nodiscard]] Command set_mute(std::string_view name, bool mute, std::uint32_t ramp = 64);
  [[nodiscard]] Command set_solo(std::string_view name, bool solo, std::uint32_t ramp = 64);
  [[nodiscard]] Command set_send_to(std::string_view name, std::string_view parent);

  /// The engine's number of a bus.
  [[nodiscard]] std::uint32_t number(std::string_view name) const;
  [[nodiscard]] const BusInfo& get(std::string_view name) const { return buses_[number(name)]; }
  [[nodiscard]] const std::vector<BusInfo>& buses() const noexcept { return buses_; }
  /// The sum of the levels from a bus to the output, in dB; -80 when muted, or soloed away.
  [[nodiscard]] double effective_db(std::string_view name) const;
  /// Commands that make a fresh engine (which has bus 0) equal to this layout.
  [[nodiscard]] std::vector<Command> commands() const;

 private:
  std::vector<BusInfo> buses_;
};

}  // namespace avrig::mixer
