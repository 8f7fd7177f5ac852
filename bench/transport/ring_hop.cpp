// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// How long does a frame take from one avrig stage to the next, and how many pass?
#include "ring_ends.hpp"

using namespace avrig;
using namespace avrig::bench;

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Board* board = make_board();
  const shm::Segment run = shm::RunBlock::create(2, 2);
  shm::RingSpec spec = default_ring(options, 3);
  spec.participants = {participant(shm::Part::Looker, 1)};
  const shm::Segment segment = shm::Ring::create("bench-hop", spec);
  return run_pair(
      options,
      *board,
      1,
      [&] { return std::make_unique<RingSender>(run, segment, options); },
      [&] { return std::make_unique<RingReceiver>(run, segment, nullptr, 1, options); });
}
