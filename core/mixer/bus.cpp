// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "bus.hpp"

#include <avrig/mixer/gain.hpp>

#include <algorithm>

namespace avrig::mixer {

namespace {

bool soloed(const State& state, std::uint32_t bus) noexcept {
  for (std::int32_t b = static_cast<std::int32_t>(bus); b >= 0;
       b = state.buses[static_cast<std::uint32_t>(b)].parent) {
    if (state.buses[static_cast<std::uint32_t>(b)].solo) {
      return true;
    }
  }
  return false;
}

}  // namespace

void refresh_buses(State& state, std::uint32_t ramp) noexcept {
  ++state.bus_changes;
  bool any_solo = false;
  for (std::uint32_t b = 0; b < kMaxBuses; ++b) {
    any_solo = any_solo || (state.buses[b].alive && state.buses[b].solo);
  }
  for (std::uint32_t b = 0; b < kMaxBuses; ++b) {
    Bus& bus = state.buses[b];
    if (!bus.alive) {
      continue;
    }
    const float gain = bus.mute ? 0.0F : db_to_linear(bus.gain_db);
    const float direct = any_solo && !soloed(state, b) ? 0.0F : 1.0F;
    if (gain != bus.gain.to) {
      bus.gain.aim(gain, state.cursor, ramp);
    }
    if (direct != bus.direct.to) {
      bus.direct.aim(direct, state.cursor, ramp);
    }
  }
}

bool bus_cycle(const State& state, std::uint32_t bus, std::int32_t parent) noexcept {
  for (std::int32_t b = parent; b >= 0; b = state.buses[static_cast<std::uint32_t>(b)].parent) {
    if (b == static_cast<std::int32_t>(bus)) {
      return true;
    }
  }
  return false;
}

void order_buses(State& state) noexcept {
  state.bus_count = 0;
  for (std::uint32_t b = 0; b < kMaxBuses; ++b) {
    Bus& bus = state.buses[b];
    if (!bus.alive) {
      continue;
    }
    bus.depth = 0;
    for (std::int32_t up = bus.parent; up >= 0;
         up = state.buses[static_cast<std::uint32_t>(up)].parent) {
      ++bus.depth;
    }
    state.bus_order[state.bus_count++] = static_cast<std::uint8_t>(b);
  }
  // Insertion sort: stable, in place, and the list is short.
  for (std::uint32_t i = 1; i < state.bus_count; ++i) {
    const std::uint8_t b = state.bus_order[i];
    std::uint32_t at = i;
    for (; at > 0 && state.buses[state.bus_order[at - 1]].depth < state.buses[b].depth; --at) {
      state.bus_order[at] = state.bus_order[at - 1];
    }
    state.bus_order[at] = b;
  }
}

}  // namespace avrig::mixer
