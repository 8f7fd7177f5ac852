// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
// What a stage believes of a ring is input: header, cursors, descriptors, before-images. The first
// byte chooses the ring, the rest is written over it: two bytes of place and eight of value at a
// time.
#include "../shm/hostile_ring.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) {
    return 0;
  }
  avrig::shm::testing::HostileRing ring((data[0] & 1) != 0);
  for (std::size_t at = 1; at + 10 <= size; at += 10) {
    std::uint16_t place = 0;
    std::memcpy(&place, data + at, sizeof place);
    std::memcpy(ring.bytes().data() + (place * std::size_t{8}) % (ring.control_bytes() - 8),
                data + at + 2,
                8);
  }
  for (int round = 0; round < 2; ++round) {
    (void)ring.work();
  }
  return 0;
}
