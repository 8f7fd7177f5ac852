// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/mixer/bus_layout.hpp>
#include <avrig/mixer/commands.hpp>
#include <avrig/mixer/gain.hpp>

#include <algorithm>

namespace avrig::mixer {

namespace {

constexpr double kMaxDb = 24.0;

double clamped(double db) {
  return std::clamp(db, kSilenceDb, kMaxDb);
}

}  // namespace

BusLayout::BusLayout() {
  buses_.push_back({"Master", 0, false, false, ""});
}

BusLayout BusLayout::standard() {
  BusLayout layout;
  for (const char* name : {"Music", "SFX", "Voice", "UI"}) {
    (void)layout.add(name);
  }
  return layout;
}

std::uint32_t BusLayout::number(std::string_view name) const {
  std::string names;
  for (std::uint32_t b = 0; b < buses_.size(); ++b) {
    if (buses_[b].name == name) {
      return b;
    }
    names += (b == 0 ? "" : ", ") + buses_[b].name;
  }
  throw Error(ErrorCode::Spec, "unknown bus '" + std::string(name) + "': there are " + names);
}

Command BusLayout::add(std::string_view name, double gain_db, std::string_view send_to) {
  const std::uint32_t parent = number(send_to);
  const bool taken = std::any_of(
      buses_.begin(), buses_.end(), [&](const BusInfo& bus) { return bus.name == name; });
  if (taken || name.empty()) {
    throw Error(ErrorCode::Spec,
                "cannot add bus '" + std::string(name) + "': the name is empty or taken");
  }
  if (buses_.size() >= kMaxBuses) {
    throw Error(ErrorCode::Spec, "cannot add bus '" + std::string(name) + "': 64 is the most");
  }
  buses_.push_back({std::string(name), clamped(gain_db), false, false, std::string(send_to)});
  return add_bus(static_cast<std::uint32_t>(buses_.size() - 1),
                 static_cast<std::int32_t>(parent),
                 clamped(gain_db));
}

Command BusLayout::set_gain(std::string_view name, double gain_db, std::uint32_t ramp) {
  const std::uint32_t bus = number(name);
  buses_[bus].gain_db = clamped(gain_db);
  return set_bus(CommandKind::SetBusGain, bus, clamped(gain_db), now(), ramp);
}

Command BusLayout::set_mute(std::string_view name, bool mute, std::uint32_t ramp) {
  const std::uint32_t bus = number(name);
  buses_[bus].mute = mute;
  return set_bus(CommandKind::SetBusMute, bus, mute ? 1.0 : 0.0, now(), ramp);
}

Command BusLayout::set_solo(std::string_view name, bool solo, std::uint32_t ramp) {
  const std::uint32_t bus = number(name);
  buses_[bus].solo = solo;
  return set_bus(CommandKind::SetBusSolo, bus, solo ? 1.0 : 0.0, now(), ramp);
}

Command BusLayout::set_send_to(std::string_view name, std::string_view parent) {
  const std::uint32_t bus = number(name);
  for (std::string_view up = parent; !up.empty(); up = get(up).send_to) {
    if (up == name) {
      throw Error(ErrorCode::Spec,
                  "cannot send bus '" + std::string(name) + "' to '" + std::string(parent) +
                      "': that would be a ring");
    }
  }
  buses_[bus].send_to = parent;
  const double to = parent.empty() ? -1.0 : static_cast<double>(number(parent));
  return set_bus(CommandKind::SetBusParent, bus, to, now(), 0);
}

double BusLayout::effective_db(std::string_view name) const {
  double sum = 0.0;
  bool solo = false;
  for (std::string_view at = name; !at.empty(); at = get(at).send_to) {
    const BusInfo& bus = get(at);
    if (bus.mute || bus.gain_db <= kSilenceDb) {
      return kSilenceDb;
    }
    sum += bus.gain_db;
    solo = solo || bus.solo;
  }
  const bool any = std::any_of(buses_.begin(), buses_.end(), [](auto& bus) { return bus.solo; });
  return any && !solo ? kSilenceDb : std::max(kSilenceDb, sum);
}

std::vector<Command> BusLayout::commands() const {
  std::vector<Command> all;
  for (std::uint32_t b = 0; b < buses_.size(); ++b) {
    const BusInfo& bus = buses_[b];
    // Under the root first: its parent may come later in the list.
    all.push_back(b == 0 ? set_bus(CommandKind::SetBusGain, 0, bus.gain_db, now(), 0)
                         : add_bus(b, -1, bus.gain_db));
  }
  for (std::uint32_t b = 0; b < buses_.size(); ++b) {
    const BusInfo& bus = buses_[b];
    if (!bus.send_to.empty()) {
      all.push_back(set_bus(
          CommandKind::SetBusParent, b, static_cast<double>(number(bus.send_to)), now(), 0));
    }
    if (bus.mute) {
      all.push_back(set_bus(CommandKind::SetBusMute, b, 1.0, now(), 0));
    }
    if (bus.solo) {
      all.push_back(set_bus(CommandKind::SetBusSolo, b, 1.0, now(), 0));
    }
  }
  return all;
}

}  // namespace avrig::mixer
