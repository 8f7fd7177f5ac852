// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
// One stage of the kill test: maker, raw looker, rerun editor, undo editor or looker of the edited
// frame, over memory that its parent sent. Ends with the stream.
#include "ring_peer.hpp"

#include <avrig/monotonic.hpp>
#include <avrig/shm/ring_editor.hpp>
#include <avrig/shm/ring_maker.hpp>
#include <avrig/shm/run_block.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <sys/prctl.h>

using namespace avrig::shm;
using namespace avrig::shm::testing;

namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::byte raw_byte(std::uint64_t index, std::size_t at) {
  return static_cast<std::byte>((index * 131 + at * 7 + 3) & 0xff);
}

// The rerun editor stamps the first 32 bytes, the undo editor adds to bytes 16..79.
bool is_right(const Taken& taken, bool edited) {
  if (taken.descriptor.index != static_cast<std::int64_t>(taken.sequence)) {
    return false;  // lost, or published twice
  }
  for (std::size_t at = 0; at < kPeerBytes; ++at) {
    unsigned expected = std::to_integer<unsigned>(raw_byte(taken.sequence, at));
    if (edited && at < 32) {
      expected = 0x5a;
    }
    if (edited && at >= 16 && at < 80) {
      expected = (expected + at) & 0xff;
    }
    if (std::to_integer<unsigned>(taken.payload[at]) != expected) {
      return false;
    }
  }
  return true;
}

void make(Ring& ring, std::span<Bell> bells, const PeerJournal& journal) {
  RingMaker maker(ring, bells);
  Waiter waiter(bells[ring.maker_bell()], WaitMode::Block);
  std::uint64_t position =
      maker.last() ? static_cast<std::uint64_t>(maker.last()->source_position) : 0;
  while (!maker.ended()) {
    (void)waiter.wait([&] { return maker.ready(); }, kNever);
    Descriptor descriptor{};
    descriptor.index = static_cast<std::int64_t>(position);
    descriptor.source_position = static_cast<std::int64_t>(++position);
    if (journal.stop.load() != 0) {
      maker.publish(Kind::End, descriptor);
      continue;
    }
    const auto buffer = maker.try_claim();
    const auto payload = maker.memory(*buffer);
    for (std::size_t at = 0; at < kPeerBytes; ++at) {
      payload[at] = raw_byte(position - 1, at);
    }
    descriptor.planes = 1;
    descriptor.stride[0] = kPeerBytes;
    descriptor.rows[0] = 1;
    maker.publish(descriptor, *buffer);
  }
}

template <class Work>
void follow(RingFollower& follower, Bell& bell, PeerJournal& journal, Work&& work) {
  follower.release_all();
  Waiter waiter(bell, WaitMode::Block);
  while (!follower.ended()) {
    (void)waiter.wait([&] { return follower.ready(); }, kNever);
    Taken taken;
    const RingFollower::Next next = follower.try_next(taken);
    if (next == RingFollower::Next::Broken) {
      journal.broken.fetch_add(1);
      return;
    }
    if (next == RingFollower::Next::Nothing) {
      continue;
    }
    if (taken.kind == Kind::Frame) {
      work(taken);
    }
    follower.complete(taken);
    follower.release_all();
  }
}

void stage(Peer peer) {
  const Segment memory = Segment::adopt(avrig::UniqueFd(kRingFd));
  const Segment run_memory = Segment::adopt(avrig::UniqueFd(kRunFd));
  const Segment journal_memory = Segment::adopt(avrig::UniqueFd(kJournalFd));
  const Mapping journal_mapping(journal_memory, Mapping::Access::ReadWrite);
  auto& journal = *reinterpret_cast<PeerJournal*>(journal_mapping.bytes().data());
  const RunBlock run(run_memory, std::nullopt);
  const std::uint32_t index = static_cast<std::uint32_t>(peer);
  const std::uint32_t participant = index - 1;
  Ring ring(memory,
            peer == Peer::Maker ? RingAccess{RingAccess::As::Maker, 0}
                                : RingAccess{RingAccess::As::Participant, participant});
  if (peer == Peer::Maker) {
    make(ring, run.bells(), journal);
    return;
  }
  Bell& bell = run.bells()[index];
  if (peer == Peer::Raw || peer == Peer::Looker) {
    RingFollower follower(ring, participant, run.bells());
    follow(follower, bell, journal, [&](const Taken& taken) {
      if (!is_right(taken, peer == Peer::Looker)) {
        journal.wrong.fetch_add(1);
      }
    });
    return;
  }
  RingEditor editor(ring, participant, run.bells());
  follow(editor, bell, journal, [&](const Taken& taken) {
    if (peer == Peer::Rerun) {
      for (std::size_t at = 0; at < 32; ++at) {
        taken.payload[at] = std::byte{0x5a};
      }
      return;
    }
    const Region region{16, 32, 2, 32, 0};
    if (!editor.save(taken, {&region, 1})) {
      journal.broken.fetch_add(1);
    }
    for (std::size_t at = 16; at < 80; ++at) {
      taken.payload[at] =
          static_cast<std::byte>((std::to_integer<unsigned>(taken.payload[at]) + at) & 0xff);
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc != 2) {
    std::fputs("usage: ring_peer STAGE\n", stderr);
    return 1;
  }
  try {
    stage(static_cast<Peer>(std::atoi(argv[1])));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ring_peer: %s\n", error.what());
    return 1;
  }
}
