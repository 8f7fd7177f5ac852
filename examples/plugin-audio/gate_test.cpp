// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
/// The gate, run on two blocks in memory: no pipeline, no shared memory.
#include "gate.cpp"

#include <avrig/testing.hpp>

#include <cstdio>

int main() {
  using namespace avrig::testing;
  Rig rig(component_of<Gate>(), {{"threshold", "-20"}});
  Frame quiet(audio_format(48000, 1, 480));
  Frame loud = quiet;
  std::ranges::fill(loud.channel(0), 0.5F);
  loud.raw().capture_ns = 10'000'000;

  const Outcome outcome = rig.run({{quiet, loud}});
  const bool good = outcome.dropped == 1 && outcome.outputs[0].size() == 1 &&
                    outcome.log.back() == "last loud block at 10000000 ns";
  std::puts(good ? "gate: good" : "gate: WRONG");
  return good ? 0 : 1;
}
