// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "clips.hpp"
#include "rig.hpp"

namespace avrig::e2e {

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
