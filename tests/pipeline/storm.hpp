// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "clips.hpp"
#include "rig.hpp"

#include <map>
#include <string>

namespace avrig::e2e {

/// Kill -9 one running stage after the other, in random order, one each `period_ms`, until each was
/// `kills_each` times or the run is over. Returns how often each was.
std::map<std::string, int> kill_all_in_turn(Rig& rig, int kills_each, int period_ms = 100);

struct Storm {
  int loops = 1;        ///< how often clip.mkv is played
  int kills_each = 20;  ///< of each stage
  double patience_s = 150;
};

/// Run clip.mkv through a maker, a `rerun` and an `undo` editor and gates into a recorder twice:
/// left alone, and with a random stage killed every 100 ms until each was `kills_each` times. Both
/// recordings must hold the same, and all accounts add up.
void check_storm(Rig& rig, const Storm& storm);

}  // namespace avrig::e2e
